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
		.fec_percent = 20, .min_parity = 2, .packet_size = P, .kbps = KBPS, .refresh_mhz = 60000};

// Datagrams are lost in runs of this length on average; 1: each by itself.
struct way {
	double loss, run;
};

struct course {
	struct es_rate rate;
	bool bad; // within a run
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

static bool loses(struct course *course, const struct way *way) {
	double into = course->bad ? 1 - 1 / way->run : way->loss / (1 - way->loss) / way->run;
	course->bad = uniform(course) < (way->run > 1 ? into : way->loss);
	return course->bad;
}

// A frame on that way, as a client reports it. True: it could be repaired.
static bool play_frame(struct course *course, const struct way *way, unsigned n_data) {
	size_t size = size_of(n_data), padding = rate_padding(&course->rate, size);
	n_data += padding > 0;
	unsigned percent = rate_fec(&course->rate, size + padding);
	unsigned parity = (n_data * percent + 99) / 100;
	parity = parity > params.min_parity ? parity : params.min_parity;
	unsigned lost = 0;
	for (unsigned i = 0; i < n_data + parity; i++) {
		lost += loses(course, way);
	}
	rate_sent(&course->rate, n_data + parity);
	bool repaired = lost <= parity;
	if (lost > 0) {
		struct es_fec_status status = {
				.missing_before_highest = (uint16_t)lost,
				.total_data = (uint16_t)n_data,
				.total_parity = (uint16_t)parity,
				.received_data = (uint16_t)(repaired ? n_data : n_data + parity - lost),
				.percent = (uint8_t)percent,
				.block_count = 1,
		};
		assert_true(rate_report(&course->rate, &status));
	}
	return repaired;
}

static unsigned play_way(
		struct course *course, const struct way *way, unsigned n_data, unsigned n_windows) {
	unsigned broken = 0;
	for (unsigned w = 0; w < n_windows; w++) {
		for (unsigned i = 0; i < FRAMES_PER_WINDOW; i++) {
			broken += !play_frame(course, way, n_data);
			course->now_ns += ES_RATE_WINDOW_NS / FRAMES_PER_WINDOW + 1;
			course->n_changes += rate_tick(&course->rate, course->now_ns, &course->kbps);
		}
	}
	return broken;
}

static unsigned play(struct course *course, double loss, unsigned n_windows) {
	struct way way = {loss, 1};
	return play_way(course, &way, SHARDS, n_windows);
}

static void test_without_loss_there_is_the_floor(void **state) {
	struct course course;
	course_init(&course);
	play(&course, 0, 100);
	for (unsigned n = 1; n <= 848; n++) {
		assert_int_equal(rate_fec(&course.rate, size_of(n)), 20);
	}
	// A frame too large for that in four blocks has less, not none.
	unsigned large = rate_fec(&course.rate, size_of(900));
	assert_true(large > 10 && large < 20);
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

// From the first datagram that is lost.
static void test_parity_does_not_keep_frames_waiting(void **state) {
	static const struct {
		struct way way;
		unsigned permille; // of the first second's frames may break
	} ways[] = {{{0.1, 1}, 10}, {{0.1, 4}, 70}};
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		unsigned n_frames = 0, broken = 0;
		for (uint32_t seed = 1; seed <= 100; seed++) {
			struct course course;
			course_init(&course);
			course.seed = seed * 2654435761u;
			broken += play_way(&course, &ways[w].way, SHARDS, 2);
			n_frames += 2 * FRAMES_PER_WINDOW;
		}
		assert_true(broken * 1000 <= n_frames * ways[w].permille);
	}
}

// With the floor's parity alone about 80 % would, where loss comes in runs.
static void test_frames_of_all_sizes_get_through(void **state) {
	static const struct {
		struct way way;
		unsigned permille; // at least
	} ways[] = {{{0.01, 1}, 995}, {{0.05, 1}, 995}, {{0.1, 1}, 995}, {{0.1, 4}, 975}};
	static const unsigned sizes[] = {1, 2, 5, 10, 20, 40, 80, 120};
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct course course;
			course_init(&course);
			play_way(&course, &ways[w].way, sizes[i], 20);
			unsigned n_frames = 300 * FRAMES_PER_WINDOW;
			unsigned broken = play_way(&course, &ways[w].way, sizes[i], 300);
			unsigned permille = 1000 - broken * 1000 / n_frames;
			if (permille < ways[w].permille) {
				fail_msg("%u of 1000 frames of %u datagrams, loss %.2f in runs of %.0f", permille,
						sizes[i], ways[w].way.loss, ways[w].way.run);
			}
		}
	}
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

static void test_only_tiny_frames_in_bursts_are_padded(void **state) {
	struct course course;
	course_init(&course);
	assert_int_equal(rate_padding(&course.rate, 100), 0);
	play(&course, 0.1, 50);
	assert_int_equal(rate_padding(&course.rate, 100), 0);
	struct way bursts = {0.1, 4};
	play_way(&course, &bursts, 1, 50);
	for (size_t size = 1; size <= P - 16 - 8; size++) {
		assert_int_equal(size + rate_padding(&course.rate, size), P - 16 - 8 + 1);
	}
	assert_int_equal(rate_padding(&course.rate, P - 16 - 8 + 1), 0);
	course.rate.kbps = 4000; // less than all these would take
	assert_int_equal(rate_padding(&course.rate, 100), 0);
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
		for (unsigned n = 1; n <= 508; n += 13) {
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
			cmocka_unit_test(test_parity_does_not_keep_frames_waiting),
			cmocka_unit_test(test_frames_of_all_sizes_get_through),
			cmocka_unit_test(test_small_frames_get_more),
			cmocka_unit_test(test_only_tiny_frames_in_bursts_are_padded),
			cmocka_unit_test(test_parity_comes_down_slowly),
			cmocka_unit_test(test_a_narrow_way_brings_the_bitrate_down_and_up_again),
			cmocka_unit_test(test_a_queue_brings_the_bitrate_down),
			cmocka_unit_test(test_hostile_reports_stay_within_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
