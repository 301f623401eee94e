#include "host/ladder_probe.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/capture.h"

#define GPU_LIMIT_MS 5000
#define CPU_LIMIT_MS 20000 // no driver that could hang, but slow machines

void ladder_probe_words(struct es_probe_words *words, const struct es_candidate *candidate) {
	const struct es_rung *rung = candidate->rung;
	*words = (struct es_probe_words){
			.program = "earthshine-encode", .option = "--probe", .device_option = "--device"};
	snprintf(words->name, sizeof(words->name), "%s", rung->name);
	snprintf(words->codec, sizeof(words->codec), "%s", codec_name(rung->codec));
	size_t n = 0;
	words->argv[n++] = words->program;
	words->argv[n++] = words->option;
	words->argv[n++] = words->name;
	words->argv[n++] = words->codec;
	if (candidate->gpu != NULL) {
		memcpy(words->node, candidate->gpu->node, sizeof(words->node));
		words->argv[n++] = words->device_option;
		words->argv[n++] = words->node;
	}
	words->argv[n] = NULL;
}

int ladder_probe_limit_ms(const struct es_candidate *candidate) {
	return candidate->gpu != NULL ? GPU_LIMIT_MS : CPU_LIMIT_MS;
}

static void record(struct es_ladder_facts *facts, const struct es_candidate *candidate,
		const struct es_trial *trial) {
	struct es_proof proof = ladder_new_proof(facts, candidate);
	proof_conclude(&proof, trial);
	es_log(ES_LOG_DEBUG, "%s (%s)%s%s: %s %s", proof.encoder, codec_name(proof.codec),
			proof.node[0] != '\0' ? " on " : "", proof.node, proof_state_name(proof.state),
			proof.reason);
	ladder_facts_record(facts, &proof);
}

void ladder_probe_record(struct es_ladder_facts *facts, const struct es_candidate *candidate,
		const struct es_trial *trial) {
	record(facts, candidate, trial);
	if (!trial->stuck || candidate->gpu == NULL) {
		return;
	}
	struct es_candidate all[ES_CANDIDATES_MAX];
	size_t n = ladder_candidates(facts, "auto", all, ES_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++) {
		if (all[i].gpu == candidate->gpu && all[i].rung != candidate->rung) {
			record(facts, &all[i], trial);
		}
	}
}

bool ladder_probe(struct es_ladder_facts *facts, const struct es_candidate *candidate) {
	struct es_capture capture;
	struct es_probe_words words;
	ladder_probe_words(&words, candidate);
	int limit_ms = ladder_probe_limit_ms(candidate);
	bool ran = capture_run(&capture, words.program, words.argv, limit_ms);
	struct es_trial trial = {
			.output = capture.text,
			.status = ran ? capture.status : 127 << 8,
			.limit_ms = limit_ms,
			.timed_out = capture.timed_out,
			.stuck = capture.stuck,
	};
	ladder_probe_record(facts, candidate, &trial);
	return !trial.stuck;
}
