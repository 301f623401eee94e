// What is known of the encoders that need proof: each was tried in a process of its own, and this is what
// came of it. Kept in a file that several processes read and replace.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/driver_key.h"
#include "host/gpu.h"
#include "protocol/mode.h"
#include "protocol/session_msg.h"

#define ES_PROOFS_MAX 64

// The picture that encoders are tried with.
#define ES_PROOF_WIDTH 1366
#define ES_PROOF_HEIGHT 767

enum es_proof_state {
	ES_PROOF_OK, // it encodes what it is given
	ES_PROOF_FAILED, // it does not, or crashes
	ES_PROOF_UNAVAILABLE, // no driver, no library, no such thing on this GPU
	ES_PROOF_TIMED_OUT, // counts for this boot
	ES_PROOF_LOST, // it failed at work; counts until it is tried again
	ES_PROOF_STATE_COUNT,
};

struct es_proof {
	char node[ES_GPU_NODE_MAX]; // render node, "": needs none
	char key[ES_DRIVER_KEY_SIZE];
	char boot[ES_BOOT_ID_SIZE];
	char encoder[16];
	enum es_codec codec;
	enum es_proof_state state;
	double fps; // if OK: of the self-test
	char reason[192]; // if not OK
	char without[ES_SESSION_MAX_FORMATS]; // if OK: formats that it gets wrong all the same
};

// All zero: nothing is known.
struct es_proofs {
	struct es_proof items[ES_PROOFS_MAX];
	size_t n;
};

const char *proof_state_name(enum es_proof_state state);

// Takes the place of one of the same node, encoder and codec; what is there of the node under another
// key is forgotten.
void proofs_set(struct es_proofs *proofs, const struct es_proof *proof);
// NULL: nothing is known that still counts.
const struct es_proof *proofs_find(const struct es_proofs *proofs, const char *node,
		const char *key, const char *boot, const char *encoder, enum es_codec codec);

// The content of the file. False if anything is not as it was written: then nothing is known.
bool proofs_parse(struct es_proofs *proofs, const char *text, size_t size);
// The caller frees; NULL: no memory.
char *proofs_format(const struct es_proofs *proofs, size_t *size);

// How a trial ended.
struct es_trial {
	const char *output; // what the process has printed
	int status; // as from waitpid
	int limit_ms;
	bool timed_out; // killed after limit_ms
	bool stuck; // it could not even be killed
};
// Copied, made plain text, cut to fit.
void proof_set_reason(struct es_proof *proof, const char *reason);
// Fills state, fps and reason; encoder and codec are there already. The process says "ok NAME CODEC FPS",
// "fail NAME CODEC REASON" or "unavailable NAME CODEC REASON"; no word is taken for a failure.
// "without NAME CODEC FORMATS" may come before ok.
void proof_conclude(struct es_proof *proof, const struct es_trial *trial);
