// The stage recorder: where the time of each frame went, and what was counted.
//
// Fixed memory, no locks, no allocation, no clock reads: the caller hands in the borders
// that it has. One thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"
#include "stream/frame_rows.h"

// Log-linear histogram of ns: 32 steps per power of two, so that the middle of a step is
// within 1.6 % of every value in it; values from 2^41 ns (37 minutes) on share the last one.
#define ES_HISTOGRAM_STEPS 32
#define ES_HISTOGRAM_OCTAVES 36
#define ES_HISTOGRAM_BUCKETS (ES_HISTOGRAM_STEPS * (ES_HISTOGRAM_OCTAVES + 1))

struct es_histogram {
	uint32_t buckets[ES_HISTOGRAM_BUCKETS];
	uint64_t count;
	uint64_t sum_ns, max_ns;
};

void histogram_add(struct es_histogram *histogram, uint64_t value_ns);
// The smallest value that `permille` of the values do not exceed (nearest rank), within the
// histogram's error; 0 if there are none.
uint64_t histogram_percentile_ns(const struct es_histogram *histogram, unsigned permille);
struct es_stage_summary histogram_summary(const struct es_histogram *histogram);
// How many of the values do not exceed each of ES_LATENCY_BOUNDS_US, within the histogram's error.
void histogram_within(const struct es_histogram *histogram, uint64_t within[ES_LATENCY_BOUNDS]);

// Borders of the stages in order; stage i lies between border i and border i + 1.
#define ES_BORDER_COUNT ES_STAGE_COUNT

struct es_stats {
	struct es_histogram session[ES_STAGE_COUNT];
	struct es_histogram recent[ES_STAGE_COUNT];
	uint64_t units_new, units_repeated, units_cursor, dropped;
	uint64_t bytes;
	uint64_t missed_slots;
	uint64_t clamped; // borders that lay before the one before, so were moved up to it
	int64_t first_ns, last_ns; // commit times of new units
	int64_t period_ns; // of the mode; 0 until known
	char encoder[32];
	enum es_codec codec;
	struct es_frame_rows *rows; // owned by who has set it; NULL: single frames are not wanted
};

void stats_init(struct es_stats *stats);

// The encoder from here on; refresh gives the period for missed slots.
void stats_set_encoder(
		struct es_stats *stats, const char *name, enum es_codec codec, int32_t refresh_mhz);

// A unit went out: muxed_ns = its bytes were ready, sent_ns = the last was written. Only units
// with a new frame enter the stages; each stage is the difference of two borders, so that
// the stages' sums add up to the total's exactly.
void stats_record(
		struct es_stats *stats, const struct es_unit *unit, int64_t muxed_ns, int64_t sent_ns);

void stats_drop(struct es_stats *stats);

// Everything but `usage` into *out, and `recent` begins anew.
void stats_summary(struct es_stats *stats, struct es_stream_stats *out);
