// X11 windows that place themselves (override-redirect): menus, tooltips, old full-screen games.
#pragma once

struct es_display;
struct wlr_xwayland_surface;

// Lives as long as the window stays override-redirect; calls `managed` when it no longer is.
void x11_unmanaged_create(struct es_display *display, struct wlr_xwayland_surface *xsurface,
		void (*managed)(struct wlr_xwayland_surface *xsurface, void *data), void *data);
