// What a room logs, told to its host beside what it writes to standard error: one message a line, on a link of
// its own. The room never waits: what finds no room is left out, and the next line says so.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

#define ES_LOG_LINK_FD 4 // in a room; its host's end may be missing
#define ES_LOG_LINK_TEXT 512 // of a line; a longer one is cut

struct es_log_link_line {
	enum es_log_level level;
	bool gap; // lines before it were left out
	char text[ES_LOG_LINK_TEXT]; // as it came: may hold anything
};

// In a room, once, before it opens files or starts threads: all that it logs from now on is told, if somebody
// listens.
void log_link_join(void);

// At the other end. False: no room says that.
bool log_link_parse(struct es_log_link_line *line, const void *data, size_t size);
