// The quantiser of each picture, so that an access unit takes no more than one refresh
// interval of the bitrate (a VBV of one frame).
//
// The encoder's own rate control would first encode a half-size copy of every picture to
// predict its size, which costs as much as encoding the picture. We know what changed, so
// we predict from complexity.h: bits = k * cost / step(qp), where k is learnt from every access
// unit, apart for IDRs and for the others. What a unit took too much is taken off the next.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/complexity.h"

#define ES_RATE_QP_MIN 16 // finer is not seen
#define ES_RATE_QP_MAX 51

struct es_rate_control {
	double frame_bits; // what one access unit may take
	double k[2]; // [idr]
	double weight[2]; // how many units the k was learnt from, fading
	double debt_bits;
	int last_qp;
};

void rate_control_init(struct es_rate_control *control, uint32_t bitrate_kbps, int32_t refresh_mhz);
// From the next picture on; what was learnt stays.
void rate_control_set_bitrate(
		struct es_rate_control *control, uint32_t bitrate_kbps, int32_t refresh_mhz);

// The quantiser for a picture of this cost.
int rate_control_qp(
		const struct es_rate_control *control, bool idr, const struct es_complexity_cost *cost);

// Learns from what came out.
void rate_control_update(struct es_rate_control *control, bool idr, int qp,
		const struct es_complexity_cost *cost, size_t bytes);
