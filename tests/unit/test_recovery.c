#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/recovery.h"

#define MS INT64_C(1000000)

static struct es_recovery recovery;
static struct es_recovery_ask ask;

static void send_unit(uint64_t sequence, uint32_t frame, bool idr, bool recovers, int64_t now_ns) {
	struct es_unit unit = {.sequence = sequence, .idr = idr, .recovery = recovers};
	assert_true(recovery_admits(&recovery, &unit));
	recovery_sent(&recovery, &unit, frame, now_ns);
}

// A viewer that has frames 1..n as units 101.. of one encoder.
static int setup(void **state) {
	recovery_init(&recovery);
	recovery_new_encoder(&recovery, 0);
	for (uint32_t i = 1; i <= 30; i++) {
		send_unit(100 + i, i, i == 1, false, i * MS);
	}
	return 0;
}

static void expect_invalidation(int64_t now_ns, uint64_t first, uint64_t last) {
	assert_true(recovery_next(&recovery, now_ns, &ask));
	assert_int_equal(ask.type, ES_RECOVERY_ASK_INVALIDATION);
	assert_int_equal(ask.first, first);
	assert_int_equal(ask.last, last);
}

static void expect_idr(int64_t now_ns) {
	assert_true(recovery_next(&recovery, now_ns, &ask));
	assert_int_equal(ask.type, ES_RECOVERY_ASK_IDR);
}

static void expect_nothing(int64_t now_ns) {
	assert_false(recovery_next(&recovery, now_ns, &ask));
}

static void test_a_new_viewer_gets_an_idr_at_once(void **state) {
	struct es_unit p = {.sequence = 7}, idr = {.sequence = 8, .idr = true};
	recovery_init(&recovery);
	recovery_new_encoder(&recovery, 990 * MS);
	recovery_unseen(&recovery);
	recovery_new_viewer(&recovery, 1000 * MS);
	expect_idr(1000 * MS);
	expect_nothing(1001 * MS);
	assert_false(recovery_admits(&recovery, &p));
	recovery_withheld(&recovery, 1002 * MS);
	expect_nothing(1002 * MS);
	assert_true(recovery_admits(&recovery, &idr));
	recovery_sent(&recovery, &idr, 1, 1003 * MS);
	assert_true(recovery_admits(&recovery, &p));
}

// The encoder is about to begin, with an IDR: one is enough. But not if it never comes.
static void test_a_new_viewer_waits_for_a_new_encoder(void **state) {
	struct es_unit idr = {.sequence = 1, .idr = true};
	recovery_init(&recovery);
	recovery_new_viewer(&recovery, 900 * MS);
	expect_nothing(900 * MS);
	recovery_new_encoder(&recovery, 990 * MS);
	expect_nothing(990 * MS);
	recovery_new_viewer(&recovery, 1000 * MS);
	expect_nothing(1000 * MS);
	struct es_recovery begun = recovery;
	assert_true(recovery_admits(&recovery, &idr));
	recovery_sent(&recovery, &idr, 1, 1003 * MS);
	expect_nothing(5000 * MS);

	recovery = begun;
	struct es_unit p = {.sequence = 7};
	recovery_withheld(&recovery, 2000 * MS);
	assert_false(recovery_admits(&recovery, &p));
	expect_idr(2000 * MS);
}

static void test_at_most_one_idr_in_250_ms(void **state) {
	int64_t last_ns = INT64_MIN;
	unsigned n_idr = 0;
	uint32_t frame = 31;
	for (int64_t ns = 1000 * MS; ns < 11000 * MS; ns += MS) {
		recovery_want_idr(&recovery, ns, 2 * MS);
		if (recovery_next(&recovery, ns, &ask)) {
			assert_int_equal(ask.type, ES_RECOVERY_ASK_IDR);
			assert_true(n_idr == 0 || ns - last_ns >= ES_RECOVERY_IDR_NS);
			last_ns = ns;
			n_idr++;
			send_unit(100 + frame, frame, true, false, ns + 5 * MS);
			frame++;
		}
	}
	assert_true(n_idr >= 38 && n_idr <= 40);
}

// The request that comes while the last IDR is too recent is not lost: that IDR may be.
static void test_a_request_too_soon_is_asked_later(void **state) {
	recovery_want_idr(&recovery, 1000 * MS, 10 * MS);
	expect_idr(1000 * MS);
	send_unit(131, 31, true, false, 1010 * MS);
	recovery_want_idr(&recovery, 1015 * MS, 10 * MS); // sent before the IDR could be seen
	expect_nothing(1015 * MS);
	assert_true(recovery_wake_ns(&recovery) == INT64_MAX);
	recovery_want_idr(&recovery, 1050 * MS, 10 * MS);
	expect_nothing(1050 * MS);
	assert_true(recovery_wake_ns(&recovery) == 1250 * MS);
	expect_idr(1250 * MS);
}

static void test_ranges_become_units(void **state) {
	assert_true(recovery_want_invalidation(&recovery, 28, 29, 1000 * MS));
	expect_invalidation(1000 * MS, 128, 129);
	// The same again, and a growing one, while the answer is on its way.
	assert_true(recovery_want_invalidation(&recovery, 28, 30, 1010 * MS));
	expect_nothing(1010 * MS);
	send_unit(131, 31, false, true, 1020 * MS);
	// Still sent before 31 was seen.
	assert_true(recovery_want_invalidation(&recovery, 28, 30, 1030 * MS));
	expect_nothing(1030 * MS);
	// 31 was lost too.
	assert_true(recovery_want_invalidation(&recovery, 28, 31, 1040 * MS));
	expect_invalidation(1040 * MS, 128, 131);
}

static void test_an_answer_does_not_cover_what_is_older(void **state) {
	recovery_want_invalidation(&recovery, 28, 29, 1000 * MS);
	expect_invalidation(1000 * MS, 128, 129);
	send_unit(131, 31, false, true, 1010 * MS);
	// 31 refers to what is older than 28, which may be 26.
	recovery_want_invalidation(&recovery, 26, 30, 1030 * MS);
	expect_invalidation(1030 * MS, 126, 130);
}

static void test_an_encoder_that_does_not_answer_is_asked_again(void **state) {
	recovery_want_invalidation(&recovery, 30, 30, 1000 * MS);
	expect_invalidation(1000 * MS, 130, 130);
	recovery_want_invalidation(&recovery, 30, 30, 1249 * MS);
	expect_nothing(1249 * MS);
	recovery_want_invalidation(&recovery, 30, 30, 1250 * MS);
	expect_invalidation(1250 * MS, 130, 130);
}

static void test_absurd_ranges(void **state) {
	assert_false(recovery_want_invalidation(&recovery, 31, 40, 1000 * MS));
	assert_false(recovery_want_invalidation(&recovery, 1000000, 2000000, 1000 * MS));
	expect_nothing(1000 * MS);
	// The end is cut to what was sent.
	assert_true(recovery_want_invalidation(&recovery, 30, 4000, 1000 * MS));
	expect_invalidation(1000 * MS, 130, 130);
	recovery_init(&recovery);
	assert_false(recovery_want_invalidation(&recovery, 1, 1, 1000 * MS));
}

static void test_frames_too_old_need_an_idr(void **state) {
	for (uint32_t i = 31; i <= 2000; i++) {
		send_unit(100 + i, i, false, false, i * MS);
	}
	assert_true(recovery_want_invalidation(&recovery, 2000 - 1023, 2000, 3000 * MS));
	expect_invalidation(3000 * MS, 100 + 2000 - 1023, 2100);
	assert_true(recovery_want_invalidation(&recovery, 2000 - 1024, 2000, 3100 * MS));
	expect_idr(3100 * MS);
}

static void test_frames_of_another_encoder_need_an_idr(void **state) {
	recovery_new_encoder(&recovery, 1000 * MS);
	// Its own first one will do.
	assert_true(recovery_want_invalidation(&recovery, 30, 30, 1001 * MS));
	expect_nothing(1001 * MS);
	send_unit(1, 31, true, false, 1010 * MS);
	send_unit(2, 32, false, false, 1020 * MS);
	// 30 was answered by 31; 31 itself is of this encoder.
	assert_true(recovery_want_invalidation(&recovery, 30, 30, 1030 * MS));
	expect_nothing(1030 * MS);
	assert_true(recovery_want_invalidation(&recovery, 30, 32, 1050 * MS));
	expect_idr(1050 * MS);
}

static void test_a_flood_of_ranges_is_slowed_down(void **state) {
	unsigned n = 0;
	for (uint32_t i = 0; i < 29; i++) {
		recovery_want_invalidation(&recovery, 30 - i, 30, (1000 + i) * MS);
		n += recovery_next(&recovery, (1000 + i) * MS, &ask);
	}
	assert_int_equal(n, 2);
	assert_true(recovery_wake_ns(&recovery) == 1040 * MS);
	expect_invalidation(1040 * MS, 102, 130);
}

static void test_a_dropped_unit_is_made_good(void **state) {
	struct es_unit dropped = {.sequence = 131}, next = {.sequence = 132};
	struct es_unit good = {.sequence = 133, .recovery = true};
	recovery_dropped(&recovery, &dropped, 1000 * MS);
	expect_invalidation(1000 * MS, 131, 131);
	assert_false(recovery_admits(&recovery, &next));
	recovery_withheld(&recovery, 1010 * MS);
	expect_nothing(1010 * MS);
	assert_true(recovery_admits(&recovery, &good));
	recovery_sent(&recovery, &good, 31, 1020 * MS);
	next.sequence = 134;
	assert_true(recovery_admits(&recovery, &next));
}

static void test_a_dropped_unit_and_an_encoder_that_cannot(void **state) {
	struct es_unit dropped = {.sequence = 131}, next = {.sequence = 132};
	recovery_dropped(&recovery, &dropped, 1000 * MS);
	expect_invalidation(1000 * MS, 131, 131);
	recovery_withheld(&recovery, 1249 * MS);
	expect_nothing(1249 * MS);
	recovery_withheld(&recovery, 1250 * MS);
	expect_idr(1250 * MS);
	assert_false(recovery_admits(&recovery, &next));
	// A dropped IDR is followed by another.
	struct es_unit idr = {.sequence = 133, .idr = true};
	recovery_dropped(&recovery, &idr, 1260 * MS);
	expect_nothing(1260 * MS);
	expect_idr(1500 * MS);
}

static void test_frame_numbers_wrap(void **state) {
	recovery_init(&recovery);
	recovery_new_encoder(&recovery, 0);
	uint32_t frame = UINT32_MAX - 5;
	for (uint64_t i = 1; i <= 20; i++) {
		send_unit(i, frame++, i == 1, false, (int64_t)i * MS);
	}
	assert_true(recovery_want_invalidation(&recovery, UINT32_MAX, 2, 1000 * MS));
	expect_invalidation(1000 * MS, 6, 9);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup(test_a_new_viewer_waits_for_a_new_encoder, setup),
			cmocka_unit_test_setup(test_a_new_viewer_gets_an_idr_at_once, setup),
			cmocka_unit_test_setup(test_at_most_one_idr_in_250_ms, setup),
			cmocka_unit_test_setup(test_a_request_too_soon_is_asked_later, setup),
			cmocka_unit_test_setup(test_ranges_become_units, setup),
			cmocka_unit_test_setup(test_an_answer_does_not_cover_what_is_older, setup),
			cmocka_unit_test_setup(test_an_encoder_that_does_not_answer_is_asked_again, setup),
			cmocka_unit_test_setup(test_absurd_ranges, setup),
			cmocka_unit_test_setup(test_frames_too_old_need_an_idr, setup),
			cmocka_unit_test_setup(test_frames_of_another_encoder_need_an_idr, setup),
			cmocka_unit_test_setup(test_a_flood_of_ranges_is_slowed_down, setup),
			cmocka_unit_test_setup(test_a_dropped_unit_is_made_good, setup),
			cmocka_unit_test_setup(test_a_dropped_unit_and_an_encoder_that_cannot, setup),
			cmocka_unit_test_setup(test_frame_numbers_wrap, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
