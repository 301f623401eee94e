// How much a page is sent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/player_flow.h"

#define MS INT64_C(1000000)

static void test_credit(void **state) {
	struct es_player_flow flow;
	player_flow_init(&flow, 10000, 60000);
	flow.next = flow.acked = UINT32_MAX - 1; // numbers wrap
	for (uint32_t i = 0; i < 10; i++) {
		while (player_flow_may_send(&flow)) {
			player_flow_sent(&flow, 1000, 1);
		}
		assert_int_equal(flow.next - flow.acked, 3);
		assert_true(player_flow_may_hold(&flow, 1000)); // 20833 would be a large one
		assert_false(player_flow_may_hold(&flow, 40000));
		assert_true(player_flow_acked(&flow, flow.acked + i % 3, 0, 2));
		assert_int_equal(flow.next - flow.acked, 2 - i % 3);
	}
	assert_false(player_flow_acked(&flow, flow.next, 0, 3)); // not sent yet
	assert_false(player_flow_acked(&flow, flow.acked - 1, 0, 3)); // told before
}

// One second of pictures at 60 a second of which the page takes `most` bytes a second.
static uint32_t run(struct es_player_flow *flow, int64_t *now_ns, uint64_t most) {
	uint64_t room = 0;
	for (int i = 0; i < 60; i++, *now_ns += 16666667) {
		size_t size = flow->kbps * 1000 / 8 / 60;
		room += most / 60;
		if (player_flow_may_send(flow)) {
			player_flow_sent(flow, size, *now_ns);
		} else {
			player_flow_skipped(flow, false);
		}
		while (flow->acked != flow->next && flow->waiting[flow->acked % 3].size <= room) {
			room -= flow->waiting[flow->acked % 3].size;
			player_flow_acked(flow, flow->acked, 0, *now_ns + MS);
		}
		if (flow->acked == flow->next) {
			room = 0; // a line saves nothing up
		}
		player_flow_tick(flow, *now_ns);
	}
	return flow->kbps;
}

static void test_bitrate_follows_the_line(void **state) {
	struct es_player_flow flow;
	int64_t now_ns = 1;
	player_flow_init(&flow, 12000, 60000);
	assert_int_equal(run(&flow, &now_ns, 3000000), 12000); // 24 Mbit/s: enough
	run(&flow, &now_ns, 375000); // 3 Mbit/s
	run(&flow, &now_ns, 375000);
	uint32_t low = run(&flow, &now_ns, 375000);
	assert_true(low >= 1500 && low <= 3300);
	for (int i = 0; i < 60; i++) {
		run(&flow, &now_ns, 3000000);
	}
	assert_int_equal(flow.kbps, 12000);
}

// A socket that takes nothing: less and less, not nothing.
static void test_least(void **state) {
	struct es_player_flow flow;
	int64_t now_ns = 1;
	player_flow_init(&flow, 16000, 60000);
	for (int i = 0; i < 1200; i++, now_ns += 16666667) {
		player_flow_skipped(&flow, true);
		player_flow_tick(&flow, now_ns);
	}
	assert_int_equal(flow.kbps, 2000);
}

static void test_late_is_bad(void **state) {
	struct es_player_flow flow;
	player_flow_init(&flow, 10000, 60000);
	for (int i = 0; i < 40; i++) {
		int64_t now_ns = 1 + i * 100 * MS;
		player_flow_acked(&flow, player_flow_sent(&flow, 20000, now_ns), 0, now_ns + 5 * MS);
		assert_false(player_flow_tick(&flow, now_ns));
	}
	bool lower = false;
	for (int i = 40; i < 50; i++) {
		int64_t now_ns = 1 + i * 100 * MS;
		player_flow_acked(&flow, player_flow_sent(&flow, 20000, now_ns), 0, now_ns + 150 * MS);
		lower = player_flow_tick(&flow, now_ns) || lower;
	}
	assert_true(lower && flow.kbps < 10000);
}

// A page that draws each third picture, or pictures that are small anyway, get no better by fewer bits.
static void test_slow_page(void **state) {
	for (int small = 0; small < 2; small++) {
		struct es_player_flow flow;
		player_flow_init(&flow, 10000, 60000);
		for (int i = 0; i < 600; i++) {
			int64_t now_ns = 1 + i * 17 * MS;
			if (i % 3 == 0) {
				uint32_t frame = player_flow_sent(&flow, small ? 1000 : 20000, now_ns);
				player_flow_acked(&flow, frame, small ? 0 : 45 * MS, now_ns + 50 * MS);
			} else {
				player_flow_skipped(&flow, false);
			}
			assert_false(player_flow_tick(&flow, now_ns));
		}
	}
}

// What an encoder that is held does not make is missing as well: of a line that is full it gets less.
static void test_held(void **state) {
	for (int stuck = 0; stuck < 2; stuck++) {
		struct es_player_flow flow;
		player_flow_init(&flow, 10000, 60000);
		for (int i = 0; i < 100; i++) {
			int64_t now_ns = 1 + i * 50 * MS;
			uint32_t frame = player_flow_sent(&flow, 20000, now_ns);
			player_flow_hold(&flow, true, stuck != 0, now_ns);
			player_flow_acked(&flow, frame, 45 * MS, now_ns + 49 * MS);
			player_flow_hold(&flow, false, false, now_ns + 49 * MS);
			player_flow_tick(&flow, now_ns + 49 * MS);
		}
		assert_true(stuck ? flow.kbps < 6000 : flow.kbps == 10000);
	}
}

static void test_limit(void **state) {
	struct es_player_flow flow;
	player_flow_init(&flow, 10000, 60000);
	assert_true(player_flow_limit(&flow, 5000));
	assert_int_equal(flow.kbps, 5000);
	assert_true(player_flow_limit(&flow, 8000));
	assert_int_equal(flow.kbps, 8000);
	flow.kbps = 2000; // learnt
	assert_false(player_flow_limit(&flow, 9000));
	assert_true(player_flow_limit(&flow, 1000));
	assert_int_equal(flow.kbps, 1000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_credit),
			cmocka_unit_test(test_bitrate_follows_the_line),
			cmocka_unit_test(test_least),
			cmocka_unit_test(test_late_is_bad),
			cmocka_unit_test(test_slow_page),
			cmocka_unit_test(test_held),
			cmocka_unit_test(test_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
