#include "compositor/frame_slot.h"

#include <wlr/types/wlr_buffer.h>

#include "compositor/acquire_fence.h"
#include "compositor/release_point.h"

// A region with more rectangles than this is taken as its extents: bounds the work per frame.
#define MERGE_LIMIT 128

void slot_frame_hold(const struct es_slot_frame *frame) {
	wlr_buffer_lock(frame->buffer);
	acquire_fence_ref(frame->fence);
	release_point_ref(frame->release);
}

void slot_frame_let_go(struct es_slot_frame *frame) {
	struct wlr_buffer *buffer = frame->buffer;
	acquire_fence_unref(frame->fence);
	release_point_unref(frame->release);
	frame->buffer = NULL;
	frame->fence = NULL;
	frame->release = NULL;
	wlr_buffer_unlock(buffer);
}

void slot_frame_inherit(struct es_slot_frame *frame, const struct es_slot_frame *old) {
	if (old->n_commits > 0) {
		frame->commit_ns = frame->n_commits > 0 ? frame->commit_ns : old->commit_ns;
		frame->n_commits += old->n_commits;
	}
}

void frame_slot_init(struct es_frame_slot *slot) {
	*slot = (struct es_frame_slot){0};
	pixman_region32_init(&slot->damage);
}

void frame_slot_finish(struct es_frame_slot *slot) {
	frame_slot_drop(slot, NULL);
	pixman_region32_fini(&slot->damage);
}

bool frame_slot_full(const struct es_frame_slot *slot) {
	return slot->frame.buffer != NULL;
}

bool frame_slot_drop(struct es_frame_slot *slot, struct es_slot_frame *dropped) {
	if (!frame_slot_full(slot)) {
		return false;
	}
	struct es_slot_frame frame = slot->frame;
	slot->frame = (struct es_slot_frame){0};
	slot_frame_let_go(&frame);
	if (dropped != NULL) {
		*dropped = frame;
	}
	return true;
}

bool frame_slot_put(struct es_frame_slot *slot, const struct es_slot_frame *frame,
		const pixman_region32_t *damage, struct es_slot_frame *displaced) {
	struct es_slot_frame next = *frame, old = {0};
	slot_frame_hold(&next); // before the drop: it may be the same buffer
	bool full = frame_slot_drop(slot, &old);
	slot_frame_inherit(&next, &old);
	pixman_region32_union(&slot->damage, &slot->damage, damage);
	slot->frame = next;
	if (full && displaced != NULL) {
		*displaced = old;
	}
	return full;
}

bool frame_slot_take(struct es_frame_slot *slot, struct es_slot_frame *frame,
		struct es_rect rects[ES_FRAME_MAX_RECTS], uint32_t *n_rects) {
	if (!frame_slot_full(slot)) {
		return false;
	}
	*n_rects = frame_slot_merge_rects(&slot->damage, rects, ES_FRAME_MAX_RECTS);
	pixman_region32_clear(&slot->damage);
	*frame = slot->frame;
	slot->frame = (struct es_slot_frame){0};
	return true;
}

void frame_slot_damage_whole(struct es_frame_slot *slot, uint32_t width, uint32_t height) {
	pixman_region32_fini(&slot->damage);
	pixman_region32_init_rect(&slot->damage, 0, 0, width, height);
}

static pixman_box32_t box_union(const pixman_box32_t *a, const pixman_box32_t *b) {
	return (pixman_box32_t){
			.x1 = a->x1 < b->x1 ? a->x1 : b->x1,
			.y1 = a->y1 < b->y1 ? a->y1 : b->y1,
			.x2 = a->x2 > b->x2 ? a->x2 : b->x2,
			.y2 = a->y2 > b->y2 ? a->y2 : b->y2,
	};
}

static int64_t box_area(const pixman_box32_t *box) {
	return (int64_t)(box->x2 - box->x1) * (box->y2 - box->y1);
}

// Joins the two neighbours whose union adds the fewest pixels. Pixman sorts rectangles by rows, so
// that neighbours in the list are near each other on the screen.
static void merge_cheapest(pixman_box32_t *boxes, int *n) {
	int best = 0;
	int64_t best_cost = INT64_MAX;
	for (int i = 0; i + 1 < *n; i++) {
		pixman_box32_t joined = box_union(&boxes[i], &boxes[i + 1]);
		int64_t cost = box_area(&joined) - box_area(&boxes[i]) - box_area(&boxes[i + 1]);
		if (cost < best_cost) {
			best = i;
			best_cost = cost;
		}
	}
	boxes[best] = box_union(&boxes[best], &boxes[best + 1]);
	for (int i = best + 1; i + 1 < *n; i++) {
		boxes[i] = boxes[i + 1];
	}
	(*n)--;
}

uint32_t frame_slot_merge_rects(
		const pixman_region32_t *region, struct es_rect *rects, uint32_t max) {
	pixman_box32_t boxes[MERGE_LIMIT];
	int n = 0;
	const pixman_box32_t *all = pixman_region32_rectangles((pixman_region32_t *)region, &n);
	if (n > MERGE_LIMIT) {
		all = pixman_region32_extents((pixman_region32_t *)region);
		n = 1;
	}
	for (int i = 0; i < n; i++) {
		boxes[i] = all[i];
	}
	while (n > (int)max) {
		merge_cheapest(boxes, &n);
	}
	for (int i = 0; i < n; i++) {
		rects[i] = (struct es_rect){
				.x = (uint32_t)boxes[i].x1,
				.y = (uint32_t)boxes[i].y1,
				.width = (uint32_t)(boxes[i].x2 - boxes[i].x1),
				.height = (uint32_t)(boxes[i].y2 - boxes[i].y1),
		};
	}
	return (uint32_t)n;
}
