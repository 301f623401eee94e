#define _GNU_SOURCE
#include "host/doctor_encoders.h"

#include <stdio.h>
#include <string.h>

#include "host/capture.h"
#include "host/ladder_probe.h"
#include "host/rungs.h"

#define SOFTWARE_LIMIT_MS 20000

#define NO_GPU "no render node in /dev/dri"
#define NO_GPU_REMEDY \
	"only needed to encode on a GPU: load its driver, or hand its render node into the container"
#define NO_ACCESS_REMEDY \
	"add your user to the group that owns it (render, video), then log in again"
#define OTHER_REMEDY "use another one with -e or -c"
#define DRIVER_REMEDY \
	"install the GPU's driver for it (VA-API: mesa-va-drivers or intel-media-va-driver; Vulkan: " \
	"mesa-vulkan-drivers; NVENC: libnvidia-encode1)"
#define REPORT_REMEDY "others are used instead; `earthshine doctor --report` tells us more"

static void add(struct es_findings *findings, const struct es_rung *rung, const struct es_gpu *gpu,
		const char *state, const char *detail, const char *remedy) {
	char title[64];
	snprintf(title, sizeof(title), "%s (%s)", rung->name, codec_name(rung->codec));
	findings_add(findings, title, strcmp(state, "ok") == 0, remedy, "%s%s%s",
			gpu != NULL ? gpu->node : "", gpu != NULL ? ": " : "", detail);
	findings_set_state(findings, state);
}

static const char *remedy_for(enum es_proof_state state) {
	return state == ES_PROOF_UNAVAILABLE ? DRIVER_REMEDY : REPORT_REMEDY;
}

static bool add_proof(struct es_findings *findings, const struct es_candidate *candidate,
		const struct es_proof *proof, const char *remedy) {
	char detail[256];
	snprintf(detail, sizeof(detail), "%s", proof->reason);
	if (proof->state == ES_PROOF_OK) {
		snprintf(detail, sizeof(detail), "%.0f frames a second in the self-test", proof->fps);
	}
	add(findings, candidate->rung, candidate->gpu, proof_state_name(proof->state), detail, remedy);
	return proof->state == ES_PROOF_OK;
}

// --- hardware

// A GPU that hangs is not asked again: each trial would be one more process that cannot be ended.
static bool check_on_gpu(struct es_findings *findings, struct es_ladder_facts *facts,
		const struct es_rung *rung, const struct es_gpu *gpu, bool *hung) {
	struct es_candidate candidate = {rung, gpu};
	if (gpu->error != 0) {
		add(findings, rung, gpu, "unavailable", strerror(gpu->error), NO_ACCESS_REMEDY);
		return false;
	}
	*hung = *hung || !ladder_probe(facts, &candidate);
	const struct es_proof *proof = ladder_proof(facts, &candidate);
	return proof != NULL && add_proof(findings, &candidate, proof, remedy_for(proof->state));
}

static bool check_hardware(struct es_findings *findings, struct es_ladder_facts *facts,
		const struct es_rung *rung, bool hung[ES_GPUS_MAX]) {
	if (!rung->needs_gpu) {
		struct es_candidate candidate = {.rung = rung};
		ladder_probe(facts, &candidate);
		const struct es_proof *proof = ladder_proof(facts, &candidate);
		return proof != NULL && add_proof(findings, &candidate, proof, REPORT_REMEDY);
	}
	bool any = false;
	for (size_t i = 0; i < facts->n_gpus; i++) {
		if (ladder_made_for(rung, &facts->gpus[i])) {
			any |= check_on_gpu(findings, facts, rung, &facts->gpus[i], &hung[i]);
		} else {
			add(findings, rung, &facts->gpus[i], "unavailable", "made for other GPUs",
					OTHER_REMEDY);
		}
	}
	if (facts->n_gpus == 0) {
		add(findings, rung, NULL, "unavailable", NO_GPU, NO_GPU_REMEDY);
	}
	return any;
}

// --- software

static bool check_software(struct es_findings *findings, const struct es_rung *rung) {
	struct es_candidate candidate = {.rung = rung};
	struct es_probe_words words;
	struct es_capture capture;
	struct es_proof proof = {.codec = rung->codec};
	snprintf(proof.encoder, sizeof(proof.encoder), "%s", rung->name);
	ladder_probe_words(&words, &candidate);
	if (!capture_run(&capture, words.program, words.argv, SOFTWARE_LIMIT_MS)) {
		add(findings, rung, NULL, "missing", capture.text,
				"is the installation complete? build and install all of earthshine");
		return false;
	}
	proof_conclude(&proof,
			&(struct es_trial){
					.output = capture.text,
					.status = capture.status,
					.limit_ms = SOFTWARE_LIMIT_MS,
					.timed_out = capture.timed_out,
					.stuck = capture.stuck,
			});
	return add_proof(findings, &candidate, &proof, OTHER_REMEDY);
}

bool doctor_check_encoders(struct es_findings *findings, struct es_ladder_facts *facts) {
	bool any = false, hung[ES_GPUS_MAX] = {false};
	for (size_t i = 0; i < n_rungs; i++) {
		const struct es_rung *rung = &rungs[i];
		if (!rung->built) {
			add(findings, rung, NULL, "not-built", "not in this build", rung->remedy);
		} else if (rung->hardware) {
			any |= check_hardware(findings, facts, rung, hung);
		} else {
			any |= check_software(findings, rung);
		}
	}
	return any;
}
