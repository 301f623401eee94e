#include "compositor/xdg_shell.h"

#include <stdlib.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_scene.h>
#include <wlr/types/wlr_xdg_shell.h>

#include "base/log.h"
#include "compositor/display.h"
#include "compositor/globals.h"
#include "compositor/view.h"
#include "compositor/xdg_popup.h"

struct es_xdg_shell {
	struct es_display *display; // borrowed
	struct wl_listener new_toplevel;
	struct wl_listener new_popup;
};

struct toplevel {
	struct es_view view;
	struct wlr_xdg_toplevel *wlr_toplevel; // borrowed

	struct wl_listener commit;
	struct wl_listener map;
	struct wl_listener unmap;
	struct wl_listener destroy;
	struct wl_listener request_maximize;
	struct wl_listener request_fullscreen;
	struct wl_listener set_parent;
};

static struct toplevel *toplevel_from_view(struct es_view *view) {
	struct toplevel *toplevel = wl_container_of(view, toplevel, view);
	return toplevel;
}

static void view_configure(struct es_view *view, const struct wlr_box *box) {
	struct wlr_xdg_toplevel *wlr_toplevel = toplevel_from_view(view)->wlr_toplevel;
	if (!wlr_toplevel->base->initialized) {
		return; // nothing may be configured before its first commit
	}
	bool fills = box->width > 0;
	int width, height;
	display_logical_size(view->display, &width, &height);
	wlr_xdg_toplevel_set_bounds(wlr_toplevel, width, height);
	wlr_xdg_toplevel_set_fullscreen(wlr_toplevel, view->fullscreen);
	wlr_xdg_toplevel_set_maximized(wlr_toplevel, fills && !view->fullscreen);
	wlr_xdg_toplevel_set_size(wlr_toplevel, box->width, box->height);
}

static void view_activate(struct es_view *view, bool activated) {
	struct wlr_xdg_toplevel *wlr_toplevel = toplevel_from_view(view)->wlr_toplevel;
	if (wlr_toplevel->base->initialized && wlr_toplevel->scheduled.activated != activated) {
		wlr_xdg_toplevel_set_activated(wlr_toplevel, activated);
	}
}

static const struct es_view_impl view_impl = {
		.configure = view_configure,
		.activate = view_activate,
};

// A window that cannot grow to the screen floats, one that has a parent does in any case.
static bool wants_to_float(const struct wlr_xdg_toplevel *wlr_toplevel, int width, int height) {
	const struct wlr_xdg_toplevel_state *state = &wlr_toplevel->current;
	bool fixed_width = state->max_width > 0 && state->max_width == state->min_width;
	bool fixed_height = state->max_height > 0 && state->max_height == state->min_height;
	return wlr_toplevel->parent != NULL ||
			(fixed_width && fixed_height &&
					(state->max_width != width || state->max_height != height));
}

// Returns whether the hints differ from what they were.
static bool update_hints(struct toplevel *toplevel) {
	struct es_view *view = &toplevel->view;
	struct wlr_xdg_toplevel *parent = toplevel->wlr_toplevel->parent;
	int width, height;
	display_logical_size(view->display, &width, &height);
	struct es_view before = *view;
	view_set_parent(view, parent != NULL ? parent->base->data : NULL);
	view->floats = wants_to_float(toplevel->wlr_toplevel, width, height) || view->orphan;
	view->fullscreen = toplevel->wlr_toplevel->requested.fullscreen;
	return view->floats != before.floats || view->fullscreen != before.fullscreen ||
			view->parent != before.parent;
}

static void handle_commit(struct wl_listener *listener, void *data) {
	struct toplevel *toplevel = wl_container_of(listener, toplevel, commit);
	struct wlr_xdg_surface *base = toplevel->wlr_toplevel->base;
	struct es_view *view = &toplevel->view;
	bool resized = view->width != base->geometry.width || view->height != base->geometry.height;
	view->width = base->geometry.width;
	view->height = base->geometry.height;
	if (base->initial_commit) {
		wlr_xdg_toplevel_set_wm_capabilities(toplevel->wlr_toplevel,
				WLR_XDG_TOPLEVEL_WM_CAPABILITIES_MAXIMIZE |
						WLR_XDG_TOPLEVEL_WM_CAPABILITIES_FULLSCREEN);
	}
	if (base->initialized && (update_hints(toplevel) || base->initial_commit)) {
		view_arrange(view);
	} else if (resized) {
		view_place(view);
	}
}

static void handle_map(struct wl_listener *listener, void *data) {
	struct toplevel *toplevel = wl_container_of(listener, toplevel, map);
	toplevel->view.surface = toplevel->wlr_toplevel->base->surface;
	view_map(&toplevel->view);
}

static void handle_unmap(struct wl_listener *listener, void *data) {
	struct toplevel *toplevel = wl_container_of(listener, toplevel, unmap);
	view_unmap(&toplevel->view);
	// Unmapping resets the window, its parent included, without another word.
	view_set_parent(&toplevel->view, NULL);
}

static void handle_destroy(struct wl_listener *listener, void *data) {
	struct toplevel *toplevel = wl_container_of(listener, toplevel, destroy);
	struct wl_listener *listeners[] = {&toplevel->commit, &toplevel->map, &toplevel->unmap,
			&toplevel->destroy, &toplevel->request_maximize, &toplevel->request_fullscreen,
			&toplevel->set_parent};
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		wl_list_remove(&listeners[i]->link);
	}
	toplevel->wlr_toplevel->base->data = NULL;
	view_finish(&toplevel->view);
	free(toplevel);
}

// The protocol wants an answer to each request, also where nothing changes.
static void answer(struct toplevel *toplevel) {
	if (toplevel->wlr_toplevel->base->initialized) {
		update_hints(toplevel);
		view_arrange(&toplevel->view);
		wlr_xdg_surface_schedule_configure(toplevel->wlr_toplevel->base);
	}
}

static void handle_request_maximize(struct wl_listener *listener, void *data) {
	struct toplevel *toplevel = wl_container_of(listener, toplevel, request_maximize);
	answer(toplevel);
}

static void handle_request_fullscreen(struct wl_listener *listener, void *data) {
	struct toplevel *toplevel = wl_container_of(listener, toplevel, request_fullscreen);
	answer(toplevel);
}

static void handle_set_parent(struct wl_listener *listener, void *data) {
	struct toplevel *toplevel = wl_container_of(listener, toplevel, set_parent);
	// Always noted: the parent before may be about to go.
	if (update_hints(toplevel) && toplevel->wlr_toplevel->base->initialized) {
		view_arrange(&toplevel->view);
	}
}

static void listen(struct toplevel *toplevel) {
	struct wlr_xdg_toplevel *wlr_toplevel = toplevel->wlr_toplevel;
	struct wlr_surface *surface = wlr_toplevel->base->surface;
	struct {
		struct wl_signal *signal;
		struct wl_listener *listener;
		wl_notify_func_t notify;
	} listeners[] = {
			{&surface->events.commit, &toplevel->commit, handle_commit},
			{&surface->events.map, &toplevel->map, handle_map},
			{&surface->events.unmap, &toplevel->unmap, handle_unmap},
			{&wlr_toplevel->events.destroy, &toplevel->destroy, handle_destroy},
			{&wlr_toplevel->events.request_maximize, &toplevel->request_maximize,
					handle_request_maximize},
			{&wlr_toplevel->events.request_fullscreen, &toplevel->request_fullscreen,
					handle_request_fullscreen},
			{&wlr_toplevel->events.set_parent, &toplevel->set_parent, handle_set_parent},
	};
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		listeners[i].listener->notify = listeners[i].notify;
		wl_signal_add(listeners[i].signal, listeners[i].listener);
	}
}

static void handle_new_toplevel(struct wl_listener *listener, void *data) {
	struct es_xdg_shell *shell = wl_container_of(listener, shell, new_toplevel);
	struct wlr_xdg_toplevel *wlr_toplevel = data;
	struct toplevel *toplevel = calloc(1, sizeof(*toplevel));
	if (toplevel == NULL) {
		wl_resource_post_no_memory(wlr_toplevel->resource);
		return;
	}
	toplevel->wlr_toplevel = wlr_toplevel;
	if (!view_init(&toplevel->view, shell->display, &view_impl) ||
			wlr_scene_xdg_surface_create(toplevel->view.tree, wlr_toplevel->base) == NULL) {
		wl_resource_post_no_memory(wlr_toplevel->resource);
		view_finish(&toplevel->view);
		free(toplevel);
		return;
	}
	wlr_toplevel->base->data = &toplevel->view;
	listen(toplevel);
}

static void handle_new_popup(struct wl_listener *listener, void *data) {
	struct es_xdg_shell *shell = wl_container_of(listener, shell, new_popup);
	xdg_popup_create(shell->display, data);
}

struct es_xdg_shell *xdg_shell_create(struct es_display *display) {
	struct es_xdg_shell *shell = calloc(1, sizeof(*shell));
	if (shell == NULL) {
		es_log(ES_LOG_ERROR, "cannot show windows: out of memory");
		return NULL;
	}
	shell->display = display;
	shell->new_toplevel.notify = handle_new_toplevel;
	wl_signal_add(&display->globals->xdg_shell->events.new_toplevel, &shell->new_toplevel);
	shell->new_popup.notify = handle_new_popup;
	wl_signal_add(&display->globals->xdg_shell->events.new_popup, &shell->new_popup);
	return shell;
}

void xdg_shell_destroy(struct es_xdg_shell *shell) {
	if (shell == NULL) {
		return;
	}
	wl_list_remove(&shell->new_toplevel.link);
	wl_list_remove(&shell->new_popup.link);
	free(shell);
}
