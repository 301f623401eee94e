// The frame slot: what one viewer's encoder gets next. Depth one, the newest wins; what is displaced
// gives its buffer back at once and leaves its damage and its commits behind.
#pragma once

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/frame_msg.h"

struct es_acquire_fence;
struct es_release_point;
struct wlr_buffer;

// A frame between output commit and encoder. Whoever holds the frame has a lock on the buffer and a
// reference of the others.
struct es_slot_frame {
	struct wlr_buffer *buffer;
	struct es_acquire_fence *fence; // NULL: the buffer can be read
	struct es_release_point *release; // signals when it has been; NULL: not wanted
	struct es_box src; // as in struct es_frame
	struct es_rect dst;
	uint64_t sequence;
	int64_t commit_ns, compose_ns, put_ns; // as in struct es_frame
	bool direct;
	uint32_t
			n_commits; // content-changing surface commits in it, those of displaced frames included
	uint32_t commit_seq; // wlroots' number of the output commit, for presentation feedback
};

struct es_frame_slot {
	struct es_slot_frame frame; // buffer NULL: empty
	pixman_region32_t damage; // since the frame taken last; survives in an empty slot
};

void slot_frame_hold(const struct es_slot_frame *frame);
void slot_frame_let_go(struct es_slot_frame *frame);
// The old frame never got to the encoder: its commits are shown by this one.
void slot_frame_inherit(struct es_slot_frame *frame, const struct es_slot_frame *old);

void frame_slot_init(struct es_frame_slot *slot);
// Empties it first.
void frame_slot_finish(struct es_frame_slot *slot);

bool frame_slot_full(const struct es_frame_slot *slot);

// Puts a frame in and holds it: the slot owns that hold from here on. True if a frame was displaced:
// *displaced (may be NULL) tells which; its buffer is already given back.
bool frame_slot_put(struct es_frame_slot *slot, const struct es_slot_frame *frame,
		const pixman_region32_t *damage, struct es_slot_frame *displaced);

// Takes the frame out, with the damage since the one taken before as at most ES_FRAME_MAX_RECTS
// rectangles. The caller owns the hold now. False if empty.
bool frame_slot_take(struct es_frame_slot *slot, struct es_slot_frame *frame,
		struct es_rect rects[ES_FRAME_MAX_RECTS], uint32_t *n_rects);

// Gives the buffer back without a taker; damage and commits stay for the next frame... of which the
// commits are told to the caller. Returns false if it was empty.
bool frame_slot_drop(struct es_frame_slot *slot, struct es_slot_frame *dropped);

// All of a screen of this size is new to this viewer; forgets damage outside of it.
void frame_slot_damage_whole(struct es_frame_slot *slot, uint32_t width, uint32_t height);

// At most `max` rectangles that cover the region and do not leave its extents. Returns how many.
uint32_t frame_slot_merge_rects(
		const pixman_region32_t *region, struct es_rect *rects, uint32_t max);
