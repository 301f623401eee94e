// When a still picture is repeated, and that it ends.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "encode/refine.h"

#define PERIOD 1000
#define GOOD 20

static struct es_refine begin(void) {
	struct es_refine refine;
	refine_init(&refine, PERIOD, GOOD, 0);
	assert_int_equal(refine_due_ns(&refine), -1);
	return refine;
}

static void test_at_most_six_then_silence(void **state) {
	struct es_refine refine = begin();
	int64_t now = 50000;
	refine_changed(&refine, now, 40, false);
	assert_true(refine_due_ns(&refine) > now + 2 * PERIOD);
	int repeats = 0;
	while (refine_due_ns(&refine) >= 0) {
		assert_true(refine_due_ns(&refine) >= now + PERIOD);
		now = refine_due_ns(&refine);
		refine_repeated(&refine, now, 40, false);
		repeats++;
	}
	assert_int_equal(repeats, ES_REFINE_MAX_REPEATS);
}

static void test_stops_when_good(void **state) {
	struct es_refine refine = begin();
	refine_changed(&refine, 0, GOOD, false);
	assert_int_equal(refine_due_ns(&refine), -1);
	refine_changed(&refine, 0, GOOD + 1, false);
	assert_true(refine_due_ns(&refine) > 0);
	refine_repeated(&refine, 5000, GOOD + 1, false);
	assert_true(refine_due_ns(&refine) > 5000);
	refine_repeated(&refine, 6000, GOOD, false);
	assert_int_equal(refine_due_ns(&refine), -1);
}

static void test_unknown_quality_is_not_good(void **state) {
	struct es_refine refine = begin();
	refine_changed(&refine, 0, 0, false);
	assert_true(refine_due_ns(&refine) > 0);
}

static void test_a_change_begins_anew(void **state) {
	struct es_refine refine = begin();
	refine_changed(&refine, 0, 40, false);
	for (int i = 0; i < 4; i++) {
		refine_repeated(&refine, refine_due_ns(&refine), 40, false);
	}
	refine_changed(&refine, 9000, 40, false);
	int repeats = 0;
	while (refine_due_ns(&refine) >= 0) {
		refine_repeated(&refine, refine_due_ns(&refine), 40, false);
		repeats++;
	}
	assert_int_equal(repeats, ES_REFINE_MAX_REPEATS);
}

// While frames come at the refresh rate, or at half of it, nothing is ever due.
static void test_never_between_moving_frames(void **state) {
	struct es_refine refine = begin();
	for (int64_t now = 0; now < 100 * PERIOD; now += 2 * PERIOD) {
		refine_changed(&refine, now, 40, false);
		assert_true(refine_due_ns(&refine) > now + 2 * PERIOD);
	}
}

static void test_keeps_alive(void **state) {
	struct es_refine refine;
	int64_t keepalive = 30 * PERIOD;
	refine_init(&refine, PERIOD, 20, keepalive);
	refine_changed(&refine, 0, 40, false);
	for (int i = 0; i < ES_REFINE_MAX_REPEATS; i++) {
		assert_false(refine.keeping_alive);
		refine_repeated(&refine, refine_due_ns(&refine), 40, false);
	}
	for (int i = 0; i < 100; i++) {
		int64_t due = refine_due_ns(&refine);
		assert_true(refine.keeping_alive);
		refine_repeated(&refine, due, 40, false);
		assert_int_equal(refine_due_ns(&refine), due + keepalive);
	}
	refine_changed(&refine, 1, 40, false);
	assert_false(refine.keeping_alive);
	refine_changed(&refine, 1, 20, false); // good at once: nothing to refine
	assert_true(refine.keeping_alive);
	assert_int_equal(refine_due_ns(&refine), 1 + keepalive);
}

// Two keep-alives at once, then none for as long as two take.
static void test_unsettled_keep_alives_come_in_pairs(void **state) {
	struct es_refine refine;
	refine_init(&refine, PERIOD, GOOD, 30 * PERIOD);
	refine_changed(&refine, 0, GOOD, false);
	int64_t now = refine_due_ns(&refine);
	assert_int_equal(now, 30 * PERIOD);
	for (int i = 0; i < 5; i++) {
		refine_repeated(&refine, now, GOOD, true);
		assert_int_equal(refine_due_ns(&refine), now + PERIOD);
		assert_true(refine.keeping_alive);
		now = refine_due_ns(&refine);
		refine_repeated(&refine, now, GOOD, false);
		assert_int_equal(refine_due_ns(&refine), now + 2 * 30 * PERIOD);
		now = refine_due_ns(&refine);
	}
}

// However good it is; and then keep-alives as ever, or none.
static void test_an_unsettled_change_is_repeated_soon(void **state) {
	for (int keepalive = 0; keepalive < 2; keepalive++) {
		struct es_refine refine;
		refine_init(&refine, PERIOD, GOOD, keepalive * 30 * PERIOD);
		refine_changed(&refine, 0, GOOD, true);
		int64_t due = refine_due_ns(&refine);
		assert_true(due > 2 * PERIOD && due <= 3 * PERIOD);
		refine_repeated(&refine, due, GOOD, false);
		assert_int_equal(refine_due_ns(&refine), keepalive > 0 ? due + 30 * PERIOD : -1);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_at_most_six_then_silence),
			cmocka_unit_test(test_stops_when_good),
			cmocka_unit_test(test_unknown_quality_is_not_good),
			cmocka_unit_test(test_a_change_begins_anew),
			cmocka_unit_test(test_never_between_moving_frames),
			cmocka_unit_test(test_keeps_alive),
			cmocka_unit_test(test_unsettled_keep_alives_come_in_pairs),
			cmocka_unit_test(test_an_unsettled_change_is_repeated_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
