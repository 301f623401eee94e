// Windows, whoever made them: where they lie on the screen, in what order, and which has the focus.
//
// The policy is a kiosk's. A window without a parent gets the whole screen; dialogs and windows of
// fixed size float, centred over their parent; what is smaller than its area is centred on black,
// what is larger is cut off at the right and the bottom. The newest window is on top and focused;
// when it goes, the one focused before it is next.
#pragma once

#include <stdbool.h>
#include <wayland-server-core.h>
#include <wlr/util/box.h>

struct es_display;
struct es_view;
struct wlr_scene_tree;
struct wlr_surface;

struct es_view_impl {
	// Asks the window to take this place of the screen. A width of 0: as large as it likes.
	void (*configure)(struct es_view *view, const struct wlr_box *box);
	void (*activate)(struct es_view *view, bool activated);
};

// Embedded in what a shell keeps per window. A shell sets the hints, then calls view_arrange.
struct es_view {
	struct es_display *display;
	const struct es_view_impl *impl;
	struct wlr_scene_tree *tree; // owned, in layer_views; node.data is the view

	// hints of the shell
	struct wlr_surface *surface; // borrowed, while mapped
	struct es_view *parent; // borrowed, NULL: none; by view_set_parent
	bool orphan; // has lost its parent while mapped: it goes on to float
	bool floats; // keeps its own size
	bool fullscreen;
	bool no_focus; // never wants the keyboard
	int width, height; // what the window has, without shadows

	// state
	bool mapped;
	struct wlr_box place; // where it was put last
	struct wl_list link; // es_display.views, while mapped
};

// Makes the (disabled) scene tree. False: out of memory.
bool view_init(struct es_view *view, struct es_display *display, const struct es_view_impl *impl);
// Unmaps if needed and destroys the scene tree. Legal after a failed view_init and twice.
void view_finish(struct es_view *view);

void view_set_parent(struct es_view *view, struct es_view *parent);

// The window has content and shows: on top and focused. view->surface must be set.
void view_map(struct es_view *view);
void view_unmap(struct es_view *view);

// Configures and places the window anew by its hints and the size of the screen.
void view_arrange(struct es_view *view);
// The window has a new size of its own: places it and its dialogs anew, asks nothing of it.
void view_place(struct es_view *view);
// As view_arrange for all: the screen has changed.
void views_arrange(struct es_display *display);

// Raises the window with its dialogs and gives it the keyboard.
void view_focus(struct es_view *view);
// Gives the keyboard back to the front window, if there is one.
void views_refocus(struct es_display *display);

// The window that shows this scene node's surface, NULL if it is none's.
struct wlr_scene_node;
struct es_view *view_from_node(struct wlr_scene_node *node);
