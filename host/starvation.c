#include "host/starvation.h"

#include <string.h>

static int64_t grown(int64_t before, int64_t now) {
	return now > before ? now - before : 0; // a thread that has ended takes its time with it
}

// Before the judgement, by half of what the patience is at least: of the time when it still worked no more
// is looked at than of the time when it did not.
static const struct es_run_time *find_base(const struct es_starvation *starvation,
		int64_t patience_ns, int64_t now_ns, int64_t *since) {
	for (int i = 0; i < ES_STARVATION_SEEN; i++) {
		*since = starvation->seen[i].now_ns;
		if (*since != 0 && now_ns - *since >= patience_ns / 2) {
			return &starvation->seen[i].at;
		}
	}
	return NULL;
}

static bool starves(const struct es_run_time *base, const struct es_run_time *at, int64_t span_ns) {
	int64_t cpu_ns = grown(base->cpu_ns, at->cpu_ns);
	int64_t wait_ns = grown(base->wait_ns, at->wait_ns);
	if (at->n_ready > 0 && wait_ns < span_ns - cpu_ns) {
		wait_ns = span_ns - cpu_ns; // a wait is counted at its end, and one lasts
	}
	return wait_ns > cpu_ns && wait_ns >= span_ns / 2;
}

void starvation_note(
		struct es_starvation *starvation, const struct es_run_time *at, int64_t now_ns) {
	memmove(&starvation->seen[1], &starvation->seen[0],
			sizeof(starvation->seen) - sizeof(starvation->seen[0]));
	starvation->seen[0].at = *at;
	starvation->seen[0].now_ns = now_ns;
}

bool starvation_judge(struct es_starvation *starvation, const struct es_run_time *at,
		int64_t patience_ns, int64_t now_ns) {
	int64_t since_ns;
	const struct es_run_time *base = find_base(starvation, patience_ns, now_ns, &since_ns);
	bool starved = base != NULL && starves(base, at, now_ns - since_ns);
	starvation_note(starvation, at, now_ns);
	if (now_ns - starvation->asked_ns > patience_ns + patience_ns / 2) {
		starvation->n_grants = 0; // it has answered in between
	}
	starvation->asked_ns = now_ns;
	if (!starved || starvation->n_grants == ES_STARVATION_GRANTS) {
		return false;
	}
	starvation->n_grants++;
	return true;
}
