// When a still picture is encoded again so that it becomes sharp: a few repeats at refresh
// intervals once it has been still for two, then never again, or, for a network, every keep-alive
// interval (decoders and loss detection need a picture now and then). Pure; the clock is a parameter.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ES_REFINE_MAX_REPEATS 6

struct es_refine {
	int64_t period_ns;
	uint8_t good_qp; // at or below: repeating shows nothing new
	unsigned int repeats; // since the picture changed
	int64_t due_ns; // -1: nothing to do
	int64_t keepalive_ns; // 0: none
	bool keeping_alive; // what is due shows nothing new
	bool early; // the keep-alive that is due comes an interval after another, long before its own time
};

void refine_init(
		struct es_refine *refine, int64_t period_ns, uint8_t good_qp, int64_t keepalive_ns);
// A picture with new content was encoded at `now_ns` ; the client has no part of it coarser than qp (0: unknown).
// Unsettled: it is to be repeated soon, whatever its qp.
void refine_changed(struct es_refine *refine, int64_t now_ns, uint8_t qp, bool unsettled);
// The same picture was encoded again. Unsettled: again after one interval; of keep-alives two are as good
// then as two apart, and the next one is later.
void refine_repeated(struct es_refine *refine, int64_t now_ns, uint8_t qp, bool unsettled);
// When the next repeat should be encoded, or -1.
int64_t refine_due_ns(const struct es_refine *refine);
