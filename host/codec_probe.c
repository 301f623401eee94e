#define _GNU_SOURCE // pipe2
#include "host/codec_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/encoder_choice.h"
#include "host/event_timer.h"
#include "host/spawn.h"

#define LIMIT_NS (30 * ES_NS_PER_S) // of one measurement
#define MAX_LINE 256

static const struct {
	uint32_t width, height;
} sizes[] = {{1280, 720}, {1920, 1080}};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct es_codec_probe {
	struct es_codec_probe_params params;
	char program[4096], cache[4096], key[512];
	struct es_codec_speeds speeds; // told
	struct es_codec_speeds measured; // so far
	size_t step; // the measurement that runs: encoder_choices[step / N_SIZES] at sizes[step % N_SIZES]
	bool running, failed, paused;
	bool aborted; // the measurement that still ends counts for nothing
	pid_t pid; // -1: none
	int fd; // what it prints, -1: none
	char line[MAX_LINE];
	size_t line_size;
	sd_event_source *limit, *next;
};

static void start_next(struct es_codec_probe *probe);

static void finish(struct es_codec_probe *probe) {
	probe->running = false;
	probe->speeds = probe->measured;
	if (!probe->failed && probe->cache[0] != '\0') {
		codec_speeds_save(&probe->speeds, probe->cache, probe->key);
	}
	if (probe->params.finished != NULL) {
		probe->params.finished(probe->params.data);
	}
}

// Its whole output is one short line: the pipe holds it until the process has ended.
static void read_output(struct es_codec_probe *probe) {
	ssize_t n = read(probe->fd, probe->line, sizeof(probe->line) - 1);
	probe->line[n > 0 ? n : 0] = '\0';
	fd_close(&probe->fd);
}

static void handle_ended(void *data, pid_t pid, int status) {
	struct es_codec_probe *probe = data;
	const struct es_encoder_choice *choice = &encoder_choices[probe->step / N_SIZES];
	struct es_codec_speed speed;
	probe->pid = -1;
	event_timer_clear(&probe->limit);
	read_output(probe);
	if (probe->aborted) {
		probe->aborted = false;
		start_next(probe);
		return;
	}
	if (status == 0 && codec_speeds_parse_line(&speed, probe->line) &&
			strcmp(speed.encoder, choice->name) == 0) {
		es_log(ES_LOG_DEBUG, "%s at %ux%u: %.1f frames per second", speed.encoder, speed.width,
				speed.height, speed.fps);
		codec_speeds_set(&probe->measured, speed.encoder, speed.width, speed.height, speed.fps);
	} else {
		es_log(ES_LOG_WARN, "the speed of encoder %s could not be measured: %s is not offered",
				choice->name, codec_name(choice->codec));
		probe->failed = true;
	}
	probe->step++;
	start_next(probe);
}

static int handle_limit(sd_event_source *source, uint64_t usec, void *data) {
	struct es_codec_probe *probe = data;
	event_timer_clear(&probe->limit);
	kill(probe->pid, SIGKILL);
	return 0;
}

static bool start_one(struct es_codec_probe *probe, const char *encoder, size_t size) {
	char flag[] = "--probe", name[32], mode[32];
	snprintf(name, sizeof(name), "%s", encoder);
	snprintf(mode, sizeof(mode), "%ux%u", sizes[size].width, sizes[size].height);
	char *argv[] = {probe->program, flag, name, mode, NULL};
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		return false;
	}
	probe->fd = ends[0];
	probe->pid = spawn_program(&(struct es_spawn){
			.path = probe->program,
			.argv = argv,
			.stdin_fd = -1,
			.stdout_fd = ends[1],
			.session_fd = -1,
			.death_signal = SIGKILL,
	});
	fd_close(&ends[1]);
	if (probe->pid < 0) {
		fd_close(&probe->fd);
		return false;
	}
	if (!children_watch(probe->params.children, probe->pid, handle_ended, probe)) {
		kill(probe->pid, SIGKILL);
		probe->pid = -1;
		fd_close(&probe->fd);
		return false;
	}
	event_timer_set(probe->params.event, &probe->limit, LIMIT_NS, handle_limit, probe);
	return true;
}

static void start_next(struct es_codec_probe *probe) {
	if (probe->paused) {
		return;
	}
	while (probe->step / N_SIZES < n_encoder_choices &&
			!encoder_choices[probe->step / N_SIZES].built) {
		probe->step++;
	}
	if (probe->step / N_SIZES >= n_encoder_choices) {
		finish(probe);
		return;
	}
	if (!start_one(probe, encoder_choices[probe->step / N_SIZES].name, probe->step % N_SIZES)) {
		es_log(ES_LOG_WARN, "cannot measure the encoders with '%s': %s; only H.264 is offered",
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

static void find_cache(struct es_codec_probe *probe) {
	static const char name[] = "earthshine/codec-speeds.json";
	const char *folder = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n = 0;
	if (probe->params.cache != NULL) {
		n = snprintf(probe->cache, sizeof(probe->cache), "%s", probe->params.cache);
	} else if (folder != NULL && folder[0] == '/') {
		n = snprintf(probe->cache, sizeof(probe->cache), "%s/%s", folder, name);
	} else if (home != NULL && home[0] == '/') {
		n = snprintf(probe->cache, sizeof(probe->cache), "%s/.cache/%s", home, name);
	}
	if (n < 0 || (size_t)n >= sizeof(probe->cache)) {
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
	probe->pid = probe->fd = -1;
	find_cache(probe);
	codec_speeds_make_key(probe->key, sizeof(probe->key));
	if (codec_speeds_load(&probe->speeds, probe->cache, probe->key)) {
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
	if (probe->pid > 0) {
		children_forget(probe->params.children, probe->pid);
		kill(probe->pid, SIGKILL);
	}
	fd_close(&probe->fd);
	event_timer_clear(&probe->limit);
	event_timer_clear(&probe->next);
	free(probe);
}

void codec_probe_pause(struct es_codec_probe *probe, bool paused) {
	if (probe->paused == paused) {
		return;
	}
	probe->paused = paused;
	if (paused && probe->pid > 0) {
		probe->aborted = true;
		kill(probe->pid, SIGKILL);
	} else if (!paused && probe->running && probe->pid < 0 && probe->next == NULL) {
		start_next(probe);
	}
}

bool codec_probe_running(const struct es_codec_probe *probe) {
	return probe->running;
}

const struct es_codec_speeds *codec_probe_speeds(const struct es_codec_probe *probe) {
	return &probe->speeds;
}
