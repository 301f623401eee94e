#include "stream/pacer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define N_DATAGRAMS 20000

struct run {
	struct es_pacer pacer;
	int64_t now_ns;
	int64_t begun_ns[N_DATAGRAMS], ended_ns[N_DATAGRAMS]; // of the calls that sent each datagram
	uint32_t n;
	uint64_t random;
};

static uint64_t next_random(struct run *run) {
	run->random ^= run->random << 13;
	run->random ^= run->random >> 7;
	run->random ^= run->random << 17;
	return run->random;
}

static struct run *begin_run(void) {
	struct run *run = calloc(1, sizeof(*run));
	assert_non_null(run);
	run->random = 88172645463325252u;
	run->now_ns = 1000 * MS;
	pacer_init(&run->pacer);
	return run;
}

static void send_some(struct run *run, uint32_t n, int64_t took_ns) {
	for (uint32_t i = 0; i < n; i++, run->n++) {
		run->begun_ns[run->n] = run->now_ns;
		run->ended_ns[run->n] = run->now_ns + took_ns;
	}
	run->now_ns += took_ns;
	pacer_sent(&run->pacer, n, run->now_ns);
}

// A send thread that wakes up late, takes its time, and sometimes gets rid of a part only.
static void send_frame(struct run *run, uint32_t n, bool rough) {
	pacer_begin(&run->pacer, n);
	uint32_t group;
	while ((group = pacer_group(&run->pacer)) > 0) {
		assert_true(group <= ES_PACER_BURST);
		int64_t due_ns = pacer_due_ns(&run->pacer);
		run->now_ns = due_ns > run->now_ns ? due_ns : run->now_ns;
		if (!rough) {
			send_some(run, group, 0);
			continue;
		}
		run->now_ns += next_random(run) % 4 == 0 ? (int64_t)(next_random(run) % (2 * MS)) : 0;
		while (group > 0) {
			uint32_t part = 1 + (uint32_t)(next_random(run) % group);
			send_some(run, part, (int64_t)(next_random(run) % (MS / 20)));
			group -= part;
		}
	}
}

// Between any datagram and the 16th after it lies a millisecond, however the calls fall.
static void check_bursts(const struct run *run) {
	for (uint32_t i = 0; i + ES_PACER_BURST < run->n; i++) {
		assert_true(run->begun_ns[i + ES_PACER_BURST] - run->ended_ns[i] >= MS);
	}
}

static void test_never_more_than_a_burst(void **state) {
	struct run *run = begin_run();
	while (run->n < N_DATAGRAMS - 600) {
		uint64_t kind = next_random(run) % 8;
		uint32_t most = kind == 0 ? 500 : kind < 4 ? 60 : 16;
		send_frame(run, 1 + (uint32_t)(next_random(run) % most), true);
		run->now_ns += (int64_t)(next_random(run) % 3) * (int64_t)(next_random(run) % (8 * MS));
	}
	check_bursts(run);
	free(run);
}

static void test_small_frames_go_at_once(void **state) {
	for (uint32_t n = 1; n <= ES_PACER_BURST; n++) {
		struct run *run = begin_run();
		for (int frame = 0; frame < 5; frame++) {
			int64_t begin_ns = run->now_ns;
			send_frame(run, n, false);
			assert_int_equal(begin_ns, run->now_ns);
			run->now_ns += MS;
		}
		check_bursts(run);
		free(run);
	}
}

// As few milliseconds as the burst allows, in groups that differ by one datagram at most.
static void test_larger_frames_take_no_longer_than_they_must(void **state) {
	for (uint32_t n = 1; n < 2000; n++) {
		struct run *run = begin_run();
		int64_t begin_ns = run->now_ns;
		uint32_t least = UINT32_MAX, most = 0;
		pacer_begin(&run->pacer, n);
		for (uint32_t group; (group = pacer_group(&run->pacer)) > 0; send_some(run, group, 0)) {
			least = group < least ? group : least;
			most = group > most ? group : most;
			int64_t due_ns = pacer_due_ns(&run->pacer);
			run->now_ns = due_ns > run->now_ns ? due_ns : run->now_ns;
		}
		assert_int_equal(n, run->n);
		assert_true(most <= ES_PACER_BURST && most - least <= 1);
		assert_int_equal((n - 1) / ES_PACER_BURST * MS, run->now_ns - begin_ns);
		free(run);
	}
}

// 20 Mbit/s at 60 Hz with 20 % of parity are 38 datagrams a frame: out within 2 ms, an eighth of the
// interval; the next frame finds nothing in its way.
static void test_usual_stream(void **state) {
	struct run *run = begin_run();
	for (int frame = 0; frame < 100; frame++) {
		int64_t begin_ns = run->now_ns;
		send_frame(run, 38, false);
		assert_int_equal(2 * MS, run->now_ns - begin_ns);
		run->now_ns = begin_ns + 1000 * MS / 60;
	}
	check_bursts(run);
	free(run);
}

// A small frame right behind a large one waits for its place, not longer.
static void test_backlog(void **state) {
	struct run *run = begin_run();
	send_frame(run, 160, false);
	int64_t before_ns = run->now_ns;
	send_frame(run, 4, false);
	assert_int_equal(before_ns + MS, run->now_ns);
	send_frame(run, 12, false); // fills the burst
	assert_int_equal(before_ns + MS, run->now_ns);
	send_frame(run, 1, false);
	assert_int_equal(before_ns + 2 * MS, run->now_ns);
	check_bursts(run);
	free(run);
}

// A frame that was given up half way leaves nothing behind but what was sent.
static void test_given_up(void **state) {
	struct run *run = begin_run();
	pacer_begin(&run->pacer, 100);
	send_some(run, 15, 0);
	pacer_begin(&run->pacer, 1);
	assert_int_equal(1, pacer_group(&run->pacer));
	assert_true(pacer_due_ns(&run->pacer) <= run->now_ns);
	send_some(run, 1, 0);
	assert_int_equal(0, pacer_group(&run->pacer));
	pacer_begin(&run->pacer, 1);
	assert_int_equal(run->now_ns + MS, pacer_due_ns(&run->pacer));
	free(run);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_never_more_than_a_burst),
			cmocka_unit_test(test_small_frames_go_at_once),
			cmocka_unit_test(test_larger_frames_take_no_longer_than_they_must),
			cmocka_unit_test(test_usual_stream),
			cmocka_unit_test(test_backlog),
			cmocka_unit_test(test_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
