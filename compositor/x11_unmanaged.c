#include "compositor/x11_unmanaged.h"

#include <stdlib.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_scene.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/xwayland.h>

#include "base/log.h"
#include "compositor/cursor.h"
#include "compositor/display.h"
#include "compositor/seat.h"
#include "compositor/view.h"
#include "compositor/x11_surface.h"

struct unmanaged {
	struct es_display *display; // borrowed
	struct wlr_xwayland_surface *xsurface; // borrowed
	void (*managed)(struct wlr_xwayland_surface *xsurface, void *data);
	void *data;
	struct wlr_scene_tree *tree; // while mapped; goes with its surface too

	struct wl_listener associate;
	struct wl_listener dissociate;
	struct wl_listener map;
	struct wl_listener unmap;
	struct wl_listener tree_destroy;
	struct wl_listener destroy;
	struct wl_listener request_configure;
	struct wl_listener set_geometry;
	struct wl_listener set_override_redirect;
};

static void stop_listening(struct wl_listener *listener) {
	wl_list_remove(&listener->link);
	wl_list_init(&listener->link);
}

static void handle_tree_destroy(struct wl_listener *listener, void *data) {
	struct unmanaged *unmanaged = wl_container_of(listener, unmanaged, tree_destroy);
	stop_listening(&unmanaged->tree_destroy);
	unmanaged->tree = NULL;
}

static void show(struct unmanaged *unmanaged) {
	struct wlr_xwayland_surface *xsurface = unmanaged->xsurface;
	unmanaged->tree = wlr_scene_subsurface_tree_create(
			unmanaged->display->layer_unmanaged, xsurface->surface);
	if (unmanaged->tree == NULL) {
		es_log(ES_LOG_WARN, "cannot show an X11 menu: out of memory");
		return;
	}
	wl_signal_add(&unmanaged->tree->node.events.destroy, &unmanaged->tree_destroy);
	wlr_scene_node_set_position(&unmanaged->tree->node, xsurface->x, xsurface->y);
	if (wlr_xwayland_surface_override_redirect_wants_focus(xsurface)) {
		seat_focus(unmanaged->display->seat, xsurface->surface);
	}
	cursor_update_focus(unmanaged->display->cursor);
}

static void hide(struct unmanaged *unmanaged) {
	if (unmanaged->tree == NULL) {
		return;
	}
	struct es_display *display = unmanaged->display;
	wlr_scene_node_destroy(&unmanaged->tree->node);
	if (display->seat->wlr_seat->keyboard_state.focused_surface == unmanaged->xsurface->surface) {
		views_refocus(display);
	}
	cursor_update_focus(display->cursor);
}

static void handle_map(struct wl_listener *listener, void *data) {
	struct unmanaged *unmanaged = wl_container_of(listener, unmanaged, map);
	show(unmanaged);
}

static void handle_unmap(struct wl_listener *listener, void *data) {
	struct unmanaged *unmanaged = wl_container_of(listener, unmanaged, unmap);
	hide(unmanaged);
}

static void handle_associate(struct wl_listener *listener, void *data) {
	struct unmanaged *unmanaged = wl_container_of(listener, unmanaged, associate);
	struct wlr_surface *surface = unmanaged->xsurface->surface;
	wl_signal_add(&surface->events.map, &unmanaged->map);
	wl_signal_add(&surface->events.unmap, &unmanaged->unmap);
	x11_surface_map_early(unmanaged->xsurface);
}

static void handle_dissociate(struct wl_listener *listener, void *data) {
	struct unmanaged *unmanaged = wl_container_of(listener, unmanaged, dissociate);
	hide(unmanaged);
	stop_listening(&unmanaged->map);
	stop_listening(&unmanaged->unmap);
}

static void handle_set_geometry(struct wl_listener *listener, void *data) {
	struct unmanaged *unmanaged = wl_container_of(listener, unmanaged, set_geometry);
	if (unmanaged->tree != NULL) {
		wlr_scene_node_set_position(
				&unmanaged->tree->node, unmanaged->xsurface->x, unmanaged->xsurface->y);
	}
}

static void handle_request_configure(struct wl_listener *listener, void *data) {
	struct unmanaged *unmanaged = wl_container_of(listener, unmanaged, request_configure);
	const struct wlr_xwayland_surface_configure_event *event = data;
	wlr_xwayland_surface_configure(
			unmanaged->xsurface, event->x, event->y, event->width, event->height);
}

static void unmanaged_destroy(struct unmanaged *unmanaged) {
	hide(unmanaged);
	wl_list_remove(&unmanaged->associate.link);
	wl_list_remove(&unmanaged->dissociate.link);
	wl_list_remove(&unmanaged->map.link);
	wl_list_remove(&unmanaged->unmap.link);
	wl_list_remove(&unmanaged->tree_destroy.link);
	wl_list_remove(&unmanaged->destroy.link);
	wl_list_remove(&unmanaged->request_configure.link);
	wl_list_remove(&unmanaged->set_geometry.link);
	wl_list_remove(&unmanaged->set_override_redirect.link);
	free(unmanaged);
}

static void handle_destroy(struct wl_listener *listener, void *data) {
	struct unmanaged *unmanaged = wl_container_of(listener, unmanaged, destroy);
	unmanaged_destroy(unmanaged);
}

static void handle_set_override_redirect(struct wl_listener *listener, void *data) {
	struct unmanaged *unmanaged = wl_container_of(listener, unmanaged, set_override_redirect);
	struct wlr_xwayland_surface *xsurface = unmanaged->xsurface;
	void (*managed)(struct wlr_xwayland_surface *, void *) = unmanaged->managed;
	void *managed_data = unmanaged->data;
	unmanaged_destroy(unmanaged);
	managed(xsurface, managed_data);
}

static void listen(struct unmanaged *unmanaged) {
	struct wlr_xwayland_surface *xsurface = unmanaged->xsurface;
	struct {
		struct wl_signal *signal; // NULL: added later
		struct wl_listener *listener;
		wl_notify_func_t notify;
	} listeners[] = {
			{&xsurface->events.associate, &unmanaged->associate, handle_associate},
			{&xsurface->events.dissociate, &unmanaged->dissociate, handle_dissociate},
			{NULL, &unmanaged->map, handle_map},
			{NULL, &unmanaged->unmap, handle_unmap},
			{NULL, &unmanaged->tree_destroy, handle_tree_destroy},
			{&xsurface->events.destroy, &unmanaged->destroy, handle_destroy},
			{&xsurface->events.request_configure, &unmanaged->request_configure,
					handle_request_configure},
			{&xsurface->events.set_geometry, &unmanaged->set_geometry, handle_set_geometry},
			{&xsurface->events.set_override_redirect, &unmanaged->set_override_redirect,
					handle_set_override_redirect},
	};
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		listeners[i].listener->notify = listeners[i].notify;
		wl_list_init(&listeners[i].listener->link);
		if (listeners[i].signal != NULL) {
			wl_signal_add(listeners[i].signal, listeners[i].listener);
		}
	}
}

void x11_unmanaged_create(struct es_display *display, struct wlr_xwayland_surface *xsurface,
		void (*managed)(struct wlr_xwayland_surface *xsurface, void *data), void *data) {
	struct unmanaged *unmanaged = calloc(1, sizeof(*unmanaged));
	if (unmanaged == NULL) {
		es_log(ES_LOG_WARN, "cannot show an X11 menu: out of memory");
		return;
	}
	unmanaged->display = display;
	unmanaged->xsurface = xsurface;
	unmanaged->managed = managed;
	unmanaged->data = data;
	listen(unmanaged);
	// It was managed until now.
	if (xsurface->surface != NULL) {
		bool mapped = xsurface->surface->mapped;
		handle_associate(&unmanaged->associate, NULL);
		if (mapped) {
			show(unmanaged);
		}
	}
}
