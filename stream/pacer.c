#include "stream/pacer.h"

#include <assert.h>

void pacer_init(struct es_pacer *pacer) {
	*pacer = (struct es_pacer){.oldest = 0};
	for (uint32_t i = 0; i < ES_PACER_BURST; i++) {
		pacer->sent_ns[i] = INT64_MIN / 2;
	}
}

void pacer_begin(struct es_pacer *pacer, uint32_t n_datagrams) {
	pacer->left = n_datagrams;
}

uint32_t pacer_group(const struct es_pacer *pacer) {
	uint32_t n_groups = (pacer->left + ES_PACER_BURST - 1) / ES_PACER_BURST;
	return n_groups > 0 ? (pacer->left + n_groups - 1) / n_groups : 0;
}

// With the group, the window would hold the group and the latest ones before it: as many of the oldest
// as the group is large must have left it.
int64_t pacer_due_ns(const struct es_pacer *pacer) {
	uint32_t group = pacer_group(pacer);
	if (group == 0) {
		return INT64_MIN / 2;
	}
	return pacer->sent_ns[(pacer->oldest + group - 1) % ES_PACER_BURST] + ES_PACER_WINDOW_NS;
}

void pacer_sent(struct es_pacer *pacer, uint32_t n, int64_t now_ns) {
	assert(n <= pacer->left);
	pacer->left -= n;
	for (uint32_t i = 0; i < n; i++) {
		pacer->sent_ns[pacer->oldest] = now_ns;
		pacer->oldest = (pacer->oldest + 1) % ES_PACER_BURST;
	}
}
