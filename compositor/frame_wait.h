// Where one viewer's frames wait for their acquire fences, before the frame slot. The newest that is
// ready goes on and overtakes all before it; those give their buffers back and leave their damage
// and commits to it.
//
// Two places: the oldest frame keeps its own, or an app whose drawing takes longer than a refresh
// would never be seen; the newest takes the other.
#pragma once

#include "compositor/frame_slot.h"

#define ES_FRAME_WAIT_PLACES 2

struct es_waiting_frame {
	struct es_slot_frame frame; // held
	pixman_region32_t damage; // since the frame before it
};

struct es_frame_wait {
	struct es_waiting_frame frames[ES_FRAME_WAIT_PLACES]; // oldest first
	size_t n;
	bool early; // the encoder waits for fences that it can be sent
	pixman_region32_t left; // damage of frames dropped since the newest that is here or went on
	// A frame that no encoder will get; its buffer is still held. NULL: nobody cares.
	void (*gone)(void *data, const struct es_slot_frame *frame);
	void *data;
};

void frame_wait_init(struct es_frame_wait *wait);
// Drops what is there without a word.
void frame_wait_finish(struct es_frame_wait *wait);

// Takes holds of its own. Ask frame_wait_take next: it may be ready.
void frame_wait_add(struct es_frame_wait *wait, const struct es_slot_frame *frame,
		const pixman_region32_t *damage);

// The newest frame that is ready, with all damage since the one taken before; the caller owns its
// holds, and *damage, to be finished. Drops those before it and those whose fence has expired.
bool frame_wait_take(
		struct es_frame_wait *wait, struct es_slot_frame *frame, pixman_region32_t *damage);

// Drops all of them; their damage stays for the next.
void frame_wait_drop(struct es_frame_wait *wait);

// Commits in what waits.
uint32_t frame_wait_commits(const struct es_frame_wait *wait);
