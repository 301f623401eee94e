// The figures of a run: what the rooms report, of all encoders that came one after the other, and the
// live line that shows them now and then. All times from clock_now_ns.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host/live_line.h"
#include "host/run_summary.h"
#include "host/session.h"

// All zero at first.
struct es_run_figures {
	int64_t tick_ns; // when the rooms are asked next, 0: never
	bool line_due; // they were asked so that the line can show it
	struct es_encode_stats encode_past; // of encoders that are gone
	struct es_encode_stats encode_now;
	struct es_display_stats display;
	struct es_stream_stats stream;
	struct es_live_line line;
};

// The app runs from now on. quiet: no live line.
void run_figures_begin(struct es_run_figures *figures, bool quiet, int64_t now_ns);
// Asks the rooms for statistics if it is time to; true if it was.
bool run_figures_tick(struct es_run_figures *figures, struct es_session *session, int64_t now_ns);
// The app has ended: no line follows; the last figures are asked for.
void run_figures_end(struct es_run_figures *figures, struct es_session *session);

// Takes statistics over; false if the message is none. running: they may be shown.
bool run_figures_take(
		struct es_run_figures *figures, const struct es_session_msg *msg, bool running);
// What the encoder has reported is all; the next one begins with zeros.
void run_figures_encoder_gone(struct es_run_figures *figures);

// Fills in what the rooms have reported, and what their processes took.
void run_figures_fill(const struct es_run_figures *figures, const struct es_session *session,
		struct es_run_summary *summary);
