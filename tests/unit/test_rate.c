#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "stream/rate.h"

#define P 1392
#define KBPS 20000
#define SHARDS 30 // data shards of a frame
#define FRAMES_PER_WINDOW 30

static const struct es_rate_params params = {
		.fec_percent = 20, .min_parity = 2, .packet_size = P, .kbps = KBPS};

struct course {
	struct es_rate rate;
	int64_t now_ns;
	uint32_t kbps, seed;
	unsigned n_changes;
};

static size_t size_of(unsigned n_data) {
	return n_data * (P - 16u) - 8;
}

static void course_init(struct course *course) {
	*course = (struct course){.now_ns = 1, .kbps = KBPS, .seed = 1};
	rate_init(&course->rate, &params);
	assert_false(rate_tick(&course->rate, course->now_ns, &course->kbps));
}

static double uniform(struct course *course) {
	course->seed = course->seed * 1664525u + 1013904223u;
	return course->seed / 4294967296.0;
}

// A frame whose datagrams are lost each with that chance, as a client reports it. True: it could be
// repaired.
static bool play_frame(struct course *course, double loss) {
	unsigned percent = rate_fec(&course->rate, size_of(SHARDS));
	unsigned parity = (SHARDS * percent + 99) / 100;
	unsigned lost = 0;
	for (unsigned i = 0; i < SHARDS + parity; i++) {
		lost += uniform(course) < loss;
	}
	rate_sent(&course->rate, SHARDS + parity);
	bool repaired = lost <= parity;
	if (lost > 0) {
		struct es_fec_status status = {
				.missing_before_highest = (uint16_t)lost,
				.total_data = SHARDS,
				.total_parity = (uint16_t)parity,
				.received_data = (uint16_t)(repaired ? SHARDS : SHARDS + parity - lost),
				.percent = (uint8_t)percent,
				.block_count = 1,
		};
		assert_true(rate_report(&course->rate, &status));
	}
	return repaired;
}

static unsigned play(struct course *course, double loss, unsigned n_windows) {
	unsigned broken = 0;
	for (unsigned w = 0; w < n_windows; w++) {
		for (unsigned i = 0; i < FRAMES_PER_WINDOW; i++) {
			broken += !play_frame(course, loss);
			course->now_ns += ES_RATE_WINDOW_NS / FRAMES_PER_WINDOW + 1;
			course->n_changes += rate_tick(&course->rate, course->now_ns, &course->kbps);
		}
	}
	return broken;
}

static void test_without_loss_there_is_the_floor(void **state) {
	struct course course;
	course_init(&course);
	play(&course, 0, 100);
	for (unsigned n = 1; n < 400; n++) {
		assert_int_equal(rate_fec(&course.rate, size_of(n)), 20);
	}
	assert_int_equal(course.n_changes, 0);
	assert_int_equal(course.kbps, KBPS);
}

static void test_random_loss_is_covered_within_half_as_much_again(void **state) {
	struct course course;
	course_init(&course);
	play(&course, 0.1, 10);
	unsigned percent = rate_fec(&course.rate, size_of(SHARDS));
	assert_true(percent >= 30 && percent <= 50);
	unsigned n_windows = 200;
	unsigned broken = play(&course, 0.1, n_windows);
	assert_true(broken * 1000 <= 5 * n_windows * FRAMES_PER_WINDOW);
	// It is not made by our bits, so that they are not saved for long: parity takes its share.
	assert_true(course.kbps > KBPS * 6 / 10);
}

static void test_small_frames_get_more(void **state) {
	struct course course;
	course_init(&course);
	play(&course, 0.1, 20);
	unsigned small = rate_fec(&course.rate, size_of(4));
	unsigned large = rate_fec(&course.rate, size_of(150));
	assert_true(small > large + 10);
	assert_true(large >= 20 && large <= 35);
}

static void test_parity_comes_down_slowly(void **state) {
	struct course course;
	course_init(&course);
	play(&course, 0.1, 10);
	unsigned before = rate_fec(&course.rate, size_of(SHARDS));
	play(&course, 0, 4);
	unsigned after = rate_fec(&course.rate, size_of(SHARDS));
	assert_true(after < before && after > 25);
	play(&course, 0, 100);
	assert_int_equal(rate_fec(&course.rate, size_of(SHARDS)), 20);
	assert_int_equal(course.kbps, KBPS);
}

// What is sent above the capacity is lost.
static double loss_at(const struct course *course, double capacity_kbps) {
	double wire = course->kbps * (1 + rate_fec(&course->rate, size_of(SHARDS)) / 100.0);
	return fmax(0, 1 - capacity_kbps / wire);
}

static void test_a_narrow_way_brings_the_bitrate_down_and_up_again(void **state) {
	struct course course;
	course_init(&course);
	for (int i = 0; i < 6; i++) { // 3 s
		play(&course, loss_at(&course, 5000), 1);
	}
	assert_true(course.kbps < 6000);
	for (int i = 0; i < 60; i++) {
		play(&course, loss_at(&course, 5000), 1);
		assert_true(course.kbps >= 1000);
	}
	for (int i = 0; i < 240; i++) {
		play(&course, loss_at(&course, 100000), 1);
	}
	assert_int_equal(course.kbps, KBPS);
}

static void test_a_queue_brings_the_bitrate_down(void **state) {
	struct course course;
	course_init(&course);
	rate_rtt(&course.rate, 20000);
	play(&course, 0, 4);
	assert_int_equal(course.kbps, KBPS);
	rate_rtt(&course.rate, 300000);
	play(&course, 0, 8);
	assert_true(course.kbps <= KBPS / 2);
	rate_rtt(&course.rate, 22000);
	play(&course, 0, 200);
	assert_int_equal(course.kbps, KBPS);
}

static void test_hostile_reports_stay_within_limits(void **state) {
	struct course course;
	course_init(&course);
	struct es_fec_status status = {.total_data = 10, .received_data = 11};
	assert_false(rate_report(&course.rate, &status));
	status = (struct es_fec_status){.received_data = 0};
	assert_false(rate_report(&course.rate, &status));
	status = (struct es_fec_status){.total_data = 10, .missing_before_highest = 11};
	assert_false(rate_report(&course.rate, &status));
	status = (struct es_fec_status){.total_data = 65535, .total_parity = 65535};
	for (int w = 0; w < 200; w++) {
		for (int i = 0; i < 1000; i++) {
			assert_true(rate_report(&course.rate, &status));
		}
		play(&course, 0, 1);
		for (unsigned n = 1; n < 1100; n += 7) {
			assert_true(rate_fec(&course.rate, size_of(n)) >= 20 &&
					rate_fec(&course.rate, size_of(n)) <= ES_RATE_MAX_FEC);
		}
		assert_true(course.kbps >= 100);
	}
	assert_true(course.kbps <= KBPS / 4);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_without_loss_there_is_the_floor),
			cmocka_unit_test(test_random_loss_is_covered_within_half_as_much_again),
			cmocka_unit_test(test_small_frames_get_more),
			cmocka_unit_test(test_parity_comes_down_slowly),
			cmocka_unit_test(test_a_narrow_way_brings_the_bitrate_down_and_up_again),
			cmocka_unit_test(test_a_queue_brings_the_bitrate_down),
			cmocka_unit_test(test_hostile_reports_stay_within_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
