#include "compositor/x11_surface.h"

#include <wlr/types/wlr_compositor.h>
#include <wlr/xwayland.h>

void x11_surface_map_early(struct wlr_xwayland_surface *xsurface) {
	struct wlr_surface *surface = xsurface->surface;
	if (!surface->mapped && wlr_surface_has_buffer(surface)) {
		wlr_surface_map(surface);
	}
}
