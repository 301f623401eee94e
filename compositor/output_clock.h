// When the virtual screen may do what: the mode's refresh as a fixed grid of slots, and what was
// done in them. Pure: time and facts come in, a decision goes out.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ES_CLOCK_NEVER INT64_MIN

enum es_clock_action {
	ES_CLOCK_SLEEP, // nothing now; wake at arm_ns, or for an event if that is 0
	ES_CLOCK_COMPOSE, // a frame with the newest content
	ES_CLOCK_CURSOR, // a frame that only moves the cursor
	ES_CLOCK_CALLBACKS, // frame callbacks: apps draw the next picture
};

struct es_output_clock {
	// immutable between output_clock_set_mode calls
	int64_t origin_ns;
	int32_t refresh_mhz;
	int32_t detached_mhz; // of callbacks while there is no encoder

	// what was done last; ES_CLOCK_NEVER: not yet
	int64_t frame_ns; // any frame
	int64_t content_ns; // a frame with content
	int64_t callbacks_ns;

	// consecutive slots in which content had to wait for its slot, and how many are borne; and
	// consecutive slots in which it had not
	uint32_t late_slots, patience, good_slots;
};

struct es_clock_facts {
	int64_t now_ns;
	bool attached; // the primary encoder is there
	bool credit; // it wants a frame and a buffer is free for it
	int64_t no_credit_since_ns; // if attached and no credit
	bool content; // there is something new to compose
	int64_t content_since_ns;
	int64_t content_due_ns; // not to be composed before; 0: at once
	bool cursor; // the cursor is not as the encoder knows it
	bool callbacks; // somebody waits for a frame callback
};

struct es_clock_decision {
	enum es_clock_action action;
	int64_t arm_ns; // for ES_CLOCK_SLEEP; 0: no timer
};

// The grid begins at origin_ns. detached_mhz 0: as the mode's.
void output_clock_init(struct es_output_clock *clock, int64_t origin_ns, int32_t refresh_mhz,
		int32_t detached_mhz);
void output_clock_set_refresh(struct es_output_clock *clock, int32_t refresh_mhz);

// One thing at a time: the caller does it, notes it below, and asks again until told to sleep.
struct es_clock_decision output_clock_decide(
		const struct es_output_clock *clock, const struct es_clock_facts *facts);

void output_clock_note_frame(struct es_output_clock *clock, int64_t now_ns, bool content);
void output_clock_note_callbacks(struct es_output_clock *clock, const struct es_clock_facts *facts);

// Number of the slot that a moment lies in, and the first nanosecond of a slot: exact for all
// refresh rates, so that nothing drifts. Before the origin: negative or -1.
int64_t output_clock_slot(const struct es_output_clock *clock, int64_t ns);
int64_t output_clock_slot_start(const struct es_output_clock *clock, int64_t slot);
