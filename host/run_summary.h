// What is known about a run when it is over.
#pragma once

#include <stdint.h>
#include <stdio.h>

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

// Sums up encoders that came one after the other.
void run_summary_add_encode(struct es_encode_stats *sum, const struct es_encode_stats *more);

// One line for people. file_bytes: 0 if the output has no size (a pipe).
void run_summary_print(
		const struct es_run_summary *summary, const char *output, uint64_t file_bytes, FILE *out);
