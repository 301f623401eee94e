#include "host/run_ladder.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/ladder_probe.h"

// Where there is no GPU, nothing is started here.
static void find_out(struct es_ladder_facts *facts, const struct es_run_options *options) {
	struct es_candidate candidates[ES_CANDIDATES_MAX];
	size_t n = ladder_candidates(facts, options->encoder, candidates, ES_CANDIDATES_MAX);
	bool said = false;
	for (size_t i = 0; i < n; i++) {
		if (candidates[i].rung->codec != options->codec ||
				ladder_proof(facts, &candidates[i]) != NULL) {
			continue;
		}
		if (!said) {
			es_log(ES_LOG_INFO,
					"trying the hardware encoders for %s, this once (%zu of them; seconds at most "
					"each)",
					codec_name(options->codec), n);
			said = true;
		}
		ladder_probe(facts, &candidates[i]);
	}
}

static bool check_gpu(const struct es_ladder_facts *facts) {
	if (strcmp(facts->choice, "auto") == 0) {
		return true;
	}
	char there[512] = "";
	for (size_t i = 0; i < facts->n_gpus; i++) {
		const struct es_gpu *gpu = &facts->gpus[i];
		if (gpu_matches(gpu, facts->choice)) {
			return true;
		}
		size_t at = strlen(there);
		snprintf(there + at, sizeof(there) - at, "%s%s %s (%04x:%04x)", i > 0 ? ", " : "",
				gpu->node, gpu->slot, gpu->vendor, gpu->device);
	}
	es_log(ES_LOG_ERROR, "no GPU is '%s': %s%s; leave --gpu out to take what there is",
			facts->choice, facts->n_gpus > 0 ? "there is " : "there is no render node in /dev/dri",
			there);
	return false;
}

bool run_ladder_make(struct es_ladder *ladder, struct es_ladder_facts *facts,
		const struct es_run_options *options) {
	char error[768];
	ladder_facts_init(facts, options->gpu, "", NULL);
	if (!check_gpu(facts)) {
		return false;
	}
	find_out(facts, options);
	if (!ladder_make(ladder, facts, options->encoder, options->codec, NULL, error, sizeof(error))) {
		es_log(ES_LOG_ERROR, "%s", error);
		return false;
	}
	es_log(ES_LOG_DEBUG, "encoder %s%s%s, %zu more to fall back to", ladder->items[0]->name,
			ladder->node[0] != '\0' ? " on " : "", ladder->node, ladder->n - 1);
	return true;
}
