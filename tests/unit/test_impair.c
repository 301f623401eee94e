// The loss models of the impairment proxy: shares, bursts, delays, and the same again by the same seed.
#include "tests/clients/impair_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N 200000
#define PERIOD_NS INT64_C(1000000)

struct tally {
	double lost, burst, duplicated, corrupt; // burst: mean length of the runs of lost ones
};

static struct tally count(const struct es_impair_params *params) {
	struct es_impair_model model;
	struct tally tally = {0};
	double bursts = 0;
	bool before = false;
	impair_init(&model, params);
	for (int64_t i = 0; i < N; i++) {
		struct es_impair_fate fate = impair_decide(&model, i * PERIOD_NS, 1000);
		bool lost = fate.at_ns == ES_IMPAIR_LOST;
		tally.lost += lost;
		bursts += lost && !before;
		tally.duplicated += fate.copy_at_ns != ES_IMPAIR_LOST;
		tally.corrupt += fate.corrupt;
		before = lost;
	}
	tally.burst = bursts > 0 ? tally.lost / bursts : 0;
	tally.lost /= N;
	tally.duplicated /= N;
	tally.corrupt /= N;
	return tally;
}

static void assert_near(double value, double wanted, double tolerance) {
	if (!(fabs(value - wanted) <= tolerance)) {
		fail_msg("%f is not near %f", value, wanted);
	}
}

static void test_bernoulli(void **state) {
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct tally tally = count(&(struct es_impair_params){.seed = seed, .loss = 0.1});
		assert_near(tally.lost, 0.1, 0.005);
		assert_near(tally.burst, 1 / 0.9, 0.02);
	}
	assert_near(count(&(struct es_impair_params){.seed = 1}).lost, 0, 0);
	assert_near(count(&(struct es_impair_params){.seed = 1, .loss = 1}).lost, 1, 0);
}

static void test_bursts(void **state) {
	struct es_impair_params params = {.seed = 5};
	impair_bursts(&params, 0.1, 4);
	struct tally tally = count(&params);
	assert_near(tally.lost, 0.1, 0.01);
	assert_near(tally.burst, 4, 0.2);
}

static void test_duplicates_and_corruption(void **state) {
	struct tally tally =
			count(&(struct es_impair_params){.seed = 9, .duplicate = 0.05, .corrupt = 0.02});
	assert_near(tally.lost, 0, 0);
	assert_near(tally.duplicated, 0.05, 0.005);
	assert_near(tally.corrupt, 0.02, 0.003);
}

static void test_same_seed_same_fates(void **state) {
	struct es_impair_params params = {
			.seed = 77, .loss = 0.2, .jitter_ms = 5, .delay_ms = 10, .duplicate = 0.1};
	struct es_impair_model a, b, other;
	impair_init(&a, &params);
	impair_init(&b, &params);
	params.seed = 78;
	impair_init(&other, &params);
	int differ = 0;
	for (int64_t i = 0; i < 1000; i++) {
		struct es_impair_fate x = impair_decide(&a, i * PERIOD_NS, 1000);
		struct es_impair_fate y = impair_decide(&b, i * PERIOD_NS, 1000);
		struct es_impair_fate z = impair_decide(&other, i * PERIOD_NS, 1000);
		assert_true(
				x.at_ns == y.at_ns && x.copy_at_ns == y.copy_at_ns && x.corrupt_at == y.corrupt_at);
		differ += x.at_ns != z.at_ns;
	}
	assert_true(differ > 500);
}

// What is lost does not depend on the other parameters.
static void test_parameters_are_independent(void **state) {
	struct es_impair_params plain = {.seed = 3, .loss = 0.1}, more = plain;
	more.delay_ms = 20;
	more.duplicate = 0.5;
	struct es_impair_model a, b;
	impair_init(&a, &plain);
	impair_init(&b, &more);
	for (int64_t i = 0; i < 1000; i++) {
		bool lost = impair_decide(&a, i * PERIOD_NS, 1000).at_ns == ES_IMPAIR_LOST;
		assert_int_equal(lost, impair_decide(&b, i * PERIOD_NS, 1000).at_ns == ES_IMPAIR_LOST);
	}
}

static void test_delay_and_jitter(void **state) {
	struct es_impair_params params = {.seed = 4, .delay_ms = 20, .jitter_ms = 5};
	struct es_impair_model model;
	impair_init(&model, &params);
	double sum = 0;
	for (int64_t i = 0; i < 10000; i++) {
		int64_t late = impair_decide(&model, i * PERIOD_NS, 1000).at_ns - i * PERIOD_NS;
		assert_true(late >= 15 * PERIOD_NS && late <= 25 * PERIOD_NS);
		sum += (double)late / 1e6;
	}
	assert_near(sum / 10000, 20, 0.2);
}

static void test_rate_limit(void **state) {
	// 1000 bytes a ms are 8000 kbit/s; half of it passes, and nothing waits longer than the queue.
	struct es_impair_params params = {.seed = 4, .rate_kbps = 4000, .queue_ms = 50};
	struct es_impair_model model;
	impair_init(&model, &params);
	int passed = 0;
	for (int64_t i = 0; i < 10000; i++) {
		struct es_impair_fate fate = impair_decide(&model, i * PERIOD_NS, 1000);
		if (fate.at_ns != ES_IMPAIR_LOST) {
			passed++;
			assert_true(fate.at_ns - i * PERIOD_NS <= 53 * PERIOD_NS);
		}
	}
	assert_near(passed / 10000.0, 0.5, 0.01);
}

static void test_parse(void **state) {
	struct es_impair_params params = {0};
	assert_true(impair_parse(&params, "loss=0.25"));
	assert_true(impair_parse(&params, "seed=12345678901234567890"));
	assert_true(impair_parse(&params, "delay=12.5"));
	assert_true(impair_parse(&params, "bursts=0.1:4"));
	assert_near(params.loss, 0.25, 0);
	assert_true(params.seed == UINT64_C(12345678901234567890));
	assert_near(params.delay_ms, 12.5, 0);
	assert_near(params.to_good, 0.25, 1e-9);
	static const char *const bad[] = {"loss=1.5", "loss=-1", "loss=", "loss=x", "loss=0.1x",
			"loss=nan", "lost=0.1", "seed=", "seed=x", "bursts=0.1", "bursts=1:4", "bursts=0.1:0",
			""};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (impair_parse(&params, bad[i])) {
			fail_msg("\"%s\" was taken", bad[i]);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_bernoulli),
			cmocka_unit_test(test_bursts),
			cmocka_unit_test(test_duplicates_and_corruption),
			cmocka_unit_test(test_same_seed_same_fates),
			cmocka_unit_test(test_parameters_are_independent),
			cmocka_unit_test(test_delay_and_jitter),
			cmocka_unit_test(test_rate_limit),
			cmocka_unit_test(test_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
