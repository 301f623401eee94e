#include "compositor/xwayland.h"

#include <stdlib.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/xwayland.h>
#include <wlr/xwayland/shell.h>

#include "base/log.h"
#include "compositor/cursor.h"
#include "compositor/display.h"
#include "compositor/seat.h"
#include "compositor/x11_server.h"
#include "compositor/x11_unmanaged.h"
#include "compositor/x11_window.h"

struct es_xwayland {
	struct es_display *display; // borrowed
	struct es_x11_server *server; // owned
	struct wlr_xwayland *wlr_xwayland; // owned

	struct wl_listener ready;
	struct wl_listener new_surface;
};

static void manage(struct wlr_xwayland_surface *xsurface, void *data) {
	struct es_xwayland *xwayland = data;
	if (xsurface->override_redirect) {
		x11_unmanaged_create(xwayland->display, xsurface, manage, xwayland);
	} else {
		x11_window_create(xwayland->display, xsurface, manage, xwayland);
	}
}

static void handle_new_surface(struct wl_listener *listener, void *data) {
	struct es_xwayland *xwayland = wl_container_of(listener, xwayland, new_surface);
	manage(data, xwayland);
}

static void handle_ready(struct wl_listener *listener, void *data) {
	struct es_xwayland *xwayland = wl_container_of(listener, xwayland, ready);
	struct es_display *display = xwayland->display;
	wlr_xwayland_set_seat(xwayland->wlr_xwayland, display->seat->wlr_seat);
	int hotspot_x, hotspot_y;
	struct wlr_buffer *image = cursor_default_image(display->cursor, &hotspot_x, &hotspot_y);
	if (image != NULL) {
		wlr_xwayland_set_cursor(xwayland->wlr_xwayland, image, hotspot_x, hotspot_y);
	}
	xwayland_update_screen(xwayland);
}

struct es_xwayland *xwayland_create(struct es_display *display) {
	struct es_xwayland *xwayland = calloc(1, sizeof(*xwayland));
	if (xwayland == NULL) {
		es_log(ES_LOG_WARN, "going on without X11: out of memory");
		return NULL;
	}
	xwayland->display = display;
	xwayland->server = x11_server_create(display->wl_display, display->spawner);
	if (xwayland->server != NULL) {
		xwayland->wlr_xwayland = wlr_xwayland_create_with_server(
				display->wl_display, display->compositor, x11_server_wlr(xwayland->server));
	}
	if (xwayland->wlr_xwayland != NULL) {
		xwayland->wlr_xwayland->shell_v1 = wlr_xwayland_shell_v1_create(display->wl_display, 1);
	}
	if (xwayland->wlr_xwayland == NULL) {
		x11_server_destroy(xwayland->server);
		es_log(ES_LOG_WARN,
				"going on without X11 apps: Xwayland is not installed, or no socket "
				"could be made in /tmp/.X11-unix");
		free(xwayland);
		return NULL;
	}
	xwayland->ready.notify = handle_ready;
	wl_signal_add(&xwayland->wlr_xwayland->events.ready, &xwayland->ready);
	xwayland->new_surface.notify = handle_new_surface;
	wl_signal_add(&xwayland->wlr_xwayland->events.new_surface, &xwayland->new_surface);
	return xwayland;
}

void xwayland_destroy(struct es_xwayland *xwayland) {
	if (xwayland == NULL) {
		return;
	}
	wl_list_remove(&xwayland->ready.link);
	wl_list_remove(&xwayland->new_surface.link);
	wlr_xwayland_destroy(xwayland->wlr_xwayland);
	x11_server_destroy(xwayland->server);
	free(xwayland);
}

const char *xwayland_display_name(const struct es_xwayland *xwayland) {
	return xwayland != NULL ? xwayland->wlr_xwayland->display_name : NULL;
}

bool xwayland_is_client(const struct es_xwayland *xwayland, const struct wl_client *client) {
	return xwayland != NULL && xwayland->wlr_xwayland->server != NULL &&
			xwayland->wlr_xwayland->server->client == client;
}

void xwayland_update_screen(struct es_xwayland *xwayland) {
	if (xwayland == NULL || xwayland->wlr_xwayland->xwm == NULL) {
		return;
	}
	struct wlr_box screen = {0};
	display_logical_size(xwayland->display, &screen.width, &screen.height);
	wlr_xwayland_set_workareas(xwayland->wlr_xwayland, &screen, 1);
}
