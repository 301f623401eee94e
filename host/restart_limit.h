// How often an encoder may be replaced before the run is given up.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ES_RESTART_MAX 4 // replacements within ES_RESTART_WINDOW_NS
#define ES_RESTART_WINDOW_NS (INT64_C(60) * 1000000000)

// All zero at first.
struct es_restart_limit {
	int64_t times_ns[ES_RESTART_MAX]; // the last replacements, oldest first, 0: none
};

// An encoder was lost at now_ns (> 0, not before the last): true if another may be started, and
// counts that one.
bool restart_limit_allows(struct es_restart_limit *limit, int64_t now_ns);
