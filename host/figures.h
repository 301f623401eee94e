// What is counted of a session, added up from its rooms, and what was new in a window of about a second.
#pragma once

#include <stdint.h>

#include "host/play.h"

enum es_figure {
	ES_FIGURE_COMMITTED,
	ES_FIGURE_NEW,
	ES_FIGURE_REPEATED,
	ES_FIGURE_CURSOR,
	ES_FIGURE_SUPERSEDED,
	ES_FIGURE_DROPPED,
	ES_FIGURE_DIRECT,
	ES_FIGURE_COMPOSED,
	ES_FIGURE_MISSED_SLOTS,
	ES_FIGURE_BYTES,
	ES_FIGURE_DATAGRAMS,
	ES_FIGURE_PARITY,
	ES_FIGURE_LOST,
	ES_FIGURE_REFUSED,
	ES_FIGURE_IDR_ASKED,
	ES_FIGURE_IDR_MADE,
	ES_FIGURE_INVALIDATIONS_ASKED,
	ES_FIGURE_INVALIDATIONS_MADE,
	ES_FIGURE_SOUND_PACKETS,
	ES_FIGURE_SOUND_DROPPED,
	ES_FIGURE_SOUND_INSERTED,
	ES_FIGURE_CPU_DISPLAY_US,
	ES_FIGURE_CPU_ENCODE_US,
	ES_FIGURE_CPU_STREAM_US,
	ES_FIGURE_INPUT,
	ES_FIGURE_ENCODE_NS, // of all new frames
	ES_FIGURE_TOTAL_NS,
	ES_FIGURE_ENCODE_WITHIN, // as ES_LATENCY_BOUNDS_US, as many
	ES_FIGURE_TOTAL_WITHIN = ES_FIGURE_ENCODE_WITHIN + ES_LATENCY_BOUNDS,
	ES_FIGURE_COUNT = ES_FIGURE_TOTAL_WITHIN + ES_LATENCY_BOUNDS,
};

struct es_figures {
	uint64_t counts[ES_FIGURE_COUNT];
};

void figures_of(struct es_figures *figures, const struct es_play_info *info);
// What is new in `now` since `before`; a room that was replaced in between has begun at 0 again.
void figures_since(
		struct es_figures *fresh, const struct es_figures *now, const struct es_figures *before);

// A window of one session.
struct es_window {
	const struct es_play_info *info; // its stages `recent` are those of the window
	int64_t begin_ns, end_ns;
	struct es_figures fresh;
};
