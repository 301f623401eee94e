#include "compositor/decoration.h"

#include <stdlib.h>
#include <wlr/types/wlr_server_decoration.h>
#include <wlr/types/wlr_xdg_decoration_v1.h>

#include "compositor/display.h"

struct manager {
	struct wl_listener new_decoration;
	struct wl_listener destroy;
};

struct decoration {
	struct wlr_xdg_toplevel_decoration_v1 *wlr_decoration; // borrowed
	struct wl_listener request_mode;
	struct wl_listener surface_commit;
	struct wl_listener destroy;
};

static void answer(struct decoration *decoration) {
	// Nothing may be configured before the first commit of the window.
	if (decoration->wlr_decoration->toplevel->base->initialized) {
		wlr_xdg_toplevel_decoration_v1_set_mode(
				decoration->wlr_decoration, WLR_XDG_TOPLEVEL_DECORATION_V1_MODE_SERVER_SIDE);
	}
}

static void handle_request_mode(struct wl_listener *listener, void *data) {
	struct decoration *decoration = wl_container_of(listener, decoration, request_mode);
	answer(decoration);
}

static void handle_surface_commit(struct wl_listener *listener, void *data) {
	struct decoration *decoration = wl_container_of(listener, decoration, surface_commit);
	if (decoration->wlr_decoration->toplevel->base->initial_commit) {
		answer(decoration);
	}
}

static void handle_decoration_destroy(struct wl_listener *listener, void *data) {
	struct decoration *decoration = wl_container_of(listener, decoration, destroy);
	wl_list_remove(&decoration->request_mode.link);
	wl_list_remove(&decoration->surface_commit.link);
	wl_list_remove(&decoration->destroy.link);
	free(decoration);
}

static void handle_new_decoration(struct wl_listener *listener, void *data) {
	struct wlr_xdg_toplevel_decoration_v1 *wlr_decoration = data;
	struct decoration *decoration = calloc(1, sizeof(*decoration));
	if (decoration == NULL) {
		wl_resource_post_no_memory(wlr_decoration->resource);
		return;
	}
	decoration->wlr_decoration = wlr_decoration;
	decoration->request_mode.notify = handle_request_mode;
	wl_signal_add(&wlr_decoration->events.request_mode, &decoration->request_mode);
	decoration->surface_commit.notify = handle_surface_commit;
	wl_signal_add(
			&wlr_decoration->toplevel->base->surface->events.commit, &decoration->surface_commit);
	decoration->destroy.notify = handle_decoration_destroy;
	wl_signal_add(&wlr_decoration->events.destroy, &decoration->destroy);
	answer(decoration);
}

static void handle_manager_destroy(struct wl_listener *listener, void *data) {
	struct manager *manager = wl_container_of(listener, manager, destroy);
	wl_list_remove(&manager->new_decoration.link);
	wl_list_remove(&manager->destroy.link);
	free(manager);
}

bool decoration_create_xdg(struct es_display *display) {
	struct wlr_xdg_decoration_manager_v1 *wlr_manager =
			wlr_xdg_decoration_manager_v1_create(display->wl_display);
	struct manager *manager = calloc(1, sizeof(*manager));
	if (wlr_manager == NULL || manager == NULL) {
		free(manager);
		return false;
	}
	manager->new_decoration.notify = handle_new_decoration;
	wl_signal_add(&wlr_manager->events.new_toplevel_decoration, &manager->new_decoration);
	manager->destroy.notify = handle_manager_destroy;
	wl_signal_add(&wlr_manager->events.destroy, &manager->destroy);
	return true;
}

bool decoration_create_kde(struct es_display *display) {
	struct wlr_server_decoration_manager *manager =
			wlr_server_decoration_manager_create(display->wl_display);
	if (manager == NULL) {
		return false;
	}
	wlr_server_decoration_manager_set_default_mode(
			manager, WLR_SERVER_DECORATION_MANAGER_MODE_SERVER);
	return true;
}
