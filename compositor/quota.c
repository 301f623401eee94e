// Counts what each client creates, by kind. Only creations are counted, so that nothing has to be
// kept per object: when a counter reaches its limit, the client's living objects are counted
// exactly. Since that walk is taken only after at least an eighth of the limit was created anew
// (a client that really holds more than seven eighths is over the limit), it costs a few steps per
// object, whatever the client does.
#include "compositor/quota.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-server-core.h>

#include "base/log.h"
#include "compositor/display.h"
#include "compositor/xwayland.h"

// Far above what apps and toolkits use: tens of surfaces, hundreds of buffers. Buffers and pools
// hold file descriptors and address space, surfaces cost the most memory and composing time.
static const struct {
	const char *interface; // NULL: all objects
	uint32_t limit;
} limits[] = {
		{NULL, 65536},
		{"wl_surface", 4096},
		{"wl_buffer", 2048},
		{"wl_shm_pool", 512},
		{"zwp_linux_buffer_params_v1", 64},
		{"wl_region", 4096},
		{"wl_data_source", 256},
		{"ext_data_control_source_v1", 256},
		{"wp_presentation_feedback", 16384},
		{"wl_callback", 16384},
};
#define N_LIMITS (sizeof(limits) / sizeof(limits[0]))

struct es_quota {
	struct es_display *display; // borrowed
	struct wl_listener client_created;
	struct wl_listener display_destroy;
};

struct client {
	struct es_quota *quota; // borrowed
	struct wl_client *wl_client; // borrowed
	bool over; // told so already
	uint32_t counts[N_LIMITS];
	struct wl_listener resource_created;
	struct wl_listener destroy;
};

struct walk {
	const char *interface;
	uint32_t n;
};

static enum wl_iterator_result count_resource(struct wl_resource *resource, void *data) {
	struct walk *walk = data;
	if (walk->interface == NULL || strcmp(wl_resource_get_class(resource), walk->interface) == 0) {
		walk->n++;
	}
	return WL_ITERATOR_CONTINUE;
}

// Xwayland is one client for all X11 apps.
static uint32_t limit_of(const struct client *client, size_t i) {
	bool is_xwayland = xwayland_is_client(client->quota->display->xwayland, client->wl_client);
	return is_xwayland ? limits[i].limit * 8 : limits[i].limit;
}

static void check(struct client *client, size_t i) {
	if (++client->counts[i] < limits[i].limit) {
		return;
	}
	uint32_t limit = limit_of(client, i);
	if (client->counts[i] < limit) {
		return;
	}
	struct walk walk = {.interface = limits[i].interface};
	wl_client_for_each_resource(client->wl_client, count_resource, &walk);
	client->counts[i] = walk.n;
	if (walk.n < limit - limit / 8) {
		return;
	}
	client->over = true;
	const char *what = limits[i].interface != NULL ? limits[i].interface : "Wayland";
	pid_t pid = 0;
	wl_client_get_credentials(client->wl_client, &pid, NULL, NULL);
	es_log(ES_LOG_WARN,
			"disconnecting the client with process id %d: it holds %u %s objects, "
			"the limit is %u",
			(int)pid, walk.n, what, limit);
	wl_client_post_implementation_error(
			client->wl_client, "too many %s objects (limit %u)", what, limit);
}

static void handle_resource_created(struct wl_listener *listener, void *data) {
	struct client *client = wl_container_of(listener, client, resource_created);
	const char *class = wl_resource_get_class(data);
	for (size_t i = 0; i < N_LIMITS && !client->over; i++) {
		if (limits[i].interface == NULL || strcmp(class, limits[i].interface) == 0) {
			check(client, i);
		}
	}
}

static void handle_client_destroy(struct wl_listener *listener, void *data) {
	struct client *client = wl_container_of(listener, client, destroy);
	wl_list_remove(&client->resource_created.link);
	wl_list_remove(&client->destroy.link);
	free(client);
}

static void handle_client_created(struct wl_listener *listener, void *data) {
	struct es_quota *quota = wl_container_of(listener, quota, client_created);
	struct wl_client *wl_client = data;
	struct client *client = calloc(1, sizeof(*client));
	if (client == NULL) {
		wl_client_post_no_memory(wl_client);
		return;
	}
	client->quota = quota;
	client->wl_client = wl_client;
	client->resource_created.notify = handle_resource_created;
	wl_client_add_resource_created_listener(wl_client, &client->resource_created);
	client->destroy.notify = handle_client_destroy;
	wl_client_add_destroy_listener(wl_client, &client->destroy);
}

static void handle_display_destroy(struct wl_listener *listener, void *data) {
	struct es_quota *quota = wl_container_of(listener, quota, display_destroy);
	wl_list_remove(&quota->client_created.link);
	wl_list_remove(&quota->display_destroy.link);
	free(quota);
}

bool quota_create(struct es_display *display) {
	struct es_quota *quota = calloc(1, sizeof(*quota));
	if (quota == NULL) {
		return false;
	}
	quota->display = display;
	quota->client_created.notify = handle_client_created;
	wl_display_add_client_created_listener(display->wl_display, &quota->client_created);
	quota->display_destroy.notify = handle_display_destroy;
	wl_display_add_destroy_listener(display->wl_display, &quota->display_destroy);
	return true;
}
