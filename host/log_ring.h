// The last lines of the host's log, for who cannot see its terminal or journal. Lines may come from any
// thread; all else is for one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

#define ES_LOG_RING_LINES 2000
#define ES_LOG_RING_TEXT 512 // of a line; a longer one is cut

struct es_log_line {
	uint64_t id; // 1.., one more for each line
	int64_t time_ms; // since 1970
	enum es_log_level level;
	char text[ES_LOG_RING_TEXT]; // without the program's name
};

struct es_log_ring;
// From now on all that es_log writes is kept, too, and what rooms log; there is one ring at a time. NULL: no memory.
struct es_log_ring *log_ring_create(void);
void log_ring_destroy(struct es_log_ring *ring); // NULL is fine

uint64_t log_ring_last(const struct es_log_ring *ring); // id of the newest line; 0: none yet
// The line with that id, or false: it is not kept any more, or not there yet.
bool log_ring_get(const struct es_log_ring *ring, uint64_t id, struct es_log_line *line);
