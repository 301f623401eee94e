#include "compositor/frame_wait.h"

#include "compositor/acquire_fence.h"

void frame_wait_init(struct es_frame_wait *wait) {
	*wait = (struct es_frame_wait){0};
	pixman_region32_init(&wait->left);
}

void frame_wait_finish(struct es_frame_wait *wait) {
	wait->gone = NULL;
	frame_wait_drop(wait);
	pixman_region32_fini(&wait->left);
}

static void remove_at(struct es_frame_wait *wait, size_t i) {
	pixman_region32_fini(&wait->frames[i].damage);
	wait->n--;
	for (; i < wait->n; i++) {
		wait->frames[i] = wait->frames[i + 1];
	}
}

// What it leaves behind goes to the next newer one, if there is one.
static void drop_at(struct es_frame_wait *wait, size_t i) {
	struct es_waiting_frame *old = &wait->frames[i];
	struct es_slot_frame frame = old->frame;
	if (i + 1 < wait->n) {
		struct es_waiting_frame *heir = &wait->frames[i + 1];
		pixman_region32_union(&heir->damage, &heir->damage, &old->damage);
		slot_frame_inherit(&heir->frame, &frame);
	} else {
		pixman_region32_union(&wait->left, &wait->left, &old->damage);
	}
	remove_at(wait, i);
	if (wait->gone != NULL) {
		wait->gone(wait->data, &frame);
	}
	slot_frame_let_go(&frame);
}

void frame_wait_add(struct es_frame_wait *wait, const struct es_slot_frame *frame,
		const pixman_region32_t *damage) {
	struct es_slot_frame next = *frame;
	slot_frame_hold(&next); // before a drop: it may be the same buffer
	pixman_region32_t region;
	pixman_region32_init(&region);
	pixman_region32_union(&region, &wait->left, damage);
	pixman_region32_clear(&wait->left);
	if (wait->n == ES_FRAME_WAIT_PLACES) {
		struct es_slot_frame newest = wait->frames[wait->n - 1].frame;
		slot_frame_inherit(&next, &newest);
		drop_at(wait, wait->n - 1);
		pixman_region32_union(&region, &region, &wait->left);
		pixman_region32_clear(&wait->left);
	}
	wait->frames[wait->n++] = (struct es_waiting_frame){.frame = next, .damage = region};
}

static bool is_ready(const struct es_frame_wait *wait, const struct es_slot_frame *frame) {
	enum es_fence_state state = acquire_fence_state(frame->fence);
	return state == ES_FENCE_SIGNALLED ||
			(state == ES_FENCE_PENDING && wait->early &&
					acquire_fence_sync_file(frame->fence) >= 0);
}

static void drop_expired(struct es_frame_wait *wait) {
	for (size_t i = wait->n; i > 0; i--) {
		if (acquire_fence_state(wait->frames[i - 1].frame.fence) == ES_FENCE_EXPIRED) {
			drop_at(wait, i - 1);
		}
	}
}

bool frame_wait_take(
		struct es_frame_wait *wait, struct es_slot_frame *frame, pixman_region32_t *damage) {
	size_t newest = wait->n;
	while (newest > 0 && !is_ready(wait, &wait->frames[newest - 1].frame)) {
		newest--;
	}
	for (size_t i = 1; i < newest; i++) {
		drop_at(wait, 0);
	}
	if (newest > 0) {
		*frame = wait->frames[0].frame;
		pixman_region32_init(damage);
		pixman_region32_copy(damage, &wait->frames[0].damage);
		remove_at(wait, 0);
	}
	drop_expired(wait);
	return newest > 0;
}

void frame_wait_drop(struct es_frame_wait *wait) {
	while (wait->n > 0) {
		drop_at(wait, 0);
	}
}

uint32_t frame_wait_commits(const struct es_frame_wait *wait) {
	uint32_t n = 0;
	for (size_t i = 0; i < wait->n; i++) {
		n += wait->frames[i].frame.n_commits;
	}
	return n;
}
