#include "compositor/xwayland.h"

#include <stdlib.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/util/log.h>
#include <wlr/xwayland.h>

#include "base/log.h"
#include "compositor/cursor.h"
#include "compositor/display.h"
#include "compositor/seat.h"
#include "compositor/x11_unmanaged.h"
#include "compositor/x11_window.h"

struct es_xwayland {
	struct es_display *display; // borrowed
	struct wlr_xwayland *wlr_xwayland; // owned

	struct wl_event_source *log_source; // idle, after a start: log_level again
	enum wlr_log_importance log_level;

	struct wl_listener start;
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

static void restore_log(void *data) {
	struct es_xwayland *xwayland = data;
	xwayland->log_source = NULL;
	wlr_log_init(xwayland->log_level, NULL);
}

// Xwayland and its keymap compiler write a page of warnings at each start. wlroots gives it our
// standard error only if its own log is on in the moment of the fork, which comes next.
static void handle_start(struct wl_listener *listener, void *data) {
	struct es_xwayland *xwayland = wl_container_of(listener, xwayland, start);
	if (log_enabled(ES_LOG_DEBUG) || xwayland->log_source != NULL) {
		return;
	}
	xwayland->log_level = wlr_log_get_verbosity();
	xwayland->log_source = wl_event_loop_add_idle(xwayland->display->loop, restore_log, xwayland);
	if (xwayland->log_source != NULL) {
		wlr_log_init(WLR_SILENT, NULL);
	}
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
	xwayland->wlr_xwayland = wlr_xwayland_create(display->wl_display, display->compositor, true);
	if (xwayland->wlr_xwayland == NULL) {
		es_log(ES_LOG_WARN,
				"going on without X11 apps: Xwayland is not installed, or no socket "
				"could be made in /tmp/.X11-unix");
		free(xwayland);
		return NULL;
	}
	xwayland->start.notify = handle_start;
	wl_signal_add(&xwayland->wlr_xwayland->server->events.start, &xwayland->start);
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
	if (xwayland->log_source != NULL) {
		wl_event_source_remove(xwayland->log_source);
		restore_log(xwayland);
	}
	wl_list_remove(&xwayland->start.link);
	wl_list_remove(&xwayland->ready.link);
	wl_list_remove(&xwayland->new_surface.link);
	wlr_xwayland_destroy(xwayland->wlr_xwayland);
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
