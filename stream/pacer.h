// When the datagrams of a frame may go out: never more than ES_PACER_BURST in any millisecond, across
// frames as well. Pure: time is a parameter.
//
// A frame that fits into one burst goes at once. A larger one is cut into the smallest number of equal
// groups a millisecond apart: 38 datagrams go as 13, 13 and 12 within 2 ms. Spreading it over more of
// the frame's interval would be kinder to weak receivers, but every millisecond here is one of latency,
// of each frame. What fits into half the interval at full rate (133 datagrams, 187 kB, at 60 Hz) so
// takes less than that.
#pragma once

#include <stdint.h>

#define ES_PACER_BURST 16
#define ES_PACER_WINDOW_NS INT64_C(1000000)

struct es_pacer {
	int64_t sent_ns[ES_PACER_BURST]; // of the latest datagrams; the oldest at `oldest`
	uint32_t oldest;
	uint32_t left; // of the frame
};

void pacer_init(struct es_pacer *pacer);
// A frame of n datagrams; what was left of the one before is forgotten.
void pacer_begin(struct es_pacer *pacer, uint32_t n_datagrams);
// How many are to go next, together; 0 when the frame is out.
uint32_t pacer_group(const struct es_pacer *pacer);
// Not before this time. In the past if nothing is in the way.
int64_t pacer_due_ns(const struct es_pacer *pacer);
// n of the group have gone, the last of them no later than now_ns.
void pacer_sent(struct es_pacer *pacer, uint32_t n, int64_t now_ns);
