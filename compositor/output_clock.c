// The rules, in words:
//
// - One frame per slot. Content is composed at once if its slot is unused and the encoder has given
//   a credit; otherwise it waits for the next slot, or for the credit.
// - Callbacks go out once per slot, at its beginning, and never in the slot in which the content
//   that they came with was composed: so an app that draws on callbacks commits early in the next,
//   unused slot, and its picture does not wait.
// - If another window or the cursor used the slot first, that app's content waits for the slot after,
//   and would do so for ever. After some such slots one round of callbacks is left out, which brings
//   it back into step; more and more rarely, as with several windows there may be no such step.
// - A cursor that moves rides on the app's frames while these come, and gets its own frames otherwise.
// - An encoder that is away or takes more than two intervals does not hold up the app: callbacks then
//   follow the clock alone, and nothing is composed.
#include "compositor/output_clock.h"

#include <stddef.h>

#define FIRST_PATIENCE 4
#define LAST_PATIENCE 4096
#define TRUST_SLOTS 256 // in step for so long: patience shrinks again
// mhz slots last exactly 1000 s: the unit in which the grid is exact in 64 bits.
#define GRID_NS INT64_C(1000000000000)

static int64_t slot_of(int64_t origin_ns, int32_t mhz, int64_t ns) {
	if (ns < origin_ns) {
		return -1;
	}
	int64_t since = ns - origin_ns;
	return since / GRID_NS * mhz + since % GRID_NS * mhz / GRID_NS;
}

static int64_t start_of(int64_t origin_ns, int32_t mhz, int64_t slot) {
	int64_t rest = slot % mhz;
	return origin_ns + slot / mhz * GRID_NS + (rest * GRID_NS + mhz - 1) / mhz;
}

int64_t output_clock_slot(const struct es_output_clock *clock, int64_t ns) {
	return slot_of(clock->origin_ns, clock->refresh_mhz, ns);
}

int64_t output_clock_slot_start(const struct es_output_clock *clock, int64_t slot) {
	return start_of(clock->origin_ns, clock->refresh_mhz, slot);
}

void output_clock_init(struct es_output_clock *clock, int64_t origin_ns, int32_t refresh_mhz,
		int32_t detached_mhz) {
	*clock = (struct es_output_clock){
			.origin_ns = origin_ns,
			.refresh_mhz = refresh_mhz,
			.detached_mhz = detached_mhz,
			.frame_ns = ES_CLOCK_NEVER,
			.content_ns = ES_CLOCK_NEVER,
			.callbacks_ns = ES_CLOCK_NEVER,
			.patience = FIRST_PATIENCE,
	};
}

void output_clock_set_refresh(struct es_output_clock *clock, int32_t refresh_mhz) {
	clock->refresh_mhz = refresh_mhz;
}

static int64_t later(int64_t a, int64_t b) {
	return a > b ? a : b;
}

// 0 is "no timer".
static int64_t sooner(int64_t a, int64_t b) {
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static bool out_of_step(const struct es_output_clock *clock) {
	return clock->late_slots >= clock->patience;
}

// The encoder is away or slow: the app must not hang on it.
static bool runs_free(const struct es_output_clock *clock, const struct es_clock_facts *facts) {
	if (!facts->attached) {
		return true;
	}
	int64_t patience_ns = 2 * (GRID_NS / clock->refresh_mhz);
	return !facts->credit && facts->now_ns - facts->no_credit_since_ns > patience_ns;
}

// The earliest moment for callbacks, as far as slots matter.
static int64_t callbacks_due(
		const struct es_output_clock *clock, const struct es_clock_facts *facts) {
	int32_t mhz =
			!facts->attached && clock->detached_mhz > 0 ? clock->detached_mhz : clock->refresh_mhz;
	int64_t due = clock->origin_ns;
	if (clock->callbacks_ns != ES_CLOCK_NEVER) {
		int64_t slot = slot_of(clock->origin_ns, mhz, clock->callbacks_ns);
		due = start_of(clock->origin_ns, mhz, slot + 1);
	}
	if (clock->content_ns != ES_CLOCK_NEVER) {
		int64_t slot = output_clock_slot(clock, clock->content_ns);
		due = later(due, output_clock_slot_start(clock, slot + 1));
	}
	if (facts->content && !runs_free(clock, facts)) {
		// Content of this slot first, and its callbacks in the next.
		int64_t slot = output_clock_slot(clock, facts->content_since_ns);
		due = later(due, output_clock_slot_start(clock, slot + 1));
	}
	return due;
}

// When frame callbacks may go out, as far as time matters: 0 if only an event helps.
static int64_t callbacks_at(
		const struct es_output_clock *clock, const struct es_clock_facts *facts) {
	int64_t due = callbacks_due(clock, facts);
	if (runs_free(clock, facts)) {
		return due;
	}
	if (facts->credit) {
		bool skips = facts->content && out_of_step(clock);
		return skips ? 0 : due;
	}
	int64_t free_ns = facts->no_credit_since_ns + 2 * (GRID_NS / clock->refresh_mhz) + 1;
	int64_t slot = output_clock_slot(clock, free_ns);
	return later(due, output_clock_slot_start(clock, slot + 1));
}

// When a frame may be sent: 0 if only an event helps.
static int64_t frame_at(const struct es_output_clock *clock, const struct es_clock_facts *facts) {
	if (!facts->attached || !facts->credit) {
		return 0;
	}
	if (clock->frame_ns == ES_CLOCK_NEVER) {
		return facts->now_ns;
	}
	int64_t slot = output_clock_slot(clock, clock->frame_ns);
	return output_clock_slot_start(clock, slot + 1);
}

static int64_t content_at(const struct es_output_clock *clock, const struct es_clock_facts *facts) {
	int64_t at = frame_at(clock, facts);
	return at == 0 ? 0 : later(at, facts->content_due_ns);
}

static int64_t cursor_at(const struct es_output_clock *clock, const struct es_clock_facts *facts) {
	int64_t at = frame_at(clock, facts);
	if (at == 0 || clock->content_ns == ES_CLOCK_NEVER) {
		return at;
	}
	int64_t slot = output_clock_slot(clock, clock->content_ns);
	return later(at, output_clock_slot_start(clock, slot + 2));
}

struct es_clock_decision output_clock_decide(
		const struct es_output_clock *clock, const struct es_clock_facts *facts) {
	const struct {
		enum es_clock_action action;
		int64_t at_ns;
	} wishes[] = {
			// Callbacks first: those of content that has waited for this slot need the credit too.
			{ES_CLOCK_CALLBACKS, facts->callbacks ? callbacks_at(clock, facts) : 0},
			{ES_CLOCK_COMPOSE, facts->content ? content_at(clock, facts) : 0},
			{ES_CLOCK_CURSOR, facts->cursor && !facts->content ? cursor_at(clock, facts) : 0},
	};
	struct es_clock_decision decision = {.action = ES_CLOCK_SLEEP};
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		if (wishes[i].at_ns == 0) {
			continue;
		}
		if (wishes[i].at_ns <= facts->now_ns) {
			return (struct es_clock_decision){.action = wishes[i].action};
		}
		decision.arm_ns = sooner(decision.arm_ns, wishes[i].at_ns);
	}
	return decision;
}

void output_clock_note_frame(struct es_output_clock *clock, int64_t now_ns, bool content) {
	clock->frame_ns = now_ns;
	if (!content) {
		return;
	}
	clock->content_ns = now_ns;
	bool called = clock->callbacks_ns != ES_CLOCK_NEVER &&
			output_clock_slot(clock, clock->callbacks_ns) == output_clock_slot(clock, now_ns);
	if (out_of_step(clock) && !called) {
		// This was the slot without callbacks.
		clock->late_slots = 0;
		clock->patience = clock->patience < LAST_PATIENCE ? clock->patience * 2 : LAST_PATIENCE;
	}
}

static void note_step(struct es_output_clock *clock, bool late) {
	clock->late_slots = late ? clock->late_slots + 1 : 0;
	clock->good_slots = late ? 0 : clock->good_slots + 1;
	if (clock->good_slots == TRUST_SLOTS) {
		clock->good_slots = 0;
		clock->patience = clock->patience > FIRST_PATIENCE ? clock->patience / 2 : FIRST_PATIENCE;
	}
}

void output_clock_note_callbacks(
		struct es_output_clock *clock, const struct es_clock_facts *facts) {
	if (!runs_free(clock, facts)) {
		note_step(clock, facts->content);
	}
	clock->callbacks_ns = facts->now_ns;
}
