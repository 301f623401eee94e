#include "encode/refine.h"

// Still for two intervals: an app at half the refresh rate is not still.
#define STILL_INTERVALS 2

static bool good_enough(const struct es_refine *refine, uint8_t qp) {
	return qp != 0 && qp <= refine->good_qp;
}

void refine_init(
		struct es_refine *refine, int64_t period_ns, uint8_t good_qp, int64_t keepalive_ns) {
	*refine = (struct es_refine){
			.period_ns = period_ns,
			.good_qp = good_qp,
			.due_ns = -1,
			.keepalive_ns = keepalive_ns,
	};
}

static void rest(struct es_refine *refine, int64_t now_ns) {
	int64_t wait_ns = refine->keepalive_ns * (refine->early ? 2 : 1);
	refine->early = false;
	refine->keeping_alive = refine->keepalive_ns > 0;
	refine->due_ns = refine->keeping_alive ? now_ns + wait_ns : -1;
}

void refine_changed(struct es_refine *refine, int64_t now_ns, uint8_t qp, bool unsettled) {
	refine->repeats = 0;
	refine->keeping_alive = false;
	refine->early = false;
	bool good = good_enough(refine, qp);
	if (good) {
		rest(refine, now_ns);
	}
	if (!good || unsettled) {
		// One interval more than it has to be still: the repeat must not meet the next frame.
		refine->due_ns = now_ns + (STILL_INTERVALS + 1) * refine->period_ns;
	}
}

void refine_repeated(struct es_refine *refine, int64_t now_ns, uint8_t qp, bool unsettled) {
	if (unsettled) {
		refine->early = refine->keeping_alive;
		refine->due_ns = now_ns + refine->period_ns;
		return;
	}
	refine->repeats++;
	if (refine->repeats >= ES_REFINE_MAX_REPEATS || good_enough(refine, qp)) {
		rest(refine, now_ns);
	} else {
		refine->due_ns = now_ns + refine->period_ns;
	}
}

int64_t refine_due_ns(const struct es_refine *refine) {
	return refine->due_ns;
}
