// What the person at the terminal sees while it runs: one line that renews itself, or a plain line
// now and then where standard error is no terminal.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/session_msg.h"

struct es_live_line {
	int fd; // borrowed
	bool terminal;
	bool shown; // a line stands there that must be cleared before anything else is written
	int64_t start_ns, last_ns;
	struct es_stream_stats last;
};

// Looks at fd once; terminals that cannot go back in a line (TERM=dumb) count as none.
void live_line_init(struct es_live_line *line, int fd, int64_t now_ns);
int64_t live_line_interval_ns(const struct es_live_line *line);

// Shows what happened since the call before.
void live_line_show(struct es_live_line *line, const struct es_stream_stats *stats, int64_t now_ns);
// Removes the line from a terminal, so that a message can stand there.
void live_line_clear(struct es_live_line *line);

// The text alone: rates over elapsed_ns from `before` to `now`.
void live_line_text(char *out, size_t cap, int64_t since_start_ns, int64_t elapsed_ns,
		const struct es_stream_stats *before, const struct es_stream_stats *now);

// "931 B", "25.1 MB".
void live_line_bytes(char *out, size_t cap, uint64_t bytes);
// "0:07", "12:05", "1:02:03".
void live_line_duration(char *out, size_t cap, int64_t ns);
