#include "compositor/xdg_popup.h"

#include <stdlib.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_scene.h>
#include <wlr/types/wlr_xdg_shell.h>

#include "compositor/cursor.h"
#include "compositor/display.h"
#include "compositor/view.h"

struct popup {
	struct es_display *display; // borrowed
	struct wlr_xdg_popup *wlr_popup; // borrowed
	struct wlr_scene_tree *tree; // goes with the wlr_popup or an ancestor: see tree_destroy

	struct wl_listener commit;
	struct wl_listener map;
	struct wl_listener unmap;
	struct wl_listener reposition;
	struct wl_listener destroy;
	struct wl_listener tree_destroy;
};

static struct wlr_xdg_surface *parent_of(const struct wlr_xdg_popup *wlr_popup) {
	return wlr_popup->parent != NULL ? wlr_xdg_surface_try_from_wlr_surface(wlr_popup->parent)
									 : NULL;
}

static struct wlr_xdg_surface *root_of(const struct wlr_xdg_popup *wlr_popup) {
	struct wlr_xdg_surface *surface = parent_of(wlr_popup);
	while (surface != NULL && surface->role == WLR_XDG_SURFACE_ROLE_POPUP) {
		surface = surface->popup != NULL ? parent_of(surface->popup) : NULL;
	}
	return surface;
}

// Of a surface that is a window or a popup: where its window geometry lies in the scene.
static struct wlr_scene_tree *scene_tree_of(struct wlr_xdg_surface *surface) {
	if (surface->data == NULL) {
		return NULL;
	}
	if (surface->role == WLR_XDG_SURFACE_ROLE_POPUP) {
		const struct popup *popup = surface->data;
		return popup->tree;
	}
	const struct es_view *view = surface->data;
	return view->tree;
}

static void keep_on_screen(struct popup *popup) {
	struct wlr_xdg_surface *root = root_of(popup->wlr_popup);
	struct wlr_scene_tree *root_tree = root != NULL ? scene_tree_of(root) : NULL;
	if (root_tree == NULL) {
		return;
	}
	int lx, ly;
	wlr_scene_node_coords(&root_tree->node, &lx, &ly);
	struct wlr_box screen = {.x = root->geometry.x - lx, .y = root->geometry.y - ly};
	display_logical_size(popup->display, &screen.width, &screen.height);
	wlr_xdg_popup_unconstrain_from_box(popup->wlr_popup, &screen);
}

static void handle_commit(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, commit);
	if (popup->wlr_popup->base->initial_commit) {
		keep_on_screen(popup);
		wlr_xdg_surface_schedule_configure(popup->wlr_popup->base);
	}
}

static void handle_map(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, map);
	cursor_update_focus(popup->display->cursor);
}

static void handle_unmap(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, unmap);
	cursor_update_focus(popup->display->cursor);
}

static void handle_reposition(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, reposition);
	keep_on_screen(popup);
}

static void handle_tree_destroy(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, tree_destroy);
	wl_list_remove(&popup->tree_destroy.link);
	wl_list_init(&popup->tree_destroy.link);
	popup->tree = NULL;
}

static void handle_destroy(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, destroy);
	wl_list_remove(&popup->commit.link);
	wl_list_remove(&popup->map.link);
	wl_list_remove(&popup->unmap.link);
	wl_list_remove(&popup->reposition.link);
	wl_list_remove(&popup->destroy.link);
	wl_list_remove(&popup->tree_destroy.link);
	popup->wlr_popup->base->data = NULL;
	free(popup);
}

void xdg_popup_create(struct es_display *display, struct wlr_xdg_popup *wlr_popup) {
	struct wlr_xdg_surface *parent = parent_of(wlr_popup);
	struct wlr_scene_tree *parent_tree = parent != NULL ? scene_tree_of(parent) : NULL;
	if (parent_tree == NULL) {
		// No window to hang it on; without a configure it never shows.
		return;
	}
	struct popup *popup = calloc(1, sizeof(*popup));
	if (popup == NULL) {
		wl_resource_post_no_memory(wlr_popup->resource);
		return;
	}
	popup->display = display;
	popup->wlr_popup = wlr_popup;
	popup->tree = wlr_scene_xdg_surface_create(parent_tree, wlr_popup->base);
	if (popup->tree == NULL) {
		wl_resource_post_no_memory(wlr_popup->resource);
		free(popup);
		return;
	}
	wlr_popup->base->data = popup;
	struct wlr_surface *surface = wlr_popup->base->surface;
	popup->commit.notify = handle_commit;
	wl_signal_add(&surface->events.commit, &popup->commit);
	popup->map.notify = handle_map;
	wl_signal_add(&surface->events.map, &popup->map);
	popup->unmap.notify = handle_unmap;
	wl_signal_add(&surface->events.unmap, &popup->unmap);
	popup->reposition.notify = handle_reposition;
	wl_signal_add(&wlr_popup->events.reposition, &popup->reposition);
	popup->destroy.notify = handle_destroy;
	wl_signal_add(&wlr_popup->events.destroy, &popup->destroy);
	popup->tree_destroy.notify = handle_tree_destroy;
	wl_signal_add(&popup->tree->node.events.destroy, &popup->tree_destroy);
}
