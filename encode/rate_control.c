#include "encode/rate_control.h"

#include <math.h>

// First guesses; learnt anew from the first access unit on.
#define FIRST_K_INTER 3.0
#define FIRST_K_IDR 4.0
#define FIRST_K_REFINE 1.0
// How much of the budget a prediction may fill, as predictions err.
#define FILL 0.9
#define FADE 0.5
// Bits that a unit takes whatever is in it, headers and skipped macroblocks: nothing to learn from.
#define OVERHEAD_BITS 3000.0
// Debt is paid back within about this many units, and not more than that many remembered.
#define DEBT_UNITS 4.0
// A unit gets at least this part of its share.
#define LEAST_SHARE 0.25
// One unit makes the picture finer by at most this much.
#define REFINE_STEPS 6

// Quantiser step of H.264: doubles every 6.
static double qp_step(double qp) {
	return 0.625 * exp2(qp / 6);
}

static int qp_of_step(double step) {
	double qp = ceil(6 * log2(fmax(step, 1e-6) / 0.625));
	return (int)fmin(fmax(qp, ES_RATE_QP_MIN), ES_RATE_QP_MAX);
}

void rate_control_set_bitrate(
		struct es_rate_control *control, uint32_t bitrate_kbps, int32_t refresh_mhz) {
	control->frame_bits = bitrate_kbps * 1000.0 / (refresh_mhz / 1000.0);
}

void rate_control_init(
		struct es_rate_control *control, uint32_t bitrate_kbps, int32_t refresh_mhz) {
	*control = (struct es_rate_control){
			.k = {FIRST_K_INTER, FIRST_K_IDR, FIRST_K_REFINE},
			.coarsest_qp = ES_RATE_QP_MAX,
	};
	rate_control_set_bitrate(control, bitrate_kbps, refresh_mhz);
}

int rate_control_qp(
		const struct es_rate_control *control, bool idr, const struct es_complexity_cost *cost) {
	double budget = control->frame_bits - control->debt_bits / DEBT_UNITS;
	budget = fmax(budget, control->frame_bits * LEAST_SHARE) * FILL;
	if (idr) {
		return qp_of_step(control->k[ES_RATE_IDR] * cost->intra / budget);
	}
	double change = control->k[ES_RATE_INTER] * cost->inter;
	int qp = qp_of_step(change / budget);
	if (qp >= control->coarsest_qp) {
		return qp;
	}
	// There is room for a finer picture than the client has.
	double refinement = control->k[ES_RATE_REFINE] * control->coarse_cost;
	qp = qp_of_step((change + refinement) / budget);
	int finest = control->coarsest_qp - REFINE_STEPS;
	if (qp < finest) {
		return finest > ES_RATE_QP_MIN ? finest : ES_RATE_QP_MIN;
	}
	return qp < control->coarsest_qp ? qp : control->coarsest_qp;
}

static void learn(struct es_rate_control *control, enum es_rate_factor factor, double k) {
	double weight = control->weight[factor];
	control->k[factor] = (control->k[factor] * weight + k) / (weight + 1);
	control->weight[factor] = weight * FADE + FADE;
}

static void remember_quality(
		struct es_rate_control *control, bool idr, int qp, const struct es_complexity_cost *cost) {
	if (idr || qp > control->coarsest_qp) {
		control->coarse_cost = cost->intra;
	} else if (qp == control->coarsest_qp) {
		control->coarse_cost = fmax(control->coarse_cost, cost->intra);
	}
	// A finer one: the encoder refines what is coarser than the picture's qp.
	control->coarsest_qp = qp;
}

void rate_control_update(struct es_rate_control *control, bool idr, int qp,
		const struct es_complexity_cost *cost, size_t bytes) {
	double bits = (double)bytes * 8;
	double debt = control->debt_bits + bits - control->frame_bits;
	control->debt_bits = fmin(fmax(debt, 0), control->frame_bits * DEBT_UNITS);
	double amount = bits * qp_step(qp);
	bool telling = bits > OVERHEAD_BITS && qp < ES_RATE_QP_MAX;
	if (telling && idr) {
		learn(control, ES_RATE_IDR, amount / fmax(cost->intra, 1));
	} else if (telling && qp >= control->coarsest_qp) {
		learn(control, ES_RATE_INTER, amount / fmax(cost->inter, 1));
	} else if (telling) {
		double rest = amount - control->k[ES_RATE_INTER] * cost->inter;
		learn(control, ES_RATE_REFINE, fmax(rest, amount / 8) / fmax(control->coarse_cost, 1));
	}
	remember_quality(control, idr, qp, cost);
}
