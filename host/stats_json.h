// The summary of a run as JSON (design: stages and statistics).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"
#include "protocol/session_msg.h"

struct es_run_summary {
	int64_t duration_ns; // from the app's start to its end
	struct es_mode mode;
	const char *encoder; // that was asked for, where the streamer has seen none
	enum es_codec codec;
	uint32_t bitrate_kbps;
	unsigned encoder_restarts;
	int exit_status;
	const char *end_reason; // "app", "time", "signal", "failure"
	struct es_display_stats display;
	struct es_encode_stats encode; // of all encoders together
	struct es_stream_stats stream;
};

// The JSON text, ended by a newline; the caller frees it. NULL: out of memory.
char *stats_json_text(const struct es_run_summary *summary, size_t *size);

// Whether the file can be written at the end: false after a logged error.
bool stats_json_check(const char *path);

// Writes it: whole or not at all (a temporary name, then a rename), straight into what is no
// regular file; "-" is standard output. False after a logged error.
bool stats_json_write(const char *path, const struct es_run_summary *summary);
