#include "stream/recovery.h"

#include <string.h>

void recovery_init(struct es_recovery *recovery) {
	memset(recovery, 0, sizeof(*recovery));
	recovery->gap = ES_GAP_START;
	recovery->next_idr_ns = recovery->next_invalidation_ns = INT64_MIN;
}

static void forget_requests(struct es_recovery *recovery) {
	recovery->wants_idr = recovery->wants_invalidation = false;
	recovery->idr_coming = recovery->invalidation_coming = false;
}

void recovery_new_encoder(struct es_recovery *recovery, int64_t now_ns) {
	recovery->encoder++;
	recovery->gap = ES_GAP_START;
	forget_requests(recovery);
	recovery->idr_coming = true; // by itself
	recovery->idr_coming_ns = now_ns;
}

bool recovery_admits(const struct es_recovery *recovery, const struct es_unit *unit) {
	switch (recovery->gap) {
	case ES_GAP_NONE:
		return true;
	case ES_GAP_UNIT:
		return unit->idr || unit->recovery;
	case ES_GAP_START:
		return unit->idr;
	}
	return false;
}

static bool fresh(int64_t asked_ns, int64_t now_ns) {
	return now_ns - asked_ns < ES_RECOVERY_PATIENCE_NS;
}

static bool idr_is_coming(const struct es_recovery *recovery, int64_t now_ns) {
	return recovery->idr_coming && fresh(recovery->idr_coming_ns, now_ns);
}

static bool invalidation_is_coming(const struct es_recovery *recovery, int64_t now_ns) {
	return recovery->invalidation_coming && fresh(recovery->invalidation_coming_ns, now_ns);
}

void recovery_unseen(struct es_recovery *recovery) {
	recovery->idr_coming = false;
}

void recovery_new_viewer(struct es_recovery *recovery, int64_t now_ns) {
	bool none_yet = recovery->encoder == 0; // it will begin with one
	bool coming = idr_is_coming(recovery, now_ns);
	forget_requests(recovery);
	recovery->gap = ES_GAP_START;
	recovery->idr_coming = coming;
	recovery->wants_idr = !coming && !none_yet;
}

// An encoder that does not answer an invalidation still knows how to make an IDR.
void recovery_withheld(struct es_recovery *recovery, int64_t now_ns) {
	bool invalidating = recovery->gap == ES_GAP_UNIT &&
			(recovery->wants_invalidation || invalidation_is_coming(recovery, now_ns));
	if (!invalidating && !idr_is_coming(recovery, now_ns)) {
		recovery->wants_idr = true;
	}
}

static void want_units(struct es_recovery *recovery, uint64_t first, uint64_t last) {
	if (!recovery->wants_invalidation) {
		recovery->wants_invalidation = true;
		recovery->first = first;
		recovery->last = last;
		return;
	}
	recovery->first = first < recovery->first ? first : recovery->first;
	recovery->last = last > recovery->last ? last : recovery->last;
}

void recovery_dropped(struct es_recovery *recovery, const struct es_unit *unit, int64_t now_ns) {
	recovery->invalidation_coming = false; // what comes may refer to this one
	if (unit->idr || recovery->gap == ES_GAP_START) {
		recovery->gap = ES_GAP_START;
		recovery->idr_coming = false;
		recovery->wants_idr = true;
		return;
	}
	recovery->gap = ES_GAP_UNIT;
	if (!idr_is_coming(recovery, now_ns)) {
		want_units(recovery, unit->sequence, unit->sequence);
	}
}

static void answered(struct es_recovery *recovery, bool idr, uint32_t frame, int64_t now_ns) {
	recovery->has_answer = true;
	recovery->answer_is_idr = idr;
	recovery->answer = frame;
	recovery->answer_ns = now_ns;
	recovery->gap = ES_GAP_NONE;
}

void recovery_sent(
		struct es_recovery *recovery, const struct es_unit *unit, uint32_t frame, int64_t now_ns) {
	recovery->frames[frame % ES_RECOVERY_FRAMES] =
			(struct es_recovery_frame){frame, recovery->encoder, unit->sequence};
	recovery->newest = frame;
	recovery->any = true;
	if (unit->idr) {
		forget_requests(recovery);
		answered(recovery, true, frame, now_ns);
		return;
	}
	if (!unit->recovery) {
		return;
	}
	if (recovery->invalidation_coming) {
		recovery->answer_first = recovery->coming_first;
		recovery->invalidation_coming = false;
		answered(recovery, false, frame, now_ns);
	}
	recovery->gap = ES_GAP_NONE;
}

void recovery_want_idr(struct es_recovery *recovery, int64_t now_ns, int64_t rtt_ns) {
	bool unseen = recovery->has_answer && recovery->answer_is_idr &&
			now_ns - recovery->answer_ns < rtt_ns;
	if (!unseen && !idr_is_coming(recovery, now_ns)) {
		recovery->wants_idr = true;
	}
}

// Frame numbers wrap.
static bool before(uint32_t a, uint32_t b) {
	return (int32_t)(a - b) < 0;
}

static const struct es_recovery_frame *find(const struct es_recovery *recovery, uint32_t frame) {
	const struct es_recovery_frame *found = &recovery->frames[frame % ES_RECOVERY_FRAMES];
	bool known = found->frame == frame && found->encoder == recovery->encoder &&
			recovery->newest - frame < ES_RECOVERY_FRAMES;
	return known ? found : NULL;
}

// The viewer would not ask for these if it had got the answer that is on its way.
static bool is_answered(
		const struct es_recovery *recovery, uint32_t last, const struct es_recovery_frame *first) {
	if (!recovery->has_answer || !before(last, recovery->answer)) {
		return false;
	}
	return recovery->answer_is_idr || (first != NULL && first->sequence >= recovery->answer_first);
}

bool recovery_want_invalidation(
		struct es_recovery *recovery, uint32_t first, uint32_t last, int64_t now_ns) {
	if (!recovery->any || before(recovery->newest, first)) {
		return false;
	}
	if (before(recovery->newest, last)) {
		last = recovery->newest;
	}
	const struct es_recovery_frame *found = find(recovery, first);
	const struct es_recovery_frame *found_last = find(recovery, last);
	if (is_answered(recovery, last, found) || idr_is_coming(recovery, now_ns)) {
		return true;
	}
	if (found == NULL || found_last == NULL) {
		recovery_want_idr(recovery, now_ns, 0);
		return true;
	}
	bool asked =
			invalidation_is_coming(recovery, now_ns) && found->sequence >= recovery->coming_first;
	if (!asked) {
		want_units(recovery, found->sequence, found_last->sequence);
	}
	return true;
}

bool recovery_next(struct es_recovery *recovery, int64_t now_ns, struct es_recovery_ask *ask) {
	if (recovery->wants_idr) {
		if (now_ns < recovery->next_idr_ns) {
			return false;
		}
		forget_requests(recovery);
		recovery->idr_coming = true;
		recovery->idr_coming_ns = now_ns;
		recovery->next_idr_ns = now_ns + ES_RECOVERY_IDR_NS;
		*ask = (struct es_recovery_ask){.type = ES_RECOVERY_ASK_IDR};
		return true;
	}
	if (!recovery->wants_invalidation || now_ns < recovery->next_invalidation_ns) {
		return false;
	}
	recovery->wants_invalidation = false;
	if (!recovery->invalidation_coming || recovery->first < recovery->coming_first) {
		recovery->coming_first = recovery->first;
	}
	recovery->invalidation_coming = true;
	recovery->invalidation_coming_ns = now_ns;
	recovery->next_invalidation_ns = now_ns + ES_RECOVERY_INVALIDATE_NS;
	*ask = (struct es_recovery_ask){ES_RECOVERY_ASK_INVALIDATION, recovery->first, recovery->last};
	return true;
}

int64_t recovery_wake_ns(const struct es_recovery *recovery) {
	if (recovery->wants_idr) {
		return recovery->next_idr_ns;
	}
	return recovery->wants_invalidation ? recovery->next_invalidation_ns : INT64_MAX;
}
