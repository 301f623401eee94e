#define _GNU_SOURCE
#include "host/ladder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/cache_file.h"

#define FILE_NAME "encoders.json"

// --- what is known

void ladder_facts_init(
		struct es_ladder_facts *facts, const char *choice, const char *root, const char *path) {
	*facts = (struct es_ladder_facts){0};
	snprintf(facts->choice, sizeof(facts->choice), "%s", choice);
	facts->n_gpus = gpus_find(facts->gpus, ES_GPUS_MAX, root);
	for (size_t i = 0; i < facts->n_gpus; i++) {
		driver_key_make(facts->keys[i], &facts->gpus[i], root);
	}
	driver_key_make(facts->key, NULL, root);
	driver_key_boot(facts->boot);
	bool ok = path != NULL
			? (size_t)snprintf(facts->path, sizeof(facts->path), "%s", path) < sizeof(facts->path)
			: cache_file_path(FILE_NAME, facts->path, sizeof(facts->path));
	if (!ok) {
		facts->path[0] = '\0';
	}
	ladder_facts_reload(facts);
}

void ladder_facts_reload(struct es_ladder_facts *facts) {
	size_t size = 0;
	char *text = facts->path[0] != '\0' ? cache_file_read(facts->path, &size) : NULL;
	if (text != NULL) {
		proofs_parse(&facts->proofs, text, size);
	}
	free(text);
}

void ladder_facts_record(struct es_ladder_facts *facts, const struct es_proof *proof) {
	ladder_facts_reload(facts);
	proofs_set(&facts->proofs, proof);
	if (facts->path[0] == '\0') {
		return;
	}
	size_t size = 0;
	char *text = proofs_format(&facts->proofs, &size);
	if (text == NULL || !cache_file_write(facts->path, text, size)) {
		es_log(ES_LOG_WARN,
				"cannot keep what was found out about the encoders in '%s': %s; they are tried again "
				"next time",
				facts->path, text != NULL ? strerror(errno) : "out of memory");
	}
	free(text);
}

// --- candidates

bool ladder_made_for(const struct es_rung *rung, const struct es_gpu *gpu) {
	return (rung->vendor == 0 || rung->vendor == gpu->vendor) &&
			(rung->not_vendor == 0 || rung->not_vendor != gpu->vendor);
}

static size_t add_candidates(const struct es_gpu *gpu, const char *word, struct es_candidate *out,
		size_t n, size_t cap) {
	for (size_t i = 0; i < n_rungs; i++) {
		const struct es_rung *rung = &rungs[i];
		if (rung->hardware && rung->built && rungs_match(rung, word) &&
				rung->needs_gpu == (gpu != NULL) && (gpu == NULL || ladder_made_for(rung, gpu)) &&
				n < cap) {
			out[n++] = (struct es_candidate){rung, gpu};
		}
	}
	return n;
}

size_t ladder_candidates(const struct es_ladder_facts *facts, const char *word,
		struct es_candidate *out, size_t cap) {
	size_t n = add_candidates(NULL, word, out, 0, cap);
	for (size_t i = 0; i < facts->n_gpus; i++) {
		const struct es_gpu *gpu = &facts->gpus[i];
		if (gpu->error == 0 && gpu_matches(gpu, facts->choice)) {
			n = add_candidates(gpu, word, out, n, cap);
		}
	}
	return n;
}

static const char *key_of(const struct es_ladder_facts *facts, const struct es_gpu *gpu) {
	return gpu != NULL ? facts->keys[gpu - facts->gpus] : facts->key;
}

const struct es_proof *ladder_proof(
		const struct es_ladder_facts *facts, const struct es_candidate *candidate) {
	const struct es_gpu *gpu = candidate->gpu;
	return proofs_find(&facts->proofs, gpu != NULL ? gpu->node : "", key_of(facts, gpu),
			facts->boot, candidate->rung->name, candidate->rung->codec);
}

struct es_proof ladder_new_proof(
		const struct es_ladder_facts *facts, const struct es_candidate *candidate) {
	struct es_proof proof = {.codec = candidate->rung->codec};
	snprintf(proof.node, sizeof(proof.node), "%s",
			candidate->gpu != NULL ? candidate->gpu->node : "");
	memcpy(proof.key, key_of(facts, candidate->gpu), sizeof(proof.key));
	memcpy(proof.boot, facts->boot, sizeof(proof.boot));
	snprintf(proof.encoder, sizeof(proof.encoder), "%s", candidate->rung->name);
	return proof;
}

// --- the ladder of a session

static bool is_proved(const struct es_ladder_facts *facts, const struct es_candidate *candidate) {
	const struct es_proof *proof = ladder_proof(facts, candidate);
	return proof != NULL && proof->state == ES_PROOF_OK;
}

static void push(struct es_ladder *ladder, const struct es_rung *rung, const char *without) {
	for (size_t i = 0; i < ladder->n; i++) {
		if (ladder->items[i] == rung) {
			return;
		}
	}
	if (ladder->n < ES_LADDER_MAX) {
		snprintf(ladder->without[ladder->n], sizeof(ladder->without[0]), "%s", without);
		ladder->items[ladder->n++] = rung;
	}
}

// Proved hardware of one GPU alone: pictures do not travel between GPUs.
static void push_hardware(struct es_ladder *ladder, const struct es_ladder_facts *facts,
		const char *word, enum es_codec codec, const char *node) {
	struct es_candidate candidates[ES_CANDIDATES_MAX];
	size_t n = ladder_candidates(facts, word, candidates, ES_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct es_candidate *candidate = &candidates[i];
		const char *at = candidate->gpu != NULL ? candidate->gpu->node : "";
		bool allowed =
				candidate->gpu == NULL || ladder->node[0] == '\0' || strcmp(ladder->node, at) == 0;
		bool wanted = candidate->gpu == NULL || node == NULL || strcmp(node, at) == 0;
		if (candidate->rung->codec == codec && allowed && wanted && is_proved(facts, candidate)) {
			push(ladder, candidate->rung, ladder_proof(facts, candidate)->without);
			if (candidate->gpu != NULL) {
				snprintf(ladder->node, sizeof(ladder->node), "%s", at);
			}
		}
	}
}

static void push_software(struct es_ladder *ladder, enum es_codec codec, const char *word) {
	for (size_t i = 0; i < n_rungs; i++) {
		const struct es_rung *rung = &rungs[i];
		if (!rung->hardware && rung->built && rung->codec == codec && rungs_match(rung, word)) {
			push(ladder, rung, "");
		}
	}
}

static void describe_gpus(const struct es_ladder_facts *facts, char *out, size_t cap) {
	int at = snprintf(
			out, cap, "there %s", facts->n_gpus > 0 ? "is" : "is no render node in /dev/dri");
	for (size_t i = 0; i < facts->n_gpus && at > 0 && (size_t)at < cap; i++) {
		at += snprintf(out + at, cap - (size_t)at, "%s %s", i > 0 ? "," : "", facts->gpus[i].node);
	}
}

static void describe_candidate(const struct es_ladder_facts *facts,
		const struct es_candidate *candidate, char *out, size_t cap) {
	const struct es_proof *proof = ladder_proof(facts, candidate);
	const char *on = candidate->gpu != NULL ? " on " : "";
	const char *node = candidate->gpu != NULL ? candidate->gpu->node : "";
	if (proof == NULL) {
		snprintf(out, cap, "it was not tried yet%s%s", on, node);
	} else {
		snprintf(out, cap, "%s%s%s%s%s", candidate->gpu != NULL ? "on " : "", node,
				candidate->gpu != NULL ? ": " : "",
				proof->state == ES_PROOF_LOST ? "it failed at work: " : "", proof->reason);
	}
}

// Why this rung of hardware cannot be used; the first reason that applies.
static void explain(
		const struct es_ladder_facts *facts, const struct es_rung *rung, char *out, size_t cap) {
	struct es_candidate candidates[ES_CANDIDATES_MAX];
	size_t n = ladder_candidates(facts, rung->name, candidates, ES_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++) {
		if (candidates[i].rung == rung) {
			describe_candidate(facts, &candidates[i], out, cap);
			return;
		}
	}
	const struct es_gpu *matching = NULL;
	for (size_t i = 0; i < facts->n_gpus; i++) {
		if (matching == NULL && gpu_matches(&facts->gpus[i], facts->choice)) {
			matching = &facts->gpus[i];
		}
	}
	char there[256];
	describe_gpus(facts, there, sizeof(there));
	if (matching == NULL && facts->n_gpus > 0) {
		snprintf(out, cap, "no GPU is '%s': %s", facts->choice, there);
	} else if (matching == NULL) {
		snprintf(out, cap, "%s", there);
	} else if (matching->error != 0) {
		snprintf(out, cap, "%s: %s: add your user to the group that owns it (render, video)",
				matching->node, strerror(matching->error));
	} else {
		snprintf(out, cap, "it is not made for the GPU at %s", matching->node);
	}
}

static bool refuse_named(
		const struct es_ladder_facts *facts, const struct es_rung *rung, char *error, size_t cap) {
	char why[384];
	explain(facts, rung, why, sizeof(why));
	snprintf(error, cap,
			"encoder '%s' (%s) cannot be used: %s; use -e auto or -e software, or let `earthshine "
			"doctor` try it again",
			rung->name, codec_name(rung->codec), why);
	return false;
}

bool ladder_make(struct es_ladder *ladder, const struct es_ladder_facts *facts, const char *word,
		enum es_codec codec, const char *node, char *error, size_t cap) {
	*ladder = (struct es_ladder){0};
	if (!rungs_check(word, codec, error, cap)) {
		return false;
	}
	push_hardware(ladder, facts, word, codec, node);
	const struct es_rung *named = rungs_find(word, codec);
	if (named != NULL && named->hardware) {
		if (ladder->n == 0) {
			return refuse_named(facts, named, error, cap);
		}
		word = "auto"; // for what follows it
		if (named->needs_gpu) {
			push_hardware(ladder, facts, word, codec, ladder->node);
		}
	}
	push_software(ladder, codec, word);
	if (ladder->n == 0) {
		snprintf(error, cap,
				"no encoder for %s works here, and this build has none in software: look at "
				"`earthshine doctor`",
				codec_name(codec));
	}
	return ladder->n > 0;
}

const char *ladder_render_node(const struct es_ladder_facts *facts, const char *word) {
	struct es_candidate candidates[ES_CANDIDATES_MAX];
	size_t n = ladder_candidates(facts, word, candidates, ES_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++) {
		if (candidates[i].gpu != NULL && is_proved(facts, &candidates[i])) {
			return candidates[i].gpu->node;
		}
	}
	return "";
}

const char *ladder_display_node(
		const struct es_ladder_facts *facts, const struct es_ladder *ladder) {
	if (ladder->node[0] != '\0' || strcmp(facts->choice, "auto") == 0) {
		return ladder->node;
	}
	for (size_t i = 0; i < facts->n_gpus; i++) {
		if (facts->gpus[i].error == 0 && gpu_matches(&facts->gpus[i], facts->choice)) {
			return facts->gpus[i].node;
		}
	}
	return "";
}

// --- at work

// False: the rung is no hardware, or its GPU is gone.
static bool find_candidate(const struct es_ladder_facts *facts, const struct es_ladder *ladder,
		const struct es_rung *rung, struct es_candidate *candidate) {
	*candidate = (struct es_candidate){.rung = rung};
	for (size_t i = 0; rung->needs_gpu && i < facts->n_gpus; i++) {
		if (strcmp(facts->gpus[i].node, ladder->node) == 0) {
			candidate->gpu = &facts->gpus[i];
		}
	}
	return rung->hardware && rung->needs_gpu == (candidate->gpu != NULL);
}

double ladder_fps(const struct es_ladder_facts *facts, const struct es_ladder *ladder,
		const struct es_rung *rung) {
	struct es_candidate candidate;
	const struct es_proof *proof = find_candidate(facts, ladder, rung, &candidate)
			? ladder_proof(facts, &candidate)
			: NULL;
	return proof != NULL && proof->state == ES_PROOF_OK ? proof->fps : 0;
}

void ladder_mark_lost(struct es_ladder_facts *facts, const struct es_ladder *ladder,
		const struct es_rung *rung, const char *reason) {
	struct es_candidate candidate;
	if (!find_candidate(facts, ladder, rung, &candidate)) {
		return;
	}
	struct es_proof proof = ladder_new_proof(facts, &candidate);
	proof.state = ES_PROOF_LOST;
	proof_set_reason(&proof, reason);
	ladder_facts_record(facts, &proof);
}
