#include "host/run_figures.h"

#include <unistd.h>

#include "base/clock.h"

void run_figures_begin(struct es_run_figures *figures, bool quiet, int64_t now_ns) {
	live_line_init(&figures->line, STDERR_FILENO, now_ns);
	if (!quiet) {
		figures->tick_ns = now_ns + live_line_interval_ns(&figures->line);
	}
}

static void ask_all(struct es_session *session) {
	for (int i = 0; i < ES_ROOM_COUNT; i++) {
		session_ask(session, (enum es_room)i, ES_SESSION_STATS);
	}
}

bool run_figures_tick(struct es_run_figures *figures, struct es_session *session, int64_t now_ns) {
	if (figures->tick_ns == 0 || now_ns < figures->tick_ns) {
		return false;
	}
	int64_t interval = live_line_interval_ns(&figures->line);
	figures->tick_ns += ((now_ns - figures->tick_ns) / interval + 1) * interval;
	figures->line_due = true;
	ask_all(session);
	return true;
}

void run_figures_end(struct es_run_figures *figures, struct es_session *session) {
	figures->tick_ns = 0;
	// In case that a room does not live to send them with its END.
	ask_all(session);
}

static void take_stream(
		struct es_run_figures *figures, const struct es_stream_stats *stats, bool running) {
	figures->stream = *stats;
	if (figures->line_due && running) {
		live_line_show(&figures->line, stats, clock_now_ns());
	}
	figures->line_due = false;
}

bool run_figures_take(
		struct es_run_figures *figures, const struct es_session_msg *msg, bool running) {
	switch (msg->type) {
	case ES_SESSION_DISPLAY_STATS:
		figures->display = msg->display_stats;
		return true;
	case ES_SESSION_ENCODE_STATS:
		figures->encode_now = msg->encode_stats;
		return true;
	case ES_SESSION_STREAM_STATS:
		take_stream(figures, &msg->stream_stats, running);
		return true;
	default:
		return false;
	}
}

void run_figures_encoder_gone(struct es_run_figures *figures) {
	run_summary_add_encode(&figures->encode_past, &figures->encode_now);
	figures->encode_now = (struct es_encode_stats){0};
}

// What a process has said of itself is older than what the kernel said at its end.
static void prefer_exact(struct es_usage *reported, struct es_usage exact) {
	if (exact.cpu_us > reported->cpu_us) {
		reported->cpu_us = exact.cpu_us;
	}
	if (exact.peak_rss_kib > reported->peak_rss_kib) {
		reported->peak_rss_kib = exact.peak_rss_kib;
	}
}

void run_figures_fill(const struct es_run_figures *figures, const struct es_session *session,
		struct es_run_summary *summary) {
	summary->display = figures->display;
	summary->stream = figures->stream;
	summary->encode = figures->encode_past;
	run_summary_add_encode(&summary->encode, &figures->encode_now);
	prefer_exact(&summary->encode.usage, session_past_usage(session, ES_ROOM_ENCODE));
	prefer_exact(&summary->stream.usage, session_past_usage(session, ES_ROOM_STREAM));
}
