#include "compositor/view.h"

#include <assert.h>
#include <stdlib.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_scene.h>

#include "compositor/cursor.h"
#include "compositor/display.h"
#include "compositor/seat.h"
#include "compositor/xwayland.h"

static struct wlr_box screen_box(const struct es_view *view) {
	struct wlr_box box = {0};
	display_logical_size(view->display, &box.width, &box.height);
	return box;
}

static bool has_own_size(const struct es_view *view) {
	return view->floats && !view->fullscreen;
}

// Where a window of the view's size goes within `area`, kept on the screen; if it is larger than
// the screen, its beginning shows.
static int centre(int area_begin, int area_length, int length, int screen_length) {
	int begin = area_begin + (area_length - length) / 2;
	if (begin > screen_length - length) {
		begin = screen_length - length;
	}
	return begin > 0 ? begin : 0;
}

static struct wlr_box place_of(const struct es_view *view) {
	struct wlr_box screen = screen_box(view);
	struct wlr_box area = screen;
	if (has_own_size(view) && view->parent != NULL && view->parent->mapped) {
		const struct es_view *parent = view->parent;
		area = (struct wlr_box){
				parent->tree->node.x, parent->tree->node.y, parent->width, parent->height};
	}
	return (struct wlr_box){
			.x = centre(area.x, area.width, view->width, screen.width),
			.y = centre(area.y, area.height, view->height, screen.height),
			.width = view->width,
			.height = view->height,
	};
}

static bool descends_from(const struct es_view *view, const struct es_view *ancestor) {
	// The shells allow no loops; the bound is against their changing their mind.
	int depth = 0;
	for (const struct es_view *v = view->parent; v != NULL && depth < 64; v = v->parent, depth++) {
		if (v == ancestor) {
			return true;
		}
	}
	return false;
}

// Dialogs stay above their parents: their order among each other is kept.
static void raise_with_dialogs(struct es_view *view) {
	wlr_scene_node_raise_to_top(&view->tree->node);
	struct es_view *other;
	wl_list_for_each_reverse (other, &view->display->views, link) {
		if (descends_from(other, view)) {
			wlr_scene_node_raise_to_top(&other->tree->node);
		}
	}
}

bool view_init(struct es_view *view, struct es_display *display, const struct es_view_impl *impl) {
	view->display = display;
	view->impl = impl;
	view->surface = NULL;
	view->parent = NULL;
	view->mapped = false;
	wl_list_init(&view->link);
	view->tree = wlr_scene_tree_create(display->layer_views);
	if (view->tree == NULL) {
		return false;
	}
	view->tree->node.data = view;
	wlr_scene_node_set_enabled(&view->tree->node, false);
	return true;
}

void view_finish(struct es_view *view) {
	if (view->tree == NULL) {
		return;
	}
	view_unmap(view);
	wlr_scene_node_destroy(&view->tree->node);
	view->tree = NULL;
}

void view_set_parent(struct es_view *view, struct es_view *parent) {
	// A dialog often goes right after its window; it must not fill the screen in between.
	view->orphan = view->mapped && parent == NULL && (view->orphan || view->parent != NULL);
	view->parent = parent;
}

void view_map(struct es_view *view) {
	assert(view->surface != NULL);
	if (view->mapped) {
		return;
	}
	view->mapped = true;
	wl_list_insert(&view->display->views, &view->link);
	wlr_scene_node_set_enabled(&view->tree->node, true);
	view_place(view);
	view_focus(view);
}

void view_unmap(struct es_view *view) {
	if (!view->mapped) {
		return;
	}
	struct es_display *display = view->display;
	bool focused = display->views.next == &view->link;
	view->mapped = false;
	view->orphan = false;
	wl_list_remove(&view->link);
	wl_list_init(&view->link);
	wlr_scene_node_set_enabled(&view->tree->node, false);
	view->surface = NULL;
	if (focused) {
		views_refocus(display);
	}
	cursor_update_focus(display->cursor);
}

void view_arrange(struct es_view *view) {
	struct wlr_box box = place_of(view);
	if (has_own_size(view)) {
		box.width = 0;
		box.height = 0;
	} else {
		box = screen_box(view);
	}
	view->impl->configure(view, &box);
	view_place(view);
}

void view_place(struct es_view *view) {
	struct wlr_box box = place_of(view);
	if (wlr_box_equal(&box, &view->place)) {
		return;
	}
	view->place = box;
	wlr_scene_node_set_position(&view->tree->node, box.x, box.y);
	if (!view->mapped) {
		return;
	}
	struct es_view *other;
	wl_list_for_each (other, &view->display->views, link) {
		if (other->parent == view) {
			view_arrange(other);
		}
	}
	cursor_update_focus(view->display->cursor);
}

void views_arrange(struct es_display *display) {
	xwayland_update_screen(display->xwayland);
	// Back to front, so that parents have their places before their dialogs.
	struct es_view *view;
	wl_list_for_each_reverse (view, &display->views, link) {
		view_arrange(view);
	}
}

void view_focus(struct es_view *view) {
	assert(view->mapped);
	struct es_display *display = view->display;
	wl_list_remove(&view->link);
	bool only_raise = view->no_focus && !wl_list_empty(&display->views);
	wl_list_insert(only_raise ? display->views.next : &display->views, &view->link);
	raise_with_dialogs(view);
	views_refocus(display);
	cursor_update_focus(display->cursor);
}

void views_refocus(struct es_display *display) {
	struct es_view *view, *front = NULL;
	wl_list_for_each (view, &display->views, link) {
		if (front == NULL) {
			front = view;
		} else {
			view->impl->activate(view, false);
		}
	}
	if (front != NULL) {
		front->impl->activate(front, true);
	}
	seat_focus(display->seat, front != NULL ? front->surface : NULL);
}

struct es_view *view_from_node(struct wlr_scene_node *node) {
	while (node != NULL && node->parent != NULL) {
		struct es_view *view = node->data;
		if (view != NULL && &view->tree->node == node) {
			return view;
		}
		node = &node->parent->node;
	}
	return NULL;
}
