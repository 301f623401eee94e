// An encoder that does not answer has hung, or it starves: on a loaded machine it is ready to run and gets
// no processor. One that starves is given more time, since another one would starve as well.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/run_time.h"

#define ES_STARVATION_GRANTS 5 // in a row; then it is given up all the same
#define ES_STARVATION_SEEN 4

// All zero at first, and for each encoder anew.
struct es_starvation {
	struct {
		struct es_run_time at;
		int64_t now_ns; // 0: none
	} seen[ES_STARVATION_SEEN]; // the newest first
	unsigned n_grants; // in a row
	int64_t asked_ns; // the last time
};

// To be called about once a second while it works: what judging compares with.
void starvation_note(
		struct es_starvation *starvation, const struct es_run_time *at, int64_t now_ns);

// It has not answered for patience_ns. True: it has starved since, and is to be given as long again.
bool starvation_judge(struct es_starvation *starvation, const struct es_run_time *at,
		int64_t patience_ns, int64_t now_ns);
