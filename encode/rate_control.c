#include "encode/rate_control.h"

#include <math.h>

// First guesses; learnt anew from the first access unit on.
#define FIRST_K_INTER 3.0
#define FIRST_K_IDR 4.0
#define FIRST_K_REFINE 1.0
// How much of the budget a prediction may fill, as predictions err.
#define FILL 0.9
#define FADE 0.5
// Headers and skipped macroblocks, which no cost explains.
#define OVERHEAD_BITS 800.0
// Cheaper pictures tell more about chance than about the content.
#define LEAST_COST 20000.0
// Debt is paid back within about this many units, and not more than that many remembered.
#define DEBT_UNITS 4.0
// A unit gets at least this part of its share.
#define LEAST_SHARE 0.25
// A unit in which nothing is found again takes at most about this many.
#define MOST_SHARES 6.0
#define MOST_SHARES_STRICT 1.5
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
		struct es_rate_control *control, uint32_t bitrate_kbps, int32_t refresh_mhz, bool strict) {
	*control = (struct es_rate_control){
			.k = {FIRST_K_INTER, FIRST_K_IDR, FIRST_K_REFINE},
			.coarsest_qp = ES_RATE_QP_MAX,
			.most_shares = strict ? MOST_SHARES_STRICT : MOST_SHARES,
	};
	rate_control_set_bitrate(control, bitrate_kbps, refresh_mhz);
}

// What it costs to bring the coarsest part of the picture to this qp.
static double refinement(const struct es_rate_control *control, int qp) {
	double finer = 1 / qp_step(qp) - 1 / qp_step(control->coarsest_qp);
	return control->coarse_cost * fmax(finer, 0);
}

int rate_control_qp(
		const struct es_rate_control *control, bool idr, const struct es_complexity_cost *cost) {
	double budget = control->frame_bits - control->debt_bits / DEBT_UNITS;
	budget = fmax(budget, control->frame_bits * LEAST_SHARE) * FILL;
	if (idr) {
		return qp_of_step(control->k[ES_RATE_IDR] * cost->intra / budget);
	}
	double change = control->k[ES_RATE_INTER] * cost->inter;
	// Motion that was found so far may end with this very picture.
	double surprise = control->k[ES_RATE_IDR] * cost->inter;
	int qp = qp_of_step(
			fmax(change / budget, surprise / (control->frame_bits * control->most_shares)));
	// There may be room for a finer picture than the client has.
	if (qp < control->coarsest_qp - REFINE_STEPS) {
		qp = control->coarsest_qp - REFINE_STEPS;
	}
	while (qp < control->coarsest_qp &&
			change / qp_step(qp) + control->k[ES_RATE_REFINE] * refinement(control, qp) > budget) {
		qp++;
	}
	return qp;
}

static void learn(struct es_rate_control *control, enum es_rate_factor factor, double bits,
		double cost, double cost_in_bits) {
	if (cost < LEAST_COST) {
		return;
	}
	double k = bits / cost_in_bits;
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
	bits = fmax(bits - OVERHEAD_BITS, OVERHEAD_BITS / 8);
	double intra = cost->intra / qp_step(qp), inter = cost->inter / qp_step(qp);
	if (idr) {
		learn(control, ES_RATE_IDR, bits, cost->intra, intra);
	} else if (qp < control->coarsest_qp) {
		double rest = fmax(bits - control->k[ES_RATE_INTER] * inter, bits / 8);
		learn(control, ES_RATE_REFINE, rest, control->coarse_cost, refinement(control, qp));
	} else {
		learn(control, ES_RATE_INTER, bits, cost->inter, inter);
	}
	remember_quality(control, idr, qp, cost);
}
