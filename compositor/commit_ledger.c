#include "compositor/commit_ledger.h"

#include <pixman.h>
#include <stdlib.h>
#include <string.h>
#include <wlr/types/wlr_compositor.h>

#include "base/clock.h"
#include "base/log.h"
#include "compositor/display.h"

struct es_watched_surface {
	struct es_commit_ledger *ledger;
	struct wlr_surface *wlr_surface;
	struct wl_list link; // es_commit_ledger.surfaces
	struct wl_listener commit;
	struct wl_listener destroy;
};

static void unwatch(struct es_watched_surface *surface) {
	wl_list_remove(&surface->commit.link);
	wl_list_remove(&surface->destroy.link);
	wl_list_remove(&surface->link);
	free(surface);
}

// The cursor is a plane of its own and in no frame.
static bool is_cursor(const struct wlr_surface *surface) {
	return surface->role != NULL && strcmp(surface->role->name, "wl_pointer-cursor") == 0;
}

// An attached buffer or damage alone does not make a new picture: only damage of a window does.
static bool changes_content(struct wlr_surface *surface) {
	return surface->mapped && !pixman_region32_empty(&surface->buffer_damage) &&
			!is_cursor(surface);
}

static void handle_surface_commit(struct wl_listener *listener, void *data) {
	struct es_watched_surface *surface = wl_container_of(listener, surface, commit);
	if (changes_content(surface->wlr_surface)) {
		surface->ledger->committed++;
		surface->ledger->pending++;
		int64_t since_ns = surface->ledger->held_since_ns;
		surface->ledger->newest_ns = since_ns != 0 ? since_ns : clock_now_ns();
	}
}

static void handle_surface_destroy(struct wl_listener *listener, void *data) {
	struct es_watched_surface *surface = wl_container_of(listener, surface, destroy);
	unwatch(surface);
}

static void handle_new_surface(struct wl_listener *listener, void *data) {
	struct es_commit_ledger *ledger = wl_container_of(listener, ledger, new_surface);
	struct wlr_surface *wlr_surface = data;
	struct es_watched_surface *surface = calloc(1, sizeof(*surface));
	if (surface == NULL) {
		wl_client_post_no_memory(wl_resource_get_client(wlr_surface->resource));
		return;
	}
	surface->ledger = ledger;
	surface->wlr_surface = wlr_surface;
	surface->commit.notify = handle_surface_commit;
	wl_signal_add(&wlr_surface->events.commit, &surface->commit);
	surface->destroy.notify = handle_surface_destroy;
	wl_signal_add(&wlr_surface->events.destroy, &surface->destroy);
	wl_list_insert(&ledger->surfaces, &surface->link);
}

struct es_commit_ledger *commit_ledger_create(struct es_display *display) {
	struct es_commit_ledger *ledger = calloc(1, sizeof(*ledger));
	if (ledger == NULL) {
		es_log(ES_LOG_ERROR, "cannot count commits: out of memory");
		return NULL;
	}
	wl_list_init(&ledger->surfaces);
	ledger->new_surface.notify = handle_new_surface;
	wl_signal_add(&display->compositor->events.new_surface, &ledger->new_surface);
	return ledger;
}

void commit_ledger_destroy(struct es_commit_ledger *ledger) {
	if (ledger == NULL) {
		return;
	}
	struct es_watched_surface *surface, *tmp;
	wl_list_for_each_safe (surface, tmp, &ledger->surfaces, link) {
		unwatch(surface);
	}
	wl_list_remove(&ledger->new_surface.link);
	free(ledger);
}

uint32_t commit_ledger_take(struct es_commit_ledger *ledger, int64_t *newest_ns) {
	uint32_t n = ledger->pending;
	if (n > 0) {
		*newest_ns = ledger->newest_ns;
	}
	ledger->pending = 0;
	return n;
}
