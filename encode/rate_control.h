// The quantiser (qp, 0..51) of each picture, chosen so that an access unit should take no more than one
// refresh interval of the bitrate. That is the aim of a VBV of one frame, not its guarantee: a picture
// that the prediction misses takes more, and those after it less.
//
// x264's own rate control predicts a picture's size by first searching motion in a half-size copy of it,
// which costs as much again as encoding the picture. We know what changed, so we predict from
// complexity.h:
//
//   bits = k_inter * cost of what changed / step(qp)
//        + k_refine * cost of what the client has coarser * (1 / step(qp) - 1 / step(its qp))
//
// and take the finest qp that fits. The factors are learnt from each access unit. What one took too
// much is taken off those after it. Pure: no clock, no I/O.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/complexity.h"

#define ES_RATE_QP_MIN 16 // finer is not seen
#define ES_RATE_QP_MAX 51

enum es_rate_factor { ES_RATE_INTER, ES_RATE_IDR, ES_RATE_REFINE, ES_RATE_FACTORS };

struct es_rate_control {
	double frame_bits; // what one access unit may take
	double most_shares; // that a unit in which nothing is found again takes, about
	double debt_bits;
	double k[ES_RATE_FACTORS];
	double weight[ES_RATE_FACTORS]; // how many units the k was learnt from, fading
	int coarsest_qp; // in the picture as the client has it
	double coarse_cost; // of the area that has it
};

// strict: for a network, where what is too long is late; a sudden change is coarser for it.
void rate_control_init(
		struct es_rate_control *control, uint32_t bitrate_kbps, int32_t refresh_mhz, bool strict);
// From the next picture on; what was learnt stays.
void rate_control_set_bitrate(
		struct es_rate_control *control, uint32_t bitrate_kbps, int32_t refresh_mhz);

// The quantiser for a picture of this cost (nothing changed: 0).
int rate_control_qp(
		const struct es_rate_control *control, bool idr, const struct es_complexity_cost *cost);

// Learns from what came out of it.
void rate_control_update(struct es_rate_control *control, bool idr, int qp,
		const struct es_complexity_cost *cost, size_t bytes);
