#include "compositor/requests.h"

#include <stdlib.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_idle_inhibit_v1.h>
#include <wlr/types/wlr_idle_notify_v1.h>
#include <wlr/types/wlr_keyboard_shortcuts_inhibit_v1.h>
#include <wlr/types/wlr_xdg_activation_v1.h>

#include "compositor/display.h"
#include "compositor/globals.h"
#include "compositor/view.h"

#define MAX_TOKENS 256

// One protocol object's listeners.
struct manager {
	struct es_display *display; // borrowed
	struct wl_listener request;
	struct wl_listener destroy;
};

struct idle_inhibitor {
	struct es_display *display; // borrowed
	struct wl_listener destroy;
};

static void handle_manager_destroy(struct wl_listener *listener, void *data) {
	struct manager *manager = wl_container_of(listener, manager, destroy);
	wl_list_remove(&manager->request.link);
	wl_list_remove(&manager->destroy.link);
	free(manager);
}

static bool manage(struct es_display *display, struct wl_signal *request, wl_notify_func_t notify,
		struct wl_signal *destroy) {
	struct manager *manager = calloc(1, sizeof(*manager));
	if (manager == NULL) {
		return false;
	}
	manager->display = display;
	manager->request.notify = notify;
	wl_signal_add(request, &manager->request);
	manager->destroy.notify = handle_manager_destroy;
	wl_signal_add(destroy, &manager->destroy);
	return true;
}

// All windows belong to the one app and what it started: whoever asks is shown.
static void handle_request_activate(struct wl_listener *listener, void *data) {
	struct manager *manager = wl_container_of(listener, manager, request);
	const struct wlr_xdg_activation_v1_request_activate_event *event = data;
	struct es_view *view;
	wl_list_for_each (view, &manager->display->views, link) {
		if (view->surface == event->surface) {
			view_focus(view);
			return;
		}
	}
}

// A token that nobody uses lives for half a minute: a client could make any number of them.
static void handle_new_token(struct wl_listener *listener, void *data) {
	struct wlr_xdg_activation_token_v1 *token = data;
	struct wl_list *tokens = &token->activation->tokens;
	if (wl_list_length(tokens) > MAX_TOKENS) {
		struct wlr_xdg_activation_token_v1 *oldest = wl_container_of(tokens->prev, oldest, link);
		wlr_xdg_activation_token_v1_destroy(oldest);
	}
}

bool requests_create_activation(struct es_display *display) {
	struct wlr_xdg_activation_v1 *activation = wlr_xdg_activation_v1_create(display->wl_display);
	return activation != NULL &&
			manage(display, &activation->events.request_activate, handle_request_activate,
					&activation->events.destroy) &&
			manage(display, &activation->events.new_token, handle_new_token,
					&activation->events.destroy);
}

static void count_inhibitors(struct es_display *display, int change) {
	struct es_globals *globals = display->globals;
	globals->n_idle_inhibitors += change;
	wlr_idle_notifier_v1_set_inhibited(globals->idle_notifier, globals->n_idle_inhibitors > 0);
}

static void handle_inhibitor_destroy(struct wl_listener *listener, void *data) {
	struct idle_inhibitor *inhibitor = wl_container_of(listener, inhibitor, destroy);
	count_inhibitors(inhibitor->display, -1);
	wl_list_remove(&inhibitor->destroy.link);
	free(inhibitor);
}

static void handle_new_inhibitor(struct wl_listener *listener, void *data) {
	struct manager *manager = wl_container_of(listener, manager, request);
	struct wlr_idle_inhibitor_v1 *wlr_inhibitor = data;
	struct idle_inhibitor *inhibitor = calloc(1, sizeof(*inhibitor));
	if (inhibitor == NULL) {
		wl_resource_post_no_memory(wlr_inhibitor->resource);
		return;
	}
	inhibitor->display = manager->display;
	inhibitor->destroy.notify = handle_inhibitor_destroy;
	wl_signal_add(&wlr_inhibitor->events.destroy, &inhibitor->destroy);
	count_inhibitors(manager->display, 1);
}

bool requests_create_idle_inhibit(struct es_display *display) {
	struct wlr_idle_inhibit_manager_v1 *inhibit = wlr_idle_inhibit_v1_create(display->wl_display);
	return inhibit != NULL &&
			manage(display, &inhibit->events.new_inhibitor, handle_new_inhibitor,
					&inhibit->events.destroy);
}

// The display has no shortcuts of its own, so the wish is granted always.
static void handle_new_shortcuts_inhibitor(struct wl_listener *listener, void *data) {
	wlr_keyboard_shortcuts_inhibitor_v1_activate(data);
}

bool requests_create_shortcuts_inhibit(struct es_display *display) {
	struct wlr_keyboard_shortcuts_inhibit_manager_v1 *inhibit =
			wlr_keyboard_shortcuts_inhibit_v1_create(display->wl_display);
	return inhibit != NULL &&
			manage(display, &inhibit->events.new_inhibitor, handle_new_shortcuts_inhibitor,
					&inhibit->events.destroy);
}
