// What lies under a point of the screen.
#pragma once

struct es_display;
struct es_view;
struct wlr_surface;

// The topmost surface that takes input there and the point in its coordinates, or NULL. *view (may
// be NULL) gets the window it belongs to, NULL for X11 menus and the like.
struct wlr_surface *hit_test(struct es_display *display, double lx, double ly, double *sx,
		double *sy, struct es_view **view);
