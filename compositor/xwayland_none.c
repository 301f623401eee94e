// Chosen by the build where wlroots has no Xwayland, or it is switched off.
#include "compositor/xwayland.h"

#include <stddef.h>

#include "base/log.h"

struct es_xwayland *xwayland_create(struct es_display *display) {
	es_log(ES_LOG_DEBUG, "built without Xwayland: no X11 apps");
	return NULL;
}

void xwayland_destroy(struct es_xwayland *xwayland) {
}

const char *xwayland_display_name(const struct es_xwayland *xwayland) {
	return NULL;
}

bool xwayland_is_client(const struct es_xwayland *xwayland, const struct wl_client *client) {
	return false;
}

void xwayland_update_screen(struct es_xwayland *xwayland) {
}
