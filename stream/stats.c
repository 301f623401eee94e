#include "stream/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define STEP_BITS 5

_Static_assert(ES_HISTOGRAM_STEPS == 1 << STEP_BITS, "steps per octave");

// Values below ES_HISTOGRAM_STEPS have a bucket each; above, the top STEP_BITS + 1 bits of a
// value choose it.
static unsigned bucket_of(uint64_t value) {
	if (value < ES_HISTOGRAM_STEPS) {
		return (unsigned)value;
	}
	unsigned shift = 63u - (unsigned)__builtin_clzll(value) - STEP_BITS;
	if (shift >= ES_HISTOGRAM_OCTAVES) {
		return ES_HISTOGRAM_BUCKETS - 1;
	}
	return shift * ES_HISTOGRAM_STEPS + (unsigned)(value >> shift);
}

static uint64_t bucket_middle(unsigned bucket) {
	if (bucket < ES_HISTOGRAM_STEPS) {
		return bucket;
	}
	unsigned shift = bucket / ES_HISTOGRAM_STEPS - 1;
	uint64_t step = bucket % ES_HISTOGRAM_STEPS + ES_HISTOGRAM_STEPS;
	return (step << shift) + ((UINT64_C(1) << shift) >> 1);
}

void histogram_add(struct es_histogram *histogram, uint64_t value_ns) {
	histogram->buckets[bucket_of(value_ns)]++;
	histogram->count++;
	histogram->sum_ns += value_ns;
	if (value_ns > histogram->max_ns) {
		histogram->max_ns = value_ns;
	}
}

uint64_t histogram_percentile_ns(const struct es_histogram *histogram, unsigned permille) {
	uint64_t rank = (histogram->count * permille + 999) / 1000;
	uint64_t seen = 0;
	for (unsigned i = 0; rank > 0 && i < ES_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= rank) {
			uint64_t middle = bucket_middle(i);
			return middle < histogram->max_ns ? middle : histogram->max_ns;
		}
	}
	return 0;
}

static uint32_t to_us(uint64_t ns) {
	uint64_t us = (ns + 500) / 1000;
	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

struct es_stage_summary histogram_summary(const struct es_histogram *histogram) {
	return (struct es_stage_summary){
			.p50_us = to_us(histogram_percentile_ns(histogram, 500)),
			.p95_us = to_us(histogram_percentile_ns(histogram, 950)),
			.p99_us = to_us(histogram_percentile_ns(histogram, 990)),
			.max_us = to_us(histogram->max_ns),
			.sum_ns = histogram->sum_ns,
	};
}

void histogram_within(const struct es_histogram *histogram, uint64_t within[ES_LATENCY_BOUNDS]) {
	static const uint32_t bounds_us[ES_LATENCY_BOUNDS] = ES_LATENCY_BOUNDS_US;
	uint64_t seen = 0;
	unsigned bucket = 0;
	for (int i = 0; i < ES_LATENCY_BOUNDS; i++) {
		uint64_t bound_ns = bounds_us[i] * (uint64_t)ES_NS_PER_US;
		for (; bucket < ES_HISTOGRAM_BUCKETS && bucket_middle(bucket) <= bound_ns; bucket++) {
			seen += histogram->buckets[bucket];
		}
		within[i] = seen;
	}
}

void stats_init(struct es_stats *stats) {
	memset(stats, 0, sizeof(*stats));
}

void stats_set_encoder(
		struct es_stats *stats, const char *name, enum es_codec codec, int32_t refresh_mhz) {
	snprintf(stats->encoder, sizeof(stats->encoder), "%s", name);
	stats->codec = codec;
	stats->period_ns = clock_period_ns(refresh_mhz);
}

static void record_stages(
		struct es_stats *stats, const struct es_unit *unit, int64_t muxed_ns, int64_t sent_ns) {
	const struct es_unit_times *times = &unit->times;
	int64_t borders[ES_BORDER_COUNT] = {times->commit_ns, times->compose_ns, times->put_ns,
			times->taken_ns, times->converted_ns, times->encoded_ns, muxed_ns, sent_ns};
	for (int i = 1; i < ES_BORDER_COUNT; i++) {
		if (borders[i] < borders[i - 1]) {
			borders[i] = borders[i - 1];
			stats->clamped++;
		}
		uint64_t stage_ns = (uint64_t)(borders[i] - borders[i - 1]);
		histogram_add(&stats->session[i - 1], stage_ns);
		histogram_add(&stats->recent[i - 1], stage_ns);
	}
	uint64_t total_ns = (uint64_t)(borders[ES_BORDER_COUNT - 1] - borders[0]);
	histogram_add(&stats->session[ES_STAGE_TOTAL], total_ns);
	histogram_add(&stats->recent[ES_STAGE_TOTAL], total_ns);
}

// A gap of two and a half periods has one slot too many for its two frames.
static void count_missed_slots(struct es_stats *stats, int64_t commit_ns) {
	int64_t gap_ns = commit_ns - stats->last_ns;
	if (stats->last_ns == 0 || stats->period_ns == 0 || gap_ns <= 0 || gap_ns >= ES_NS_PER_S) {
		return;
	}
	int64_t slots = (gap_ns + stats->period_ns / 2) / stats->period_ns;
	if (slots > 1) {
		stats->missed_slots += (uint64_t)(slots - 1);
	}
}

void stats_record(
		struct es_stats *stats, const struct es_unit *unit, int64_t muxed_ns, int64_t sent_ns) {
	stats->bytes += unit->size;
	if (stats->rows != NULL) {
		frame_rows_add(stats->rows, unit, muxed_ns, sent_ns);
	}
	switch (unit->kind) {
	case ES_UNIT_NEW:
		count_missed_slots(stats, unit->times.commit_ns);
		stats->units_new++;
		if (stats->first_ns == 0) {
			stats->first_ns = unit->times.commit_ns;
		}
		stats->last_ns = unit->times.commit_ns;
		record_stages(stats, unit, muxed_ns, sent_ns);
		break;
	case ES_UNIT_REPEAT:
		stats->units_repeated++;
		break;
	case ES_UNIT_CURSOR:
		stats->units_cursor++;
		break;
	}
}

void stats_drop(struct es_stats *stats) {
	stats->dropped++;
}

void stats_summary(struct es_stats *stats, struct es_stream_stats *out) {
	*out = (struct es_stream_stats){
			.units_new = stats->units_new,
			.units_repeated = stats->units_repeated,
			.units_cursor = stats->units_cursor,
			.dropped = stats->dropped,
			.bytes = stats->bytes,
			.first_ns = stats->first_ns,
			.last_ns = stats->last_ns,
			.missed_slots = stats->missed_slots,
			.codec = stats->codec,
	};
	memcpy(out->encoder, stats->encoder, sizeof(out->encoder));
	for (int i = 0; i < ES_STAGE_COUNT; i++) {
		out->session[i] = histogram_summary(&stats->session[i]);
		out->recent[i] = histogram_summary(&stats->recent[i]);
	}
	histogram_within(&stats->session[ES_STAGE_ENCODE], out->encode_within);
	histogram_within(&stats->session[ES_STAGE_TOTAL], out->total_within);
	memset(stats->recent, 0, sizeof(stats->recent));
}
