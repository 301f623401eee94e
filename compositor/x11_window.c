#include "compositor/x11_window.h"

#include <stdlib.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_scene.h>
#include <wlr/xwayland.h>

#include "base/log.h"
#include "compositor/display.h"
#include "compositor/view.h"
#include "compositor/x11_surface.h"

struct window {
	struct es_view view;
	struct wlr_xwayland_surface *xsurface; // borrowed; its data is the view
	void (*unmanaged)(struct wlr_xwayland_surface *xsurface, void *data);
	void *data;
	int own_width, own_height; // as large as it likes to be
	struct wlr_scene_tree *content; // while mapped; goes with its surface too

	struct wl_listener associate;
	struct wl_listener dissociate;
	struct wl_listener map;
	struct wl_listener unmap;
	struct wl_listener commit;
	struct wl_listener content_destroy;
	struct wl_listener destroy;
	struct wl_listener request_configure;
	struct wl_listener request_fullscreen;
	struct wl_listener request_maximize;
	struct wl_listener request_activate;
	struct wl_listener set_hints[4]; // parent, type, size hints, geometry
	struct wl_listener set_override_redirect;
};

static struct window *window_from_view(struct es_view *view) {
	struct window *window = wl_container_of(view, window, view);
	return window;
}

static void view_configure(struct es_view *view, const struct wlr_box *box) {
	struct wlr_xwayland_surface *xsurface = window_from_view(view)->xsurface;
	bool fills = box->width > 0;
	if (fills) {
		view->width = box->width;
		view->height = box->height;
	}
	wlr_xwayland_surface_set_fullscreen(xsurface, view->fullscreen);
	wlr_xwayland_surface_set_maximized(
			xsurface, fills && !view->fullscreen, fills && !view->fullscreen);
	wlr_xwayland_surface_configure(xsurface, (int16_t)box->x, (int16_t)box->y,
			(uint16_t)view->width, (uint16_t)view->height);
}

static void view_activate(struct es_view *view, bool activated) {
	struct wlr_xwayland_surface *xsurface = window_from_view(view)->xsurface;
	if (activated) {
		wlr_xwayland_surface_set_minimized(xsurface, false);
	}
	wlr_xwayland_surface_activate(xsurface, activated);
}

static const struct es_view_impl view_impl = {
		.configure = view_configure,
		.activate = view_activate,
};

static bool has_floating_type(const struct wlr_xwayland_surface *xsurface) {
	static const enum wlr_xwayland_net_wm_window_type types[] = {
			WLR_XWAYLAND_NET_WM_WINDOW_TYPE_DIALOG, WLR_XWAYLAND_NET_WM_WINDOW_TYPE_SPLASH,
			WLR_XWAYLAND_NET_WM_WINDOW_TYPE_UTILITY, WLR_XWAYLAND_NET_WM_WINDOW_TYPE_TOOLBAR,
			WLR_XWAYLAND_NET_WM_WINDOW_TYPE_MENU, WLR_XWAYLAND_NET_WM_WINDOW_TYPE_NOTIFICATION};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (wlr_xwayland_surface_has_window_type(xsurface, types[i])) {
			return true;
		}
	}
	return false;
}

static bool has_fixed_size(const struct wlr_xwayland_surface *xsurface, int width, int height) {
	const xcb_size_hints_t *hints = xsurface->size_hints;
	return hints != NULL && hints->max_width > 0 && hints->max_height > 0 &&
			hints->min_width == hints->max_width && hints->min_height == hints->max_height &&
			(hints->max_width != width || hints->max_height != height);
}

static struct es_view *parent_view(const struct window *window) {
	const struct wlr_xwayland_surface *parent = window->xsurface->parent;
	return parent != NULL ? parent->data : NULL;
}

static void update_hints(struct window *window) {
	const struct wlr_xwayland_surface *xsurface = window->xsurface;
	struct es_view *view = &window->view;
	int width, height;
	display_logical_size(view->display, &width, &height);
	view_set_parent(view, parent_view(window));
	view->fullscreen = xsurface->fullscreen;
	view->no_focus = wlr_xwayland_surface_icccm_input_model(xsurface) == WLR_ICCCM_INPUT_MODEL_NONE;
	view->floats = xsurface->parent != NULL || view->orphan || xsurface->modal ||
			has_floating_type(xsurface) || has_fixed_size(xsurface, width, height);
}

static void arrange(struct window *window) {
	struct es_view *view = &window->view;
	update_hints(window);
	if (view->floats && !view->fullscreen) {
		view->width = window->own_width;
		view->height = window->own_height;
	}
	view_arrange(view);
}

static void handle_set_hints(struct window *window) {
	struct es_view before = window->view;
	update_hints(window);
	if (window->view.parent != before.parent || window->view.floats != before.floats ||
			window->view.fullscreen != before.fullscreen) {
		arrange(window);
	}
}

static void handle_set_parent(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, set_hints[0]);
	handle_set_hints(window);
}

static void handle_set_window_type(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, set_hints[1]);
	handle_set_hints(window);
}

static void handle_set_size_hints(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, set_hints[2]);
	handle_set_hints(window);
}

// The X server has it at this size now.
static void handle_set_geometry(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, set_hints[3]);
	window->view.width = window->xsurface->width;
	window->view.height = window->xsurface->height;
	view_place(&window->view);
}

static void handle_request_configure(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, request_configure);
	const struct wlr_xwayland_surface_configure_event *event = data;
	if (event->mask & XCB_CONFIG_WINDOW_WIDTH) {
		window->own_width = event->width;
	}
	if (event->mask & XCB_CONFIG_WINDOW_HEIGHT) {
		window->own_height = event->height;
	}
	// Its place is never the client's, its size only while it floats. It is told in any case.
	arrange(window);
}

static void handle_request_fullscreen(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, request_fullscreen);
	arrange(window);
}

static void handle_request_maximize(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, request_maximize);
	arrange(window);
}

static void handle_request_activate(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, request_activate);
	if (window->view.mapped) {
		view_focus(&window->view);
	}
}

static void handle_content_destroy(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, content_destroy);
	wl_list_remove(&window->content_destroy.link);
	wl_list_init(&window->content_destroy.link);
	window->content = NULL;
}

static void show(struct window *window) {
	struct wlr_surface *surface = window->xsurface->surface;
	window->content = wlr_scene_subsurface_tree_create(window->view.tree, surface);
	if (window->content == NULL) {
		es_log(ES_LOG_WARN, "cannot show an X11 window: out of memory");
		return;
	}
	wl_signal_add(&window->content->node.events.destroy, &window->content_destroy);
	window->view.surface = surface;
	arrange(window);
	view_map(&window->view);
}

static void hide(struct window *window) {
	view_unmap(&window->view);
	if (window->content != NULL) {
		wlr_scene_node_destroy(&window->content->node);
	}
}

static void handle_map(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, map);
	show(window);
}

static void handle_unmap(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, unmap);
	hide(window);
}

// It is about to show and its properties have been read: it gets its size before its first picture.
static void handle_associate(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, associate);
	arrange(window);
	wl_signal_add(&window->xsurface->surface->events.map, &window->map);
	wl_signal_add(&window->xsurface->surface->events.unmap, &window->unmap);
	x11_surface_map_early(window->xsurface);
}

static void stop_listening(struct wl_listener *listener) {
	wl_list_remove(&listener->link);
	wl_list_init(&listener->link);
}

static void handle_dissociate(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, dissociate);
	hide(window);
	stop_listening(&window->map);
	stop_listening(&window->unmap);
}

static void forget_parent(struct window *gone) {
	struct wlr_xwayland_surface *child;
	wl_list_for_each (child, &gone->xsurface->children, parent_link) {
		struct es_view *view = child->data;
		if (view != NULL) {
			view_set_parent(view, NULL);
		}
	}
}

static void window_destroy(struct window *window) {
	hide(window);
	struct wl_listener *listeners[] = {&window->associate, &window->dissociate, &window->map,
			&window->unmap, &window->content_destroy, &window->destroy, &window->request_configure,
			&window->request_fullscreen, &window->request_maximize, &window->request_activate,
			&window->set_hints[0], &window->set_hints[1], &window->set_hints[2],
			&window->set_hints[3], &window->set_override_redirect};
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		wl_list_remove(&listeners[i]->link);
	}
	window->xsurface->data = NULL;
	forget_parent(window);
	view_finish(&window->view);
	free(window);
}

static void handle_destroy(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, destroy);
	window_destroy(window);
}

static void handle_set_override_redirect(struct wl_listener *listener, void *data) {
	struct window *window = wl_container_of(listener, window, set_override_redirect);
	struct wlr_xwayland_surface *xsurface = window->xsurface;
	void (*unmanaged)(struct wlr_xwayland_surface *, void *) = window->unmanaged;
	void *unmanaged_data = window->data;
	window_destroy(window);
	unmanaged(xsurface, unmanaged_data);
}

static void listen(struct window *window) {
	struct wlr_xwayland_surface *xsurface = window->xsurface;
	struct {
		struct wl_signal *signal; // NULL: added later
		struct wl_listener *listener;
		wl_notify_func_t notify;
	} listeners[] = {
			{&xsurface->events.associate, &window->associate, handle_associate},
			{&xsurface->events.dissociate, &window->dissociate, handle_dissociate},
			{NULL, &window->map, handle_map},
			{NULL, &window->unmap, handle_unmap},
			{NULL, &window->content_destroy, handle_content_destroy},
			{&xsurface->events.destroy, &window->destroy, handle_destroy},
			{&xsurface->events.request_configure, &window->request_configure,
					handle_request_configure},
			{&xsurface->events.request_fullscreen, &window->request_fullscreen,
					handle_request_fullscreen},
			{&xsurface->events.request_maximize, &window->request_maximize,
					handle_request_maximize},
			{&xsurface->events.request_activate, &window->request_activate,
					handle_request_activate},
			{&xsurface->events.set_parent, &window->set_hints[0], handle_set_parent},
			{&xsurface->events.set_window_type, &window->set_hints[1], handle_set_window_type},
			{&xsurface->events.set_size_hints, &window->set_hints[2], handle_set_size_hints},
			{&xsurface->events.set_geometry, &window->set_hints[3], handle_set_geometry},
			{&xsurface->events.set_override_redirect, &window->set_override_redirect,
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

void x11_window_create(struct es_display *display, struct wlr_xwayland_surface *xsurface,
		void (*unmanaged)(struct wlr_xwayland_surface *xsurface, void *data), void *data) {
	struct window *window = calloc(1, sizeof(*window));
	if (window == NULL || !view_init(&window->view, display, &view_impl)) {
		es_log(ES_LOG_WARN, "cannot show an X11 window: out of memory");
		free(window);
		return;
	}
	window->xsurface = xsurface;
	window->unmanaged = unmanaged;
	window->data = data;
	window->own_width = xsurface->width;
	window->own_height = xsurface->height;
	xsurface->data = &window->view;
	listen(window);
	// It was override-redirect until now.
	if (xsurface->surface != NULL) {
		bool mapped = xsurface->surface->mapped;
		handle_associate(&window->associate, NULL);
		if (mapped) {
			show(window);
		}
	}
}
