#include "encode/rate_control.h"

#include <math.h>

// A first guess in bits per unit of cost at step 1; learnt anew from the first unit on.
#define FIRST_K_IDR 1.8
#define FIRST_K_INTER 1.0
// How much of the budget a prediction may fill: predictions err.
#define FILL 0.9
#define FADE 0.5
// Bits that a unit takes whatever is in it: headers and skipped macroblocks. Not learnt from.
#define OVERHEAD_BITS 2000.0
// Debt is paid back within about this many units.
#define DEBT_UNITS 4.0
#define MAX_DEBT_UNITS 8.0

// Quantiser step of H.264, doubling every 6.
static double qp_step(double qp) {
	return 0.625 * exp2(qp / 6);
}

static double cost_of(bool idr, const struct es_complexity_cost *cost) {
	return idr ? cost->intra : cost->inter;
}

void rate_control_set_bitrate(
		struct es_rate_control *control, uint32_t bitrate_kbps, int32_t refresh_mhz) {
	control->frame_bits = bitrate_kbps * 1000.0 / (refresh_mhz / 1000.0);
}

void rate_control_init(
		struct es_rate_control *control, uint32_t bitrate_kbps, int32_t refresh_mhz) {
	*control = (struct es_rate_control){
			.k = {FIRST_K_INTER, FIRST_K_IDR},
			.last_qp = ES_RATE_QP_MIN,
	};
	rate_control_set_bitrate(control, bitrate_kbps, refresh_mhz);
}

int rate_control_qp(
		const struct es_rate_control *control, bool idr, const struct es_complexity_cost *cost) {
	double budget = control->frame_bits - control->debt_bits / DEBT_UNITS;
	budget = fmax(budget, control->frame_bits / 4) * FILL;
	double step = control->k[idr] * cost_of(idr, cost) / budget;
	int qp = (int)ceil(6 * log2(fmax(step, 1e-6) / 0.625));
	if (qp < ES_RATE_QP_MIN) {
		return ES_RATE_QP_MIN;
	}
	return qp > ES_RATE_QP_MAX ? ES_RATE_QP_MAX : qp;
}

void rate_control_update(struct es_rate_control *control, bool idr, int qp,
		const struct es_complexity_cost *cost, size_t bytes) {
	double bits = (double)bytes * 8;
	control->last_qp = qp;
	control->debt_bits = fmax(0, control->debt_bits + bits - control->frame_bits);
	control->debt_bits = fmin(control->debt_bits, control->frame_bits * MAX_DEBT_UNITS);
	if (bits <= OVERHEAD_BITS || qp >= ES_RATE_QP_MAX) {
		return; // nothing to learn from a picture of skipped macroblocks
	}
	double k = bits * qp_step(qp) / cost_of(idr, cost);
	control->k[idr] = (control->k[idr] * control->weight[idr] + k) / (control->weight[idr] + 1);
	control->weight[idr] = control->weight[idr] * FADE + FADE;
}
