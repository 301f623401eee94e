// The ladder: which encoders a session may use here, best first. Hardware must have been proved on its
// GPU; what comes after it is what a session falls back to when it fails.
//
// Sessions go by what is known; they try nothing. What is not known yet is found out before, by `serve`
// in the background, by `run` once, and by `doctor` always.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/driver_key.h"
#include "host/gpu.h"
#include "host/proofs.h"
#include "host/rungs.h"

#define ES_LADDER_MAX 6

struct es_ladder {
	const struct es_rung *items[ES_LADDER_MAX];
	char without[ES_LADDER_MAX][ES_SESSION_MAX_FORMATS]; // of each: formats that it gets wrong
	size_t n; // at least 1 once made
	char node[ES_GPU_NODE_MAX]; // of the hardware in it; "": there is none, or it needs no GPU
};

// What is known of this machine.
struct es_ladder_facts {
	struct es_gpu gpus[ES_GPUS_MAX];
	char keys[ES_GPUS_MAX][ES_DRIVER_KEY_SIZE]; // of each GPU
	size_t n_gpus;
	char key[ES_DRIVER_KEY_SIZE]; // where no GPU is needed
	char boot[ES_BOOT_ID_SIZE];
	char choice[ES_GPU_CHOICE_MAX]; // the GPU that is wanted, as in gpu_matches
	char path[4096]; // of the file; "": there is no place for it
	struct es_proofs proofs;
};

// Looks at the GPUs and reads the file (path NULL: in $XDG_CACHE_HOME). `root`: as in gpus_find.
void ladder_facts_init(
		struct es_ladder_facts *facts, const char *choice, const char *root, const char *path);
// Reads the file again: another process may have written.
void ladder_facts_reload(struct es_ladder_facts *facts);
// Adds to what the file says now and replaces it. A file that cannot be written is a logged warning.
void ladder_facts_record(struct es_ladder_facts *facts, const struct es_proof *proof);

#define ES_CANDIDATES_MAX (ES_GPUS_MAX * 16)

bool ladder_made_for(const struct es_rung *rung, const struct es_gpu *gpu);

// A rung on a GPU (NULL: it needs none).
struct es_candidate {
	const struct es_rung *rung;
	const struct es_gpu *gpu; // in the facts
};

// All rungs of hardware that are built and made for a GPU of the choice, in order: GPU by GPU, codec by
// codec. How many were written. The word: as in rungs_match.
size_t ladder_candidates(const struct es_ladder_facts *facts, const char *word,
		struct es_candidate *out, size_t cap);
// NULL: it has to be tried.
const struct es_proof *ladder_proof(
		const struct es_ladder_facts *facts, const struct es_candidate *candidate);
// A proof of the candidate to be filled in: state OK, 0 fps.
struct es_proof ladder_new_proof(
		const struct es_ladder_facts *facts, const struct es_candidate *candidate);

// For a word of -e and a codec. `node`: the GPU that it has to be, NULL: the first that has something.
// False with the reason and a remedy in error[cap].
bool ladder_make(struct es_ladder *ladder, const struct es_ladder_facts *facts, const char *word,
		enum es_codec codec, const char *node, char *error, size_t cap);

// Of a rung of hardware in a ladder: frames a second of its self-test, 0: not proved.
double ladder_fps(const struct es_ladder_facts *facts, const struct es_ladder *ladder,
		const struct es_rung *rung);

// The GPU that a display should render on, so that its pictures can be encoded where they are: the first
// one with a proved encoder for any codec that the word may name. "": none.
const char *ladder_render_node(const struct es_ladder_facts *facts, const char *word);

// Where the display of a session shall render: the ladder's GPU, else the one that was chosen by name.
// "": as the display likes.
const char *ladder_display_node(
		const struct es_ladder_facts *facts, const struct es_ladder *ladder);

// A rung of a ladder has failed at work: those who come after skip it until it is tried again.
void ladder_mark_lost(struct es_ladder_facts *facts, const struct es_ladder *ladder,
		const struct es_rung *rung, const char *reason);
