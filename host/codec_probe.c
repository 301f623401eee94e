#include "host/codec_probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/cache_file.h"
#include "host/event_timer.h"
#include "host/ladder_probe.h"
#include "host/probe_process.h"
#include "host/spawn.h"

#define MEASURE_LIMIT_MS 30000

static const struct {
	uint32_t width, height;
} sizes[] = {{1280, 720}, {1920, 1080}};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

// One after the other: first the candidates, then rungs[i / N_SIZES] at sizes[i % N_SIZES].
struct es_codec_probe {
	struct es_codec_probe_params params;
	char program[4096], cache[4096], key[512];
	struct es_candidate candidates[ES_CANDIDATES_MAX]; // to be tried
	size_t n_candidates;
	struct es_codec_speeds speeds; // told
	struct es_codec_speeds measured; // so far
	bool speeds_known;
	size_t step;
	bool running, failed, paused;
	bool aborted; // the process that still ends counts for nothing
	struct es_probe_process *process; // NULL: none runs
	sd_event_source *next;
};

static void start_next(struct es_codec_probe *probe);

static void finish(struct es_codec_probe *probe) {
	probe->running = false;
	if (!probe->speeds_known) {
		probe->speeds = probe->measured;
		if (!probe->failed && probe->cache[0] != '\0') {
			codec_speeds_save(&probe->speeds, probe->cache, probe->key);
		}
	}
	if (probe->params.finished != NULL) {
		probe->params.finished(probe->params.data);
	}
}

// NULL: it is a candidate's step.
static const struct es_rung *measured_rung(const struct es_codec_probe *probe) {
	return probe->step < probe->n_candidates
			? NULL
			: &rungs[(probe->step - probe->n_candidates) / N_SIZES];
}

static void take_speed(
		struct es_codec_probe *probe, const struct es_rung *rung, const struct es_trial *trial) {
	struct es_codec_speed speed;
	if (trial->status == 0 && !trial->timed_out && codec_speeds_parse_line(&speed, trial->output) &&
			strcmp(speed.encoder, rung->name) == 0) {
		es_log(ES_LOG_DEBUG, "%s at %ux%u: %.1f frames per second", speed.encoder, speed.width,
				speed.height, speed.fps);
		codec_speeds_set(&probe->measured, speed.encoder, speed.width, speed.height, speed.fps);
	} else {
		es_log(ES_LOG_WARN,
				"the speed of encoder %s could not be measured: it is not offered for %s",
				rung->name, codec_name(rung->codec));
		probe->failed = true;
	}
}

static void on_ended(void *data, const struct es_trial *trial) {
	struct es_codec_probe *probe = data;
	const struct es_rung *rung = measured_rung(probe);
	if (!probe->aborted && rung != NULL) {
		take_speed(probe, rung, trial);
	} else if (!probe->aborted) {
		ladder_probe_record(probe->params.facts, &probe->candidates[probe->step], trial);
	}
	probe->step += probe->aborted ? 0 : 1;
	probe->aborted = false;
	probe_process_destroy(probe->process);
	probe->process = NULL;
	start_next(probe);
}

static bool start_program(struct es_codec_probe *probe, char *const *argv, int limit_ms) {
	probe->process = probe_process_start(&(struct es_probe_start){
			.event = probe->params.event,
			.children = probe->params.children,
			.program = probe->program,
			.argv = argv,
			.limit_ms = limit_ms,
			.ended = on_ended,
			.data = probe,
	});
	return probe->process != NULL;
}

static bool start_measuring(struct es_codec_probe *probe, const struct es_rung *rung, size_t size) {
	char flag[] = "--probe", name[32], mode[32];
	snprintf(name, sizeof(name), "%s", rung->name);
	snprintf(mode, sizeof(mode), "%ux%u", sizes[size].width, sizes[size].height);
	char *argv[] = {probe->program, flag, name, mode, NULL};
	return start_program(probe, argv, MEASURE_LIMIT_MS);
}

static bool start_trying(struct es_codec_probe *probe, const struct es_candidate *candidate) {
	struct es_probe_words words;
	ladder_probe_words(&words, candidate);
	return start_program(probe, words.argv, ladder_probe_limit_ms(candidate));
}

// One that was found to hang while another was tried needs no trial any more.
static bool is_to_do(const struct es_codec_probe *probe) {
	if (probe->step < probe->n_candidates) {
		const struct es_proof *proof =
				ladder_proof(probe->params.facts, &probe->candidates[probe->step]);
		return proof == NULL || proof->state == ES_PROOF_LOST;
	}
	const struct es_rung *rung = measured_rung(probe);
	return !probe->speeds_known && rung->built && !rung->hardware;
}

static bool is_over(const struct es_codec_probe *probe) {
	return probe->step >= probe->n_candidates + n_rungs * N_SIZES;
}

static void start_next(struct es_codec_probe *probe) {
	if (probe->paused) {
		return;
	}
	while (!is_over(probe) && !is_to_do(probe)) {
		probe->step++;
	}
	if (is_over(probe)) {
		finish(probe);
		return;
	}
	const struct es_rung *rung = measured_rung(probe);
	bool ok = rung != NULL
			? start_measuring(probe, rung, (probe->step - probe->n_candidates) % N_SIZES)
			: start_trying(probe, &probe->candidates[probe->step]);
	if (!ok) {
		es_log(ES_LOG_WARN, "cannot try the encoders with '%s': %s; only H.264 is offered",
				probe->program, strerror(errno));
		probe->failed = true;
		finish(probe);
	}
}

static int handle_start(sd_event_source *source, uint64_t usec, void *data) {
	struct es_codec_probe *probe = data;
	event_timer_clear(&probe->next);
	start_next(probe);
	return 0;
}

static void find_candidates(struct es_codec_probe *probe) {
	struct es_candidate all[ES_CANDIDATES_MAX];
	struct es_ladder_facts *facts = probe->params.facts;
	size_t n = ladder_candidates(facts, probe->params.word, all, ES_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct es_proof *proof = ladder_proof(facts, &all[i]);
		if (proof == NULL || proof->state == ES_PROOF_LOST) {
			probe->candidates[probe->n_candidates++] = all[i];
		}
	}
}

static void find_cache(struct es_codec_probe *probe) {
	const char *given = probe->params.cache;
	bool ok = given != NULL
			? (size_t)snprintf(probe->cache, sizeof(probe->cache), "%s", given) <
					sizeof(probe->cache)
			: cache_file_path("codec-speeds.json", probe->cache, sizeof(probe->cache));
	if (!ok) {
		probe->cache[0] = '\0';
	}
}

struct es_codec_probe *codec_probe_create(const struct es_codec_probe_params *params) {
	struct es_codec_probe *probe = calloc(1, sizeof(*probe));
	if (probe == NULL) {
		es_log(ES_LOG_ERROR, "cannot look at the encoders: out of memory");
		return NULL;
	}
	probe->params = *params;
	find_cache(probe);
	find_candidates(probe);
	codec_speeds_make_key(probe->key, sizeof(probe->key));
	probe->speeds_known = codec_speeds_load(&probe->speeds, probe->cache, probe->key);
	if (probe->speeds_known && probe->n_candidates == 0) {
		return probe;
	}
	if (params->program != NULL) {
		snprintf(probe->program, sizeof(probe->program), "%s", params->program);
	} else if (!spawn_find_room("earthshine-encode", probe->program, sizeof(probe->program))) {
		return probe; // the first session says what is missing
	}
	probe->running = event_timer_set(params->event, &probe->next, 0, handle_start, probe);
	return probe;
}

void codec_probe_destroy(struct es_codec_probe *probe) {
	if (probe == NULL) {
		return;
	}
	probe_process_destroy(probe->process);
	event_timer_clear(&probe->next);
	free(probe);
}

void codec_probe_pause(struct es_codec_probe *probe, bool paused) {
	if (probe->paused == paused) {
		return;
	}
	probe->paused = paused;
	if (paused && probe->process != NULL) {
		probe->aborted = true;
		probe_process_kill(probe->process);
	} else if (!paused && probe->running && probe->process == NULL && probe->next == NULL) {
		start_next(probe);
	}
}

bool codec_probe_running(const struct es_codec_probe *probe) {
	return probe->running;
}

const struct es_codec_speeds *codec_probe_speeds(const struct es_codec_probe *probe) {
	return &probe->speeds;
}
