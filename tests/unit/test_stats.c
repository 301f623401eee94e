// The stage recorder: sums that add up exactly, percentiles against a sorted reference.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "stream/stats.h"

static uint64_t next_random(uint64_t *state) {
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int compare_u64(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

// Borders of a frame that was committed at start_ns, in random steps.
static struct es_unit make_unit(uint64_t *random, int64_t start_ns) {
	int64_t border[6];
	border[0] = start_ns;
	for (int i = 1; i < 6; i++) {
		border[i] = border[i - 1] + (int64_t)(next_random(random) % 20000000);
	}
	return (struct es_unit){
			.size = 1000,
			.sequence = 1,
			.kind = ES_UNIT_NEW,
			.times = {border[0], border[1], border[2], border[3], border[4], border[5]},
	};
}

static void test_sums_are_exact(void **state) {
	struct es_stats *stats = malloc(sizeof(*stats));
	assert_non_null(stats);
	stats_init(stats);
	stats_set_encoder(stats, "x264", ES_CODEC_H264, 60000);
	uint64_t random = 88172645463325252u;
	uint64_t expected = 0;
	for (int i = 0; i < 20000; i++) {
		struct es_unit unit = make_unit(&random, INT64_C(1000000000000) + i * INT64_C(16666667));
		int64_t muxed_ns = unit.times.encoded_ns + (int64_t)(next_random(&random) % 1000000);
		int64_t sent_ns = muxed_ns + (int64_t)(next_random(&random) % 1000000);
		expected += (uint64_t)(sent_ns - unit.times.commit_ns);
		stats_record(stats, &unit, muxed_ns, sent_ns);
	}
	struct es_stream_stats out;
	stats_summary(stats, &out);
	uint64_t sum = 0;
	for (int i = 0; i < ES_STAGE_TOTAL; i++) {
		sum += out.session[i].sum_ns;
	}
	assert_true(sum == expected);
	assert_true(out.session[ES_STAGE_TOTAL].sum_ns == expected);
	assert_true(out.recent[ES_STAGE_TOTAL].sum_ns == expected);
	assert_int_equal(stats->clamped, 0);
	assert_int_equal(out.units_new, 20000);
	assert_int_equal(out.bytes, 20000000);
	assert_string_equal(out.encoder, "x264");
	free(stats);
}

static void test_sums_stay_exact_when_borders_descend(void **state) {
	struct es_stats *stats = malloc(sizeof(*stats));
	assert_non_null(stats);
	stats_init(stats);
	struct es_unit unit = {.kind = ES_UNIT_NEW, .times = {100, 90, 120, 110, 130, 140}};
	stats_record(stats, &unit, 135, 150);
	struct es_stream_stats out;
	stats_summary(stats, &out);
	uint64_t sum = 0;
	for (int i = 0; i < ES_STAGE_TOTAL; i++) {
		sum += out.session[i].sum_ns;
	}
	assert_int_equal(sum, 50);
	assert_int_equal(out.session[ES_STAGE_TOTAL].sum_ns, 50);
	assert_int_equal(stats->clamped, 3);
	free(stats);
}

static void check_percentiles(uint64_t *values, size_t n) {
	struct es_histogram *histogram = calloc(1, sizeof(*histogram));
	assert_non_null(histogram);
	for (size_t i = 0; i < n; i++) {
		histogram_add(histogram, values[i]);
	}
	qsort(values, n, sizeof(*values), compare_u64);
	static const unsigned permilles[] = {1, 10, 250, 500, 900, 950, 990, 999, 1000};
	for (size_t i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++) {
		size_t rank = (n * permilles[i] + 999) / 1000;
		double exact = (double)values[rank - 1];
		double found = (double)histogram_percentile_ns(histogram, permilles[i]);
		if (found < exact * 0.98 || found > exact * 1.02) {
			fail_msg(
					"%zu values, %u permille: %.0f instead of %.0f", n, permilles[i], found, exact);
		}
	}
	assert_true(histogram->max_ns == values[n - 1]);
	free(histogram);
}

static void test_percentiles_match_a_sorted_reference(void **state) {
	uint64_t random = 0x9e3779b97f4a7c15u;
	static const size_t counts[] = {1, 2, 3, 10, 99, 100, 101, 5000};
	uint64_t *values = malloc(5000 * sizeof(*values));
	assert_non_null(values);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		// Each octave from 1 ns to 2^40 ns is as likely as the next.
		for (size_t j = 0; j < counts[i]; j++) {
			uint64_t octave = next_random(&random) % 40;
			values[j] = (UINT64_C(1) << octave) + next_random(&random) % (UINT64_C(1) << octave);
		}
		check_percentiles(values, counts[i]);
		for (size_t j = 0; j < counts[i]; j++) {
			values[j] = 3000000 + next_random(&random) % 2000000;
		}
		check_percentiles(values, counts[i]);
	}
	free(values);
}

static void test_extreme_values_are_kept(void **state) {
	struct es_histogram *histogram = calloc(1, sizeof(*histogram));
	assert_non_null(histogram);
	assert_int_equal(histogram_percentile_ns(histogram, 500), 0);
	histogram_add(histogram, 0);
	assert_int_equal(histogram_percentile_ns(histogram, 500), 0);
	histogram_add(histogram, INT64_MAX);
	assert_true(histogram->max_ns == INT64_MAX);
	assert_int_equal(histogram->buckets[ES_HISTOGRAM_BUCKETS - 1], 1);
	assert_int_equal(histogram_summary(histogram).max_us, UINT32_MAX);
	free(histogram);
}

static void test_recent_begins_anew(void **state) {
	struct es_stats *stats = malloc(sizeof(*stats));
	assert_non_null(stats);
	stats_init(stats);
	uint64_t random = 1;
	struct es_stream_stats out;
	for (int i = 0; i < 3; i++) {
		struct es_unit unit = make_unit(&random, 1000000000 + i);
		stats_record(stats, &unit, unit.times.encoded_ns, unit.times.encoded_ns + 5000);
		stats_summary(stats, &out);
		uint64_t total_ns = (uint64_t)(unit.times.encoded_ns + 5000 - unit.times.commit_ns);
		assert_true(out.recent[ES_STAGE_TOTAL].sum_ns == total_ns);
		assert_int_equal(out.recent[ES_STAGE_SEND].max_us, 5);
		assert_int_equal(out.session[ES_STAGE_SEND].sum_ns, 5000 * (i + 1));
	}
	stats_summary(stats, &out);
	assert_int_equal(out.recent[ES_STAGE_TOTAL].sum_ns, 0);
	assert_int_equal(out.recent[ES_STAGE_TOTAL].p99_us, 0);
	free(stats);
}

static void test_kinds_and_missed_slots(void **state) {
	struct es_stats *stats = malloc(sizeof(*stats));
	assert_non_null(stats);
	stats_init(stats);
	stats_set_encoder(stats, "x264", ES_CODEC_H264, 100000); // 10 ms
	static const int64_t commits_ms[] = {1000, 1010, 1021, 1039, 1080, 3000, 3010};
	struct es_unit unit = {.size = 10};
	for (size_t i = 0; i < sizeof(commits_ms) / sizeof(commits_ms[0]); i++) {
		int64_t t = commits_ms[i] * ES_NS_PER_MS;
		unit.kind = ES_UNIT_NEW;
		unit.times = (struct es_unit_times){t, t, t, t, t, t};
		stats_record(stats, &unit, t, t);
		unit.kind = ES_UNIT_REPEAT;
		stats_record(stats, &unit, t + ES_NS_PER_S, t + ES_NS_PER_S);
	}
	unit.kind = ES_UNIT_CURSOR;
	stats_record(stats, &unit, 0, 0);
	stats_drop(stats);
	struct es_stream_stats out;
	stats_summary(stats, &out);
	assert_int_equal(out.units_new, 7);
	assert_int_equal(out.units_repeated, 7);
	assert_int_equal(out.units_cursor, 1);
	assert_int_equal(out.dropped, 1);
	assert_int_equal(out.bytes, 150);
	// 1021 -> 1039: one; 1039 -> 1080: three; 1080 -> 3000 is a pause, not a miss.
	assert_int_equal(out.missed_slots, 4);
	assert_true(out.first_ns == 1000 * ES_NS_PER_MS);
	assert_true(out.last_ns == 3010 * ES_NS_PER_MS);
	// Repeats are in no stage.
	assert_int_equal(out.session[ES_STAGE_TOTAL].sum_ns, 0);
	free(stats);
}

// Rows for whoever records: as many as there is room for, the rest counted; their stages are the
// histograms'. Without somebody who records there are none.
static void test_rows(void **state) {
	struct es_stats *stats = calloc(1, sizeof(*stats));
	stats_init(stats);
	uint64_t random = 88172645463325252u;
	struct es_unit unit = make_unit(&random, 1000000);
	stats_record(stats, &unit, unit.times.encoded_ns + 1000, unit.times.encoded_ns + 3000);
	stats->rows = frame_rows_create();
	for (int i = 0; i < ES_FRAME_ROWS + 7; i++) {
		unit = make_unit(&random, 1000000);
		unit.size = (uint32_t)i + 1;
		stats_record(stats, &unit, unit.times.encoded_ns + 1000, unit.times.encoded_ns + 3000);
	}
	struct es_session_msg msg;
	size_t at = 0, n = 0;
	uint32_t dropped = 0;
	while (frame_rows_tell(stats->rows, &at, &msg)) {
		for (size_t i = 0; i < msg.frames.n; i++, n++) {
			const struct es_frame_row *row = &msg.frames.rows[i];
			assert_int_equal(row->bytes, n + 1);
			assert_int_equal(row->kind, ES_UNIT_NEW);
			assert_int_equal(row->stages_us[ES_STAGE_PACKETIZE], 1);
			assert_int_equal(row->stages_us[ES_STAGE_SEND], 2);
			assert_true(row->stages_us[ES_STAGE_ENCODE] < 20000);
		}
		dropped += msg.frames.dropped;
	}
	assert_int_equal(n, ES_FRAME_ROWS);
	assert_int_equal(dropped, 7);
	frame_rows_clear(stats->rows);
	at = 0;
	assert_false(frame_rows_tell(stats->rows, &at, &msg));
	frame_rows_destroy(stats->rows);
	free(stats);
}

static void test_within_bounds(void **state) {
	struct es_histogram *histogram = calloc(1, sizeof(*histogram));
	uint64_t within[ES_LATENCY_BOUNDS];
	for (uint64_t us = 100; us <= 60000; us += 100) {
		histogram_add(histogram, us * 1000);
	}
	histogram_within(histogram, within);
	static const uint32_t bounds_us[ES_LATENCY_BOUNDS] = ES_LATENCY_BOUNDS_US;
	for (int i = 0; i < ES_LATENCY_BOUNDS; i++) {
		uint64_t exact = bounds_us[i] / 100;
		assert_uint_in_range(within[i], exact - exact * 2 / 100 - 1, exact + exact * 2 / 100 + 1);
	}
	free(histogram);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_sums_are_exact),
			cmocka_unit_test(test_sums_stay_exact_when_borders_descend),
			cmocka_unit_test(test_percentiles_match_a_sorted_reference),
			cmocka_unit_test(test_extreme_values_are_kept),
			cmocka_unit_test(test_recent_begins_anew),
			cmocka_unit_test(test_kinds_and_missed_slots),
			cmocka_unit_test(test_rows),
			cmocka_unit_test(test_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
