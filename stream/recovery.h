// What a viewer has lost, and how its encoder is asked to make it good: which unit was which frame,
// requests that say the same thing twice, and how often to ask. Pure: time is passed in.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/unit_msg.h"

#define ES_RECOVERY_FRAMES 1024
#define ES_RECOVERY_IDR_NS INT64_C(250000000) // between two forced IDRs, at least
#define ES_RECOVERY_INVALIDATE_NS INT64_C(20000000) // between two invalidations, at least
// An encoder that has not answered for so long is asked again.
#define ES_RECOVERY_PATIENCE_NS INT64_C(250000000)

enum es_recovery_gap {
	ES_GAP_NONE,
	ES_GAP_UNIT, // a unit never went out: one that refers to none of the lost ends the gap
	ES_GAP_START, // the viewer has nothing of this encoder: only an IDR ends the gap
};

enum es_recovery_ask_type { ES_RECOVERY_ASK_IDR, ES_RECOVERY_ASK_INVALIDATION };

struct es_recovery_ask {
	enum es_recovery_ask_type type;
	uint64_t first, last; // units, of an invalidation
};

struct es_recovery_frame {
	uint32_t frame;
	uint32_t encoder;
	uint64_t sequence;
};

struct es_recovery {
	struct es_recovery_frame frames[ES_RECOVERY_FRAMES];
	bool any; // frames that were sent
	uint32_t newest; // of them
	uint32_t encoder; // counts them
	enum es_recovery_gap gap;

	// wanted, not asked yet
	bool wants_idr, wants_invalidation;
	uint64_t first, last;
	// asked, not come yet
	bool idr_coming, invalidation_coming;
	uint64_t coming_first;
	int64_t idr_coming_ns, invalidation_coming_ns;
	int64_t next_idr_ns, next_invalidation_ns;

	// the newest frame that ended a loss
	bool has_answer, answer_is_idr;
	uint32_t answer;
	uint64_t answer_first; // unit; the answer refers to nothing from there on
	int64_t answer_ns;
};

void recovery_init(struct es_recovery *recovery);

// Another encoder from here on (or the same at another mode), which begins with an IDR.
void recovery_new_encoder(struct es_recovery *recovery, int64_t now_ns);
// A unit came while there was no viewer.
void recovery_unseen(struct es_recovery *recovery);
// A viewer that has nothing yet: gets the IDR that the encoder begins with, or, if that has gone by
// unseen, one that is asked for.
void recovery_new_viewer(struct es_recovery *recovery, int64_t now_ns);

// False: the viewer cannot decode it. Call recovery_withheld then.
bool recovery_admits(const struct es_recovery *recovery, const struct es_unit *unit);
void recovery_withheld(struct es_recovery *recovery, int64_t now_ns);
// There was no room for it.
void recovery_dropped(struct es_recovery *recovery, const struct es_unit *unit, int64_t now_ns);
void recovery_sent(
		struct es_recovery *recovery, const struct es_unit *unit, uint32_t frame, int64_t now_ns);

// The viewer asks. rtt_ns: what was sent so recently it cannot have seen.
void recovery_want_idr(struct es_recovery *recovery, int64_t now_ns, int64_t rtt_ns);
// Frames first..last; false: none of them has been sent.
bool recovery_want_invalidation(
		struct es_recovery *recovery, uint32_t first, uint32_t last, int64_t now_ns);

// What to ask the encoder for now; it counts as asked.
bool recovery_next(struct es_recovery *recovery, int64_t now_ns, struct es_recovery_ask *ask);
// When there will be something to ask for; INT64_MAX: nothing is waiting.
int64_t recovery_wake_ns(const struct es_recovery *recovery);
