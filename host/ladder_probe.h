// Tries an encoder in a process of its own: it may crash or hang, and take its GPU's driver with it.
#pragma once

#include "host/ladder.h"

// The words after the program's name, ended by NULL; point into the struct and the candidate.
struct es_probe_words {
	char program[32], option[16], name[16], codec[16], device_option[16], node[ES_GPU_NODE_MAX];
	char *argv[7];
};
void ladder_probe_words(struct es_probe_words *words, const struct es_candidate *candidate);
// How long it may take, with the first use of its driver.
int ladder_probe_limit_ms(const struct es_candidate *candidate);

// Blocks until it has ended, is killed or cannot be killed, and records what came of it. After the last
// all others of its GPU are recorded as timed out; false then: the GPU is to be left alone.
bool ladder_probe(struct es_ladder_facts *facts, const struct es_candidate *candidate);
// What a trial of the candidate means, recorded as by ladder_probe.
void ladder_probe_record(struct es_ladder_facts *facts, const struct es_candidate *candidate,
		const struct es_trial *trial);
