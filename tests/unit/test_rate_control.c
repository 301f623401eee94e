// The rate control against a model of an encoder whose units follow its formula with factors that the
// control does not know, and that change.
#include "encode/rate_control.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KBPS 20000
#define MHZ 60000
#define BUDGET_BYTES (KBPS * 1000.0 / 60 / 8)

struct model {
	struct es_rate_control control;
	double inter, idr, refine; // the encoder's own factors
	int last_qp;
};

static double step(int qp) {
	return 0.625 * exp2(qp / 6.0);
}

static size_t encode(struct model *model, bool idr, double inter_cost, double intra_cost) {
	struct es_complexity_cost cost = {.inter = inter_cost, .intra = intra_cost};
	int qp = rate_control_qp(&model->control, idr, &cost);
	assert_int_in_range(qp, ES_RATE_QP_MIN, ES_RATE_QP_MAX);
	double bits = (idr ? model->idr * intra_cost : model->inter * inter_cost) / step(qp);
	if (!idr && qp < model->control.coarsest_qp) {
		double finer = 1 / step(qp) - 1 / step(model->control.coarsest_qp);
		bits += model->refine * model->control.coarse_cost * finer;
	}
	size_t bytes = (size_t)(bits / 8) + 100;
	rate_control_update(&model->control, idr, qp, &cost, bytes);
	model->last_qp = qp;
	return bytes;
}

static void begin(struct model *model, double inter, double idr, double refine) {
	*model = (struct model){.inter = inter, .idr = idr, .refine = refine};
	rate_control_init(&model->control, KBPS, MHZ, false);
}

static void test_fills_the_budget(void **state) {
	static const double factors[] = {0.5, 2, 8, 20};
	for (size_t f = 0; f < sizeof(factors) / sizeof(factors[0]); f++) {
		struct model model;
		begin(&model, factors[f], 2 * factors[f], factors[f] / 4);
		encode(&model, true, 0, 4e6);
		for (int i = 0; i < 20; i++) {
			encode(&model, false, 3e6, 4e6);
		}
		size_t sum = 0;
		for (int i = 0; i < 60; i++) {
			size_t bytes = encode(&model, false, 3e6, 4e6);
			assert_true(bytes <= 1.05 * BUDGET_BYTES);
			sum += bytes;
		}
		assert_true((double)sum / 60 > 0.6 * BUDGET_BYTES);
	}
}

static void test_pays_its_debt(void **state) {
	struct model model;
	begin(&model, 2, 4, 0.5);
	encode(&model, true, 0, 4e6);
	for (int i = 0; i < 20; i++) {
		encode(&model, false, 1e6, 4e6);
	}
	model.inter = 12; // motion that the cost does not show
	assert_true(encode(&model, false, 1e6, 4e6) > BUDGET_BYTES);
	double sum = 0;
	for (int i = 0; i < 4; i++) {
		sum += (double)encode(&model, false, 1e6, 4e6);
	}
	assert_true(sum <= 4 * BUDGET_BYTES);
}

// The same picture again and again: finer each time, within the budget, until it is good.
static void test_refines_a_still_picture(void **state) {
	struct model model;
	begin(&model, 3, 5, 0.7);
	encode(&model, true, 0, 4e6);
	int qp = model.last_qp, repeats = 0;
	for (; qp > ES_RATE_QP_MIN && repeats < 40; repeats++) {
		double bytes = (double)encode(&model, false, 0, 0);
		assert_true(model.last_qp <= qp);
		assert_true(bytes < 1.6 * BUDGET_BYTES); // the first one is a guess
		qp = model.last_qp;
	}
	assert_int_equal(model.control.coarsest_qp, qp);
}

// A small change beside a coarse picture is not paid for with the whole picture's refinement.
static void test_small_change(void **state) {
	struct model model;
	begin(&model, 3, 5, 0.7);
	encode(&model, true, 0, 20e6);
	for (int i = 0; i < 120; i++) {
		assert_true((double)encode(&model, false, 2e4, 4e4) < 1.6 * BUDGET_BYTES);
	}
}

static void test_bitrate(void **state) {
	struct model model;
	begin(&model, 3, 5, 0.7);
	encode(&model, true, 0, 4e6);
	for (int i = 0; i < 20; i++) {
		encode(&model, false, 3e6, 4e6);
	}
	rate_control_set_bitrate(&model.control, KBPS / 4, MHZ);
	for (int i = 0; i < 30; i++) {
		assert_true((double)encode(&model, false, 3e6, 4e6) <= 1.05 * BUDGET_BYTES / 4);
	}
}

// A black picture teaches nothing about the one that follows.
static void test_black_beginning(void **state) {
	struct model model;
	begin(&model, 3, 5, 0.7);
	encode(&model, true, 0, 0);
	for (int i = 0; i < 10; i++) {
		encode(&model, false, 0, 0);
	}
	assert_true((double)encode(&model, false, 8e6, 4e6) < 1.6 * BUDGET_BYTES);
	assert_true((double)encode(&model, false, 8e6, 4e6) > 0.4 * BUDGET_BYTES);
}

// Motion that is found costs next to nothing, whatever the pixels say: what was too coarse becomes fine.
static void test_cheap_motion(void **state) {
	struct model model;
	begin(&model, 0.002, 5, 0.05);
	encode(&model, true, 0, 12e6);
	for (int i = 0; i < 60; i++) {
		assert_true((double)encode(&model, false, 10e6, 12e6) < 1.6 * BUDGET_BYTES);
	}
	// As fine as the budget of a few units allows if nothing is found again.
	assert_true(model.last_qp < 36);
}

// For a network, motion that suddenly ends takes less than two shares.
static void test_strict_surprise(void **state) {
	struct model model;
	begin(&model, 0.002, 5, 0.05);
	rate_control_init(&model.control, KBPS, MHZ, true);
	encode(&model, true, 0, 12e6);
	for (int i = 0; i < 60; i++) {
		encode(&model, false, 10e6, 12e6);
	}
	model.inter = 5; // as hard as an IDR
	assert_true((double)encode(&model, false, 10e6, 12e6) < 2 * BUDGET_BYTES);
}

// Nothing and everything: the quantiser stays in its range and the factors stay numbers.
static void test_extremes(void **state) {
	struct model model;
	begin(&model, 3, 5, 0.7);
	static const double costs[] = {0, 1, 1e3, 1e9, 0, 1e12};
	for (size_t i = 0; i < 600; i++) {
		size_t n = sizeof(costs) / sizeof(costs[0]);
		encode(&model, i % 7 == 0, costs[i % n], costs[(i / 3) % n]);
	}
	for (int i = 0; i < ES_RATE_FACTORS; i++) {
		assert_true(isfinite(model.control.k[i]) && model.control.k[i] > 0);
	}
}

static void fill(struct es_picture *picture, uint8_t from, uint8_t noise) {
	for (uint32_t y = 0; y < picture->height; y++) {
		for (uint32_t x = 0; x < picture->width; x++) {
			uint8_t value = (uint8_t)(from + (x * 31 + y * 17) % (noise + 1u));
			picture->plane[0][y * picture->stride[0] + x] = value;
		}
	}
}

static void test_complexity(void **state) {
	struct es_picture picture;
	struct es_complexity complexity;
	assert_true(picture_init(&picture, ES_PICTURE_NV12, 203, 101));
	assert_true(complexity_init(&complexity, 203, 101));
	struct es_rect all = {.width = 203, .height = 101};
	fill(&picture, 50, 0);
	struct es_complexity_cost flat = complexity_measure(&complexity, &picture, &all, 1);
	assert_true(flat.intra == 0 && flat.inter == 0); // a grey area costs nothing
	fill(&picture, 50, 40);
	struct es_complexity_cost noisy = complexity_measure(&complexity, &picture, &all, 1);
	assert_true(noisy.intra > 203 * 101 && noisy.inter > 0 && noisy.inter <= noisy.intra);
	struct es_complexity_cost same = complexity_measure(&complexity, &picture, &all, 1);
	assert_true(same.inter == 0 && same.intra == noisy.intra);
	struct es_rect part = {.x = 190, .y = 60, .width = 13, .height = 41};
	struct es_complexity_cost of_part = complexity_measure(&complexity, &picture, &part, 1);
	assert_true(of_part.intra > 0 && of_part.intra < noisy.intra / 10);
	complexity_finish(&complexity);
	picture_finish(&picture);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_fills_the_budget),
			cmocka_unit_test(test_pays_its_debt),
			cmocka_unit_test(test_refines_a_still_picture),
			cmocka_unit_test(test_small_change),
			cmocka_unit_test(test_bitrate),
			cmocka_unit_test(test_black_beginning),
			cmocka_unit_test(test_cheap_motion),
			cmocka_unit_test(test_strict_surprise),
			cmocka_unit_test(test_extremes),
			cmocka_unit_test(test_complexity),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
