// The output clock against simulated apps and encoders; time is a number here.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "compositor/output_clock.h"

#define MS INT64_C(1000000)
#define S INT64_C(1000000000)
#define MAX_FRAMES 20000

// One app, one encoder, and the loop of the display around the clock.
struct sim {
	struct es_output_clock clock;
	int64_t now_ns, armed_ns;
	bool attached, credit;
	int64_t no_credit_since_ns;
	int64_t content_since_ns; // 0: none
	int64_t newest_content_ns;
	bool cursor, callback_wanted;

	int64_t encode_ns, credit_at_ns; // how long a frame takes; 0: none in work
	int64_t draw_ns, draw_at_ns; // from callback to commit; 0: no app on callbacks
	int64_t run_ns, run_at_ns; // commits of its own every run_ns

	int64_t commits[MAX_FRAMES], frames[MAX_FRAMES], waits[MAX_FRAMES];
	size_t n_commits, n_frames, n_callbacks, n_cursors, n_arms;
};

static void assert_between(size_t value, size_t low, size_t high) {
	assert_true(value >= low);
	assert_true(value <= high);
}

static void commit(struct sim *sim, bool callback) {
	sim->newest_content_ns = sim->now_ns;
	if (sim->content_since_ns == 0) {
		sim->content_since_ns = sim->now_ns;
	}
	sim->callback_wanted |= callback;
	sim->commits[sim->n_commits++] = sim->now_ns;
}

static struct es_clock_facts facts_of(const struct sim *sim) {
	return (struct es_clock_facts){
			.now_ns = sim->now_ns,
			.attached = sim->attached,
			.credit = sim->credit,
			.no_credit_since_ns = sim->no_credit_since_ns,
			.content = sim->content_since_ns != 0,
			.content_since_ns = sim->content_since_ns,
			.cursor = sim->cursor,
			.callbacks = sim->callback_wanted,
	};
}

static void send_frame(struct sim *sim) {
	assert_true(sim->attached && sim->credit);
	sim->credit = false;
	sim->cursor = false;
	sim->no_credit_since_ns = sim->now_ns;
	sim->credit_at_ns = sim->now_ns + sim->encode_ns;
}

static void act(struct sim *sim) {
	for (int rounds = 0;; rounds++) {
		assert_true(rounds < 8);
		struct es_clock_facts facts = facts_of(sim);
		struct es_clock_decision decision = output_clock_decide(&sim->clock, &facts);
		switch (decision.action) {
		case ES_CLOCK_SLEEP:
			assert_true(decision.arm_ns == 0 || decision.arm_ns > sim->now_ns);
			sim->n_arms += decision.arm_ns != 0 && decision.arm_ns != sim->armed_ns;
			sim->armed_ns = decision.arm_ns;
			return;
		case ES_CLOCK_COMPOSE:
			sim->waits[sim->n_frames] = sim->now_ns - sim->newest_content_ns;
			sim->frames[sim->n_frames++] = sim->now_ns;
			sim->content_since_ns = 0;
			send_frame(sim);
			output_clock_note_frame(&sim->clock, sim->now_ns, true);
			break;
		case ES_CLOCK_CURSOR:
			sim->n_cursors++;
			send_frame(sim);
			output_clock_note_frame(&sim->clock, sim->now_ns, false);
			break;
		case ES_CLOCK_CALLBACKS:
			sim->n_callbacks++;
			sim->callback_wanted = false;
			if (sim->draw_ns != 0) {
				sim->draw_at_ns = sim->now_ns + sim->draw_ns;
			}
			output_clock_note_callbacks(&sim->clock, &facts);
			break;
		}
	}
}

static int64_t next_event(const struct sim *sim) {
	const int64_t events[] = {sim->armed_ns, sim->credit_at_ns, sim->draw_at_ns, sim->run_at_ns};
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		next = events[i] != 0 && events[i] < next ? events[i] : next;
	}
	return next;
}

static void run_until(struct sim *sim, int64_t end_ns) {
	act(sim);
	for (int64_t next; (next = next_event(sim)) <= end_ns;) {
		assert_true(next >= sim->now_ns);
		sim->now_ns = next;
		if (sim->credit_at_ns == next) {
			sim->credit_at_ns = 0;
			sim->credit = true;
		}
		if (sim->draw_at_ns == next) {
			sim->draw_at_ns = 0;
			commit(sim, true);
		}
		if (sim->run_at_ns == next) {
			sim->run_at_ns += sim->run_ns;
			commit(sim, false);
		}
		act(sim);
	}
	sim->now_ns = end_ns;
}

static void sim_init(struct sim *sim, int32_t refresh_mhz) {
	memset(sim, 0, sizeof(*sim));
	sim->now_ns = 1000 * S;
	sim->attached = sim->credit = true;
	sim->encode_ns = 4 * MS;
	output_clock_init(&sim->clock, sim->now_ns, refresh_mhz, 0);
}

static int64_t max_wait(const struct sim *sim, size_t from) {
	int64_t max = 0;
	for (size_t i = from; i < sim->n_frames; i++) {
		max = sim->waits[i] > max ? sim->waits[i] : max;
	}
	return max;
}

static void assert_one_per_slot(const struct sim *sim) {
	for (size_t i = 1; i < sim->n_frames; i++) {
		assert_true(output_clock_slot(&sim->clock, sim->frames[i]) >
				output_clock_slot(&sim->clock, sim->frames[i - 1]));
	}
}

static void test_callback_app_gets_every_slot(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	sim.draw_ns = 2 * MS;
	sim.now_ns += 7 * MS;
	commit(&sim, true);
	run_until(&sim, 1010 * S);
	assert_int_equal(sim.n_frames, 600);
	assert_int_equal(sim.n_commits, sim.n_frames);
	assert_int_equal(max_wait(&sim, 0), 0);
	assert_one_per_slot(&sim);
}

static void test_app_out_of_step_comes_back(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	sim.draw_ns = 2 * MS;
	sim.now_ns += 1 * MS;
	commit(&sim, true);
	run_until(&sim, sim.now_ns + 500 * MS);
	// Something else uses the slot after the callback and just before the app's commit.
	int64_t slot = output_clock_slot(&sim.clock, sim.now_ns) + 1;
	run_until(&sim, output_clock_slot_start(&sim.clock, slot) + MS);
	sim.content_since_ns = sim.newest_content_ns = sim.now_ns;
	size_t before = sim.n_frames;
	run_until(&sim, sim.now_ns + 100 * MS);
	assert_true(sim.waits[before + 2] > 10 * MS);
	run_until(&sim, sim.now_ns + 4 * S);
	assert_true(sim.n_frames >= sim.n_commits - 2);
	assert_int_equal(max_wait(&sim, sim.n_frames - 100), 0);
	assert_one_per_slot(&sim);
}

static void test_free_runner_gets_one_per_slot_and_newest(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	sim.run_ns = 2 * MS;
	sim.run_at_ns = sim.now_ns + 300000;
	run_until(&sim, 1010 * S);
	assert_between(sim.n_frames, 600, 601);
	assert_one_per_slot(&sim);
	assert_true(max_wait(&sim, 0) <= 2 * MS);
}

static void test_slow_encoder_does_not_hold_the_app(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	sim.encode_ns = 200 * MS;
	sim.draw_ns = 2 * MS;
	commit(&sim, true);
	run_until(&sim, 1010 * S);
	// A frame per credit; the app draws on most slots of the clock.
	assert_between(sim.n_frames, 49, 51);
	assert_true(sim.n_callbacks > 400);
	assert_true(max_wait(&sim, 0) <= 17 * MS);
}

static void test_encoder_a_bit_slower_than_the_refresh(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	sim.encode_ns = 20 * MS;
	sim.draw_ns = 2 * MS;
	commit(&sim, true);
	run_until(&sim, 1010 * S);
	// Credit by credit: nothing is drawn in vain, nothing grows old.
	assert_int_equal(sim.n_commits, sim.n_frames);
	assert_between(sim.n_frames, 440, 500);
	assert_int_equal(max_wait(&sim, 0), 0);
}

static void test_no_encoder_callbacks_follow_the_clock(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	sim.attached = sim.credit = false;
	sim.draw_ns = 2 * MS;
	commit(&sim, true);
	run_until(&sim, 1010 * S);
	assert_int_equal(sim.n_frames, 0);
	assert_between(sim.n_callbacks, 600, 601);
}

static void test_no_encoder_lower_rate(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	sim.clock.detached_mhz = 5000;
	sim.attached = sim.credit = false;
	sim.draw_ns = 2 * MS;
	commit(&sim, true);
	run_until(&sim, 1010 * S);
	assert_between(sim.n_callbacks, 50, 51);
}

static void test_fractional_refresh_does_not_drift(void **state) {
	const int32_t rates[] = {59940, 23976, 119880, 60000, 1000, 1000000, 59937};
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct es_output_clock clock;
		output_clock_init(&clock, 123456789, rates[i], 0);
		// Days later the grid is still exact: slot k * mhz begins k * 1000 s after the origin.
		for (int64_t k = 0; k < 500; k += 7) {
			assert_int_equal(
					output_clock_slot_start(&clock, k * rates[i]), 123456789 + k * 1000 * S);
		}
		for (int64_t slot = 0; slot < 3 * (int64_t)rates[i]; slot += 997) {
			int64_t start = output_clock_slot_start(&clock, slot);
			assert_int_equal(output_clock_slot(&clock, start), slot);
			assert_int_equal(output_clock_slot(&clock, start - 1), slot - 1);
		}
	}
}

static void test_fractional_refresh_for_hours(void **state) {
	static struct sim sim;
	sim_init(&sim, 59940);
	sim.draw_ns = 2 * MS;
	commit(&sim, true);
	// The middle hours are skipped: only the grid links them.
	run_until(&sim, 1020 * S);
	size_t before = sim.n_frames;
	int64_t slot = output_clock_slot(&sim.clock, sim.now_ns) + 59940 * 7;
	sim.now_ns = output_clock_slot_start(&sim.clock, slot);
	sim.armed_ns = sim.draw_at_ns = sim.credit_at_ns = 0;
	sim.credit = true;
	sim.callback_wanted = true;
	run_until(&sim, sim.now_ns + 100 * S);
	assert_between(sim.n_frames - before, 5993, 5995);
	assert_int_equal(max_wait(&sim, 0), 0);
}

static void test_idle_is_never_armed(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	run_until(&sim, 1001 * S);
	assert_int_equal(sim.n_arms, 0);
	commit(&sim, false);
	run_until(&sim, 1002 * S);
	assert_int_equal(sim.n_frames, 1);
	assert_int_equal(sim.n_arms, 0);
	assert_int_equal(sim.armed_ns, 0);
}

static void test_commit_after_idle_is_composed_at_once(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	for (int i = 0; i < 50; i++) {
		sim.now_ns += 100 * MS + i * 333333;
		commit(&sim, false);
		act(&sim);
		assert_int_equal(sim.frames[sim.n_frames - 1], sim.now_ns);
		run_until(&sim, sim.now_ns + 50 * MS);
	}
	assert_int_equal(sim.n_frames, 50);
	assert_int_equal(sim.n_arms, 0);
}

static void test_second_commit_waits_for_its_slot(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	sim.encode_ns = 1 * MS;
	commit(&sim, false);
	run_until(&sim, sim.now_ns + 3 * MS);
	commit(&sim, false);
	act(&sim);
	assert_int_equal(sim.n_frames, 1);
	assert_int_equal(sim.armed_ns, output_clock_slot_start(&sim.clock, 1));
	run_until(&sim, sim.now_ns + 100 * MS);
	assert_int_equal(sim.n_frames, 2);
	assert_int_equal(sim.frames[1], output_clock_slot_start(&sim.clock, 1));
	assert_int_equal(sim.armed_ns, 0);
}

static void test_cursor_alone_and_beside_an_app(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	for (int i = 0; i < 1000; i++) {
		sim.cursor = true;
		run_until(&sim, sim.now_ns + 1 * MS);
	}
	assert_between(sim.n_cursors, 59, 61);

	sim_init(&sim, 60000);
	sim.draw_ns = 2 * MS;
	commit(&sim, true);
	for (int i = 0; i < 1000; i++) {
		sim.cursor = true;
		run_until(&sim, sim.now_ns + 1 * MS);
	}
	// The app's frames carry it, and none of them waits for it.
	assert_int_equal(sim.n_cursors, 0);
	assert_between(sim.n_frames, 59, 61);
	assert_int_equal(max_wait(&sim, 0), 0);
}

static void test_encoder_comes_late(void **state) {
	static struct sim sim;
	sim_init(&sim, 60000);
	sim.attached = sim.credit = false;
	commit(&sim, false);
	run_until(&sim, 1001 * S);
	assert_int_equal(sim.n_frames, 0);
	assert_int_equal(sim.armed_ns, 0);
	sim.attached = true;
	sim.no_credit_since_ns = sim.now_ns;
	act(&sim);
	sim.credit = true;
	act(&sim);
	assert_int_equal(sim.n_frames, 1);
}

static void test_content_that_is_not_due(void **state) {
	struct es_output_clock clock;
	output_clock_init(&clock, 1000 * S, 60000, 0);
	struct es_clock_facts facts = {
			.now_ns = 1001 * S,
			.attached = true,
			.credit = true,
			.content = true,
			.content_since_ns = 1001 * S,
			.content_due_ns = 1001 * S + 200 * MS,
	};
	struct es_clock_decision decision = output_clock_decide(&clock, &facts);
	assert_int_equal(decision.action, ES_CLOCK_SLEEP);
	assert_int_equal(decision.arm_ns, facts.content_due_ns);
	facts.now_ns = facts.content_due_ns;
	assert_int_equal(output_clock_decide(&clock, &facts).action, ES_CLOCK_COMPOSE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_callback_app_gets_every_slot),
			cmocka_unit_test(test_app_out_of_step_comes_back),
			cmocka_unit_test(test_free_runner_gets_one_per_slot_and_newest),
			cmocka_unit_test(test_slow_encoder_does_not_hold_the_app),
			cmocka_unit_test(test_encoder_a_bit_slower_than_the_refresh),
			cmocka_unit_test(test_no_encoder_callbacks_follow_the_clock),
			cmocka_unit_test(test_no_encoder_lower_rate),
			cmocka_unit_test(test_fractional_refresh_does_not_drift),
			cmocka_unit_test(test_fractional_refresh_for_hours),
			cmocka_unit_test(test_idle_is_never_armed),
			cmocka_unit_test(test_commit_after_idle_is_composed_at_once),
			cmocka_unit_test(test_second_commit_waits_for_its_slot),
			cmocka_unit_test(test_cursor_alone_and_beside_an_app),
			cmocka_unit_test(test_encoder_comes_late),
			cmocka_unit_test(test_content_that_is_not_due),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
