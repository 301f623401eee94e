// X11 windows that let themselves be managed: a view each.
#pragma once

struct es_display;
struct wlr_xwayland_surface;

// Lives as long as the window stays managed; calls `unmanaged` when it turns override-redirect.
void x11_window_create(struct es_display *display, struct wlr_xwayland_surface *xsurface,
		void (*unmanaged)(struct wlr_xwayland_surface *xsurface, void *data), void *data);
