#include "compositor/flood_guard.h"

#include <stdlib.h>
#include <string.h>
#include <wayland-server-core.h>
#include <wayland-server-protocol.h>
#include <wlr/types/wlr_compositor.h>

#include "base/log.h"
#include "compositor/display.h"

// A region this complex takes about 10 us for one more rectangle.
#define MAX_REGION_RECTS 4096
#define MAX_DAMAGE_RECTS 1024
#define MAX_OFFERS 1024
#define MAX_OFFER_BYTES (64 * 1024)

struct guard {
	struct wl_protocol_logger *logger;
	struct wl_listener display_destroy;
};

// What one clipboard source has offered.
struct source {
	size_t offers, bytes;
	struct wl_listener destroy;
};

static void disconnect(struct wl_resource *resource, const char *what, unsigned limit) {
	struct wl_client *client = wl_resource_get_client(resource);
	pid_t pid = 0;
	wl_client_get_credentials(client, &pid, NULL, NULL);
	es_log(ES_LOG_WARN, "disconnecting the client with process id %d: too many %s, the limit is %u",
			(int)pid, what, limit);
	wl_client_post_implementation_error(client, "too many %s (limit %u)", what, limit);
}

static void check_region(struct wl_resource *resource) {
	if (pixman_region32_n_rects(wlr_region_from_resource(resource)) >= MAX_REGION_RECTS) {
		disconnect(resource, "rectangles in a region", MAX_REGION_RECTS);
	}
}

// More damage than there is is never wrong.
static void simplify(pixman_region32_t *damage) {
	if (pixman_region32_n_rects(damage) > MAX_DAMAGE_RECTS) {
		pixman_box32_t extents = *pixman_region32_extents(damage);
		pixman_region32_fini(damage);
		pixman_region32_init_with_extents(damage, &extents);
	}
}

static void check_damage(struct wl_resource *resource) {
	struct wlr_surface *surface = wlr_surface_from_resource(resource);
	simplify(&surface->pending.surface_damage);
	simplify(&surface->pending.buffer_damage);
}

static void handle_source_destroy(struct wl_listener *listener, void *data) {
	struct source *source = wl_container_of(listener, source, destroy);
	free(source);
}

static struct source *source_of(struct wl_resource *resource) {
	struct source *source;
	struct wl_listener *listener =
			wl_resource_get_destroy_listener(resource, handle_source_destroy);
	if (listener != NULL) {
		return wl_container_of(listener, source, destroy);
	}
	source = calloc(1, sizeof(*source));
	if (source != NULL) {
		source->destroy.notify = handle_source_destroy;
		wl_resource_add_destroy_listener(resource, &source->destroy);
	}
	return source;
}

static void check_offer(struct wl_resource *resource, const char *type) {
	struct source *source = source_of(resource);
	if (source == NULL) {
		wl_resource_post_no_memory(resource);
		return;
	}
	source->offers++;
	source->bytes += type != NULL ? strlen(type) : 0;
	if (source->offers >= MAX_OFFERS || source->bytes >= MAX_OFFER_BYTES) {
		disconnect(resource, "types offered by a clipboard", MAX_OFFERS);
	}
}

static void on_message(void *data, enum wl_protocol_logger_type type,
		const struct wl_protocol_logger_message *message) {
	if (type != WL_PROTOCOL_LOGGER_REQUEST) {
		return;
	}
	const struct wl_interface *interface = wl_resource_get_interface(message->resource);
	const char *request = message->message->name;
	if (interface == &wl_surface_interface) {
		if (strncmp(request, "damage", strlen("damage")) == 0) {
			check_damage(message->resource);
		}
	} else if (interface == &wl_region_interface) {
		if (strcmp(request, "destroy") != 0) {
			check_region(message->resource);
		}
	} else if (strcmp(request, "offer") == 0) {
		check_offer(message->resource, message->arguments[0].s);
	}
}

static void handle_display_destroy(struct wl_listener *listener, void *data) {
	struct guard *guard = wl_container_of(listener, guard, display_destroy);
	wl_protocol_logger_destroy(guard->logger);
	wl_list_remove(&guard->display_destroy.link);
	free(guard);
}

bool flood_guard_create(struct es_display *display) {
	struct guard *guard = calloc(1, sizeof(*guard));
	if (guard == NULL) {
		return false;
	}
	guard->logger = wl_display_add_protocol_logger(display->wl_display, on_message, guard);
	if (guard->logger == NULL) {
		free(guard);
		return false;
	}
	guard->display_destroy.notify = handle_display_destroy;
	wl_display_add_destroy_listener(display->wl_display, &guard->display_destroy);
	return true;
}
