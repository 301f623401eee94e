// What both kinds of X11 windows need of their surfaces.
#pragma once

struct wlr_xwayland_surface;

// Call when a surface has been associated and its map is listened to: maps it if its first picture
// came before. wlroots waits for the next commit, which a window that draws once never makes.
void x11_surface_map_early(struct wlr_xwayland_surface *xsurface);
