#include "compositor/commit_hold.h"

#include <stdlib.h>
#include <time.h>
#include <wlr/render/drm_syncobj.h>
#include <wlr/types/wlr_buffer.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_linux_drm_syncobj_v1.h>

#include "base/clock.h"
#include "base/log.h"
#include "compositor/acquire_fence.h"
#include "compositor/commit_ledger.h"
#include "compositor/display.h"
#include "compositor/repaint.h"
#include "compositor/viewers.h"

// Pictures that one surface may have in the making; apps have three or four buffers.
#define MAX_HELD 16

struct es_commit_hold {
	struct es_display *display; // borrowed
	struct wl_list surfaces; // struct surface.link
	struct wl_listener new_surface;
};

struct surface {
	struct es_commit_hold *hold;
	struct wlr_surface *wlr_surface;
	struct wl_list link;
	struct wl_list held; // struct held.link, oldest first
	size_t n_held;
	bool damage_next; // the damage of a picture that was dropped is lost
	struct wl_listener client_commit;
	struct wl_listener destroy;
};

struct held {
	struct surface *surface;
	struct wl_list link;
	uint32_t seq;
	int64_t commit_ns;
	// One of both.
	struct es_acquire_fence *fence;
	struct wlr_drm_syncobj_timeline_waiter waiter;
	struct wl_event_source *patience; // of the waiter; NULL: there is none
};

static void held_destroy(struct held *held) {
	if (held->fence != NULL) {
		acquire_fence_unref(held->fence);
	} else {
		wl_event_source_remove(held->patience);
		wlr_drm_syncobj_timeline_waiter_finish(&held->waiter);
	}
	wl_list_remove(&held->link);
	held->surface->n_held--;
	free(held);
}

static void damage_whole(struct wlr_surface_state *state) {
	state->committed |= WLR_SURFACE_STATE_BUFFER_DAMAGE;
	pixman_region32_union_rect(&state->buffer_damage, &state->buffer_damage, 0, 0,
			(unsigned)state->buffer_width, (unsigned)state->buffer_height);
}

// The app's next picture says only what differs from the one that was dropped.
static void damage_next(struct surface *surface, struct wlr_surface_state *dropped) {
	struct wl_list *all = &surface->wlr_surface->cached;
	struct wl_list *at = &dropped->cached_state_link;
	bool queued = dropped != &surface->wlr_surface->pending;
	for (at = queued ? at->next : all; at != all; at = at->next) {
		struct wlr_surface_state *state = wl_container_of(at, state, cached_state_link);
		if (state->committed & WLR_SURFACE_STATE_BUFFER) {
			damage_whole(state);
			return;
		}
	}
	surface->damage_next = true;
}

static void drop_picture(struct surface *surface, struct wlr_surface_state *state) {
	const struct wlr_surface_state *current = &surface->wlr_surface->current;
	surface->hold->display->stats.fence_timeouts++;
	es_log(ES_LOG_DEBUG, "a picture is dropped: it was not finished after %d ms",
			ES_FENCE_PATIENCE_MS);
	wlr_buffer_unlock(state->buffer);
	state->buffer = NULL;
	state->committed &= ~(uint32_t)(WLR_SURFACE_STATE_BUFFER | WLR_SURFACE_STATE_SURFACE_DAMAGE |
			WLR_SURFACE_STATE_BUFFER_DAMAGE);
	state->width = current->width;
	state->height = current->height;
	state->buffer_width = current->buffer_width;
	state->buffer_height = current->buffer_height;
	damage_next(surface, state);
}

static struct wlr_surface_state *find_state(struct wlr_surface *surface, uint32_t seq) {
	struct wlr_surface_state *state;
	wl_list_for_each (state, &surface->cached, cached_state_link) {
		if (state->seq == seq) {
			return state;
		}
	}
	return NULL;
}

static void let_through(struct held *held) {
	struct wlr_surface *wlr_surface = held->surface->wlr_surface;
	struct es_commit_ledger *ledger = held->surface->hold->display->commits;
	uint32_t seq = held->seq;
	ledger->held_since_ns = held->commit_ns;
	held_destroy(held);
	wlr_surface_unlock_cached(wlr_surface, seq); // the app's commit, with all that follows from it
	ledger->held_since_ns = 0;
}

static void give_up(struct held *held) {
	struct surface *surface = held->surface;
	struct wlr_surface *wlr_surface = surface->wlr_surface;
	struct wlr_surface_state *state = find_state(wlr_surface, held->seq);
	if (state != NULL && state->buffer != NULL) {
		drop_picture(surface, state);
	}
	let_through(held);
	// One that has never been seen would wait for this for ever, with its next picture ready.
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	wlr_surface_send_frame_done(wlr_surface, &now);
}

static void on_settled(struct es_acquire_fence *fence, void *data) {
	if (acquire_fence_state(fence) == ES_FENCE_SIGNALLED) {
		let_through(data);
	} else {
		give_up(data);
	}
}

static void on_point(struct wlr_drm_syncobj_timeline_waiter *waiter) {
	struct held *held = wl_container_of(waiter, held, waiter);
	let_through(held);
}

static int on_impatience(void *data) {
	give_up(data);
	return 0;
}

// The point that the commit waits for. wlroots tells only of those of applied commits; the same place in
// the pending state has the pending one.
static const struct wlr_linux_drm_syncobj_surface_v1_state *pending_point(
		struct wlr_surface *surface) {
	const void *applied = wlr_linux_drm_syncobj_v1_get_surface_state(surface);
	void **from = surface->current.synced.data, **to = surface->pending.synced.data;
	size_t n = surface->current.synced.size / sizeof(from[0]);
	for (size_t i = 0; applied != NULL && i < n; i++) {
		if (from[i] == applied) {
			return to[i];
		}
	}
	return NULL;
}

static bool watch_point(
		struct held *held, const struct wlr_linux_drm_syncobj_surface_v1_state *point) {
	struct wl_event_loop *loop = held->surface->hold->display->loop;
	bool signalled = false;
	if (!wlr_drm_syncobj_timeline_check(
				point->acquire_timeline, point->acquire_point, 0, &signalled) ||
			signalled ||
			!wlr_drm_syncobj_timeline_waiter_init(&held->waiter, point->acquire_timeline,
					point->acquire_point, 0, loop, on_point)) {
		return false;
	}
	held->patience = wl_event_loop_add_timer(loop, on_impatience, held);
	if (held->patience == NULL ||
			wl_event_source_timer_update(held->patience, ES_FENCE_PATIENCE_MS) != 0) {
		if (held->patience != NULL) {
			wl_event_source_remove(held->patience);
		}
		wlr_drm_syncobj_timeline_waiter_finish(&held->waiter);
		return false;
	}
	return true;
}

// False: there is nothing to wait for, or it cannot be watched.
static bool watch(struct held *held, struct wlr_surface *surface) {
	const struct wlr_linux_drm_syncobj_surface_v1_state *point = pending_point(surface);
	if (point != NULL && point->acquire_timeline != NULL) {
		return watch_point(held, point);
	}
	held->fence = acquire_fence_of_buffer(
			held->surface->hold->display->loop, surface->pending.buffer, on_settled, held);
	if (held->fence != NULL && acquire_fence_state(held->fence) != ES_FENCE_PENDING) {
		acquire_fence_unref(held->fence);
		held->fence = NULL;
	}
	return held->fence != NULL;
}

static bool goes_early(const struct surface *surface) {
	const struct es_display *display = surface->hold->display;
	return viewers_take_fences(display->viewers) &&
			repaint_shows_directly(display->repaint, surface->wlr_surface);
}

static void hold_commit(struct surface *surface) {
	if (surface->n_held == MAX_HELD) {
		drop_picture(surface, &surface->wlr_surface->pending);
		return;
	}
	struct held *held = calloc(1, sizeof(*held));
	if (held == NULL) {
		return;
	}
	held->surface = surface;
	if (!watch(held, surface->wlr_surface)) {
		free(held);
		return;
	}
	held->commit_ns = clock_now_ns();
	held->seq = wlr_surface_lock_pending(surface->wlr_surface);
	wl_list_insert(surface->held.prev, &held->link);
	surface->n_held++;
}

static void handle_client_commit(struct wl_listener *listener, void *data) {
	struct surface *surface = wl_container_of(listener, surface, client_commit);
	struct wlr_surface_state *pending = &surface->wlr_surface->pending;
	struct wlr_dmabuf_attributes dmabuf;
	if (!(pending->committed & WLR_SURFACE_STATE_BUFFER) || pending->buffer == NULL) {
		return;
	}
	if (surface->damage_next) {
		surface->damage_next = false;
		damage_whole(pending);
	}
	if (wlr_buffer_get_dmabuf(pending->buffer, &dmabuf) && !goes_early(surface)) {
		hold_commit(surface);
	}
}

static void unwatch(struct surface *surface) {
	struct held *held, *tmp;
	wl_list_for_each_safe (held, tmp, &surface->held, link) {
		held_destroy(held);
	}
	wl_list_remove(&surface->client_commit.link);
	wl_list_remove(&surface->destroy.link);
	wl_list_remove(&surface->link);
	free(surface);
}

static void handle_surface_destroy(struct wl_listener *listener, void *data) {
	struct surface *surface = wl_container_of(listener, surface, destroy);
	unwatch(surface);
}

static void handle_new_surface(struct wl_listener *listener, void *data) {
	struct es_commit_hold *hold = wl_container_of(listener, hold, new_surface);
	struct wlr_surface *wlr_surface = data;
	struct surface *surface = calloc(1, sizeof(*surface));
	if (surface == NULL) {
		wl_client_post_no_memory(wl_resource_get_client(wlr_surface->resource));
		return;
	}
	surface->hold = hold;
	surface->wlr_surface = wlr_surface;
	wl_list_init(&surface->held);
	surface->client_commit.notify = handle_client_commit;
	wl_signal_add(&wlr_surface->events.client_commit, &surface->client_commit);
	surface->destroy.notify = handle_surface_destroy;
	wl_signal_add(&wlr_surface->events.destroy, &surface->destroy);
	wl_list_insert(&hold->surfaces, &surface->link);
}

struct es_commit_hold *commit_hold_create(struct es_display *display) {
	struct es_commit_hold *hold = calloc(1, sizeof(*hold));
	if (hold == NULL) {
		es_log(ES_LOG_ERROR, "cannot hold commits: out of memory");
		return NULL;
	}
	hold->display = display;
	wl_list_init(&hold->surfaces);
	hold->new_surface.notify = handle_new_surface;
	wl_signal_add(&display->compositor->events.new_surface, &hold->new_surface);
	return hold;
}

void commit_hold_destroy(struct es_commit_hold *hold) {
	if (hold == NULL) {
		return;
	}
	struct surface *surface, *tmp;
	wl_list_for_each_safe (surface, tmp, &hold->surfaces, link) {
		unwatch(surface);
	}
	wl_list_remove(&hold->new_surface.link);
	free(hold);
}
