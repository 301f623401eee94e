#define _GNU_SOURCE
#include "tests/clients/paint.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux-dmabuf-v1-client-protocol.h"
#include "linux-drm-syncobj-v1-client-protocol.h"
#include "presentation-time-client-protocol.h"
#include "xdg-shell-client-protocol.h"

static void handle_ping(void *data, struct xdg_wm_base *wm_base, uint32_t serial) {
	xdg_wm_base_pong(wm_base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = {.ping = handle_ping};

static void handle_clock_id(void *data, struct wp_presentation *presentation, uint32_t clock) {
}

static const struct wp_presentation_listener presentation_listener = {.clock_id = handle_clock_id};

static void handle_global(void *data, struct wl_registry *registry, uint32_t name,
		const char *interface, uint32_t version) {
	struct es_paint *paint = data;
	if (strcmp(interface, wl_compositor_interface.name) == 0) {
		paint->compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 4);
	} else if (strcmp(interface, wl_subcompositor_interface.name) == 0) {
		paint->subcompositor = wl_registry_bind(registry, name, &wl_subcompositor_interface, 1);
	} else if (strcmp(interface, wl_shm_interface.name) == 0) {
		paint->shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
	} else if (strcmp(interface, xdg_wm_base_interface.name) == 0) {
		paint->wm_base = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
		xdg_wm_base_add_listener(paint->wm_base, &wm_base_listener, paint);
	} else if (strcmp(interface, wl_seat_interface.name) == 0 && paint->options.cursor_argb != 0) {
		paint_cursor_bind(paint, registry, name);
	} else if (strcmp(interface, wp_presentation_interface.name) == 0) {
		paint->presentation = wl_registry_bind(registry, name, &wp_presentation_interface, 1);
		wp_presentation_add_listener(paint->presentation, &presentation_listener, paint);
	} else if (strcmp(interface, zwp_linux_dmabuf_v1_interface.name) == 0) {
		paint->linux_dmabuf = wl_registry_bind(
				registry, name, &zwp_linux_dmabuf_v1_interface, version < 4 ? version : 4);
	} else if (strcmp(interface, wp_linux_drm_syncobj_manager_v1_interface.name) == 0) {
		paint->syncobj_manager =
				wl_registry_bind(registry, name, &wp_linux_drm_syncobj_manager_v1_interface, 1);
	}
}

static void handle_global_remove(void *data, struct wl_registry *registry, uint32_t name) {
}

static const struct wl_registry_listener registry_listener = {
		.global = handle_global,
		.global_remove = handle_global_remove,
};

static void handle_toplevel_configure(void *data, struct xdg_toplevel *toplevel, int32_t width,
		int32_t height, struct wl_array *states) {
	struct es_paint *paint = data;
	paint->configured_width = width;
	paint->configured_height = height;
}

static void handle_toplevel_close(void *data, struct xdg_toplevel *toplevel) {
	struct es_paint *paint = data;
	paint->done = true;
}

static const struct xdg_toplevel_listener toplevel_listener = {
		.configure = handle_toplevel_configure,
		.close = handle_toplevel_close,
};

static void handle_surface_configure(void *data, struct xdg_surface *xdg_surface, uint32_t serial) {
	struct es_paint *paint = data;
	paint->configured = true;
	if (paint->options.bad == NULL || strcmp(paint->options.bad, "no-ack-configure") != 0) {
		xdg_surface_ack_configure(xdg_surface, serial);
	}
	if (paint->options.bad != NULL) {
		return;
	}
	int32_t width = paint->options.width, height = paint->options.height;
	if (width == 0 || height == 0) {
		width = paint->configured_width > 0 ? paint->configured_width : 640;
		height = paint->configured_height > 0 ? paint->configured_height : 480;
	}
	if (width != paint->width || height != paint->height) {
		if (!paint_window_resize(paint, width, height)) {
			paint->done = true;
		}
		paint->redraw_wanted = true;
	}
}

static const struct xdg_surface_listener xdg_surface_listener = {
		.configure = handle_surface_configure,
};

bool paint_window_create(struct es_paint *paint) {
	paint->display = wl_display_connect(NULL);
	if (paint->display == NULL) {
		fprintf(stderr, "paint: no Wayland display\n");
		return false;
	}
	paint->registry = wl_display_get_registry(paint->display);
	wl_registry_add_listener(paint->registry, &registry_listener, paint);
	wl_display_roundtrip(paint->display);
	if (paint->compositor == NULL || paint->shm == NULL || paint->wm_base == NULL) {
		fprintf(stderr, "paint: the compositor lacks wl_compositor, wl_shm or xdg_wm_base\n");
		return false;
	}
	paint->surface = wl_compositor_create_surface(paint->compositor);
	paint->xdg_surface = xdg_wm_base_get_xdg_surface(paint->wm_base, paint->surface);
	if ((paint->options.dmabuf.kind != NULL && !paint_dmabuf_create(paint)) ||
			!paint_sync_create(paint)) {
		return false;
	}
	xdg_surface_add_listener(paint->xdg_surface, &xdg_surface_listener, paint);
	paint->toplevel = xdg_surface_get_toplevel(paint->xdg_surface);
	xdg_toplevel_add_listener(paint->toplevel, &toplevel_listener, paint);
	xdg_toplevel_set_title(paint->toplevel, paint->options.title);
	xdg_toplevel_set_app_id(paint->toplevel, "earthshine-paint");
	if (paint->options.fullscreen) {
		xdg_toplevel_set_fullscreen(paint->toplevel, NULL);
	}
	wl_surface_commit(paint->surface);
	return true;
}

static void handle_release(void *data, struct wl_buffer *wl_buffer) {
	struct es_paint_buffer *buffer = data;
	buffer->busy = false;
	paint_log_event(buffer->paint, "released", buffer->number);
	if (buffer->paint->options.dmabuf.fresh) {
		paint_window_drop_buffer(buffer->paint, buffer);
	}
}

static const struct wl_buffer_listener buffer_listener = {.release = handle_release};

void paint_window_drop_buffer(struct es_paint *paint, struct es_paint_buffer *buffer) {
	if (buffer->wl_buffer != NULL) {
		wl_buffer_destroy(buffer->wl_buffer);
		paint_sync_finish_buffer(paint, buffer);
	}
	if (buffer->dmabuf != NULL) {
		paint_dmabuf_finish_buffer(buffer);
	} else if (buffer->wl_buffer != NULL) {
		munmap(buffer->px, buffer->size);
		close(buffer->fd);
	}
	*buffer = (struct es_paint_buffer){.paint = buffer->paint, .fd = -1};
}

struct wl_shm_pool *paint_window_create_pool(
		struct es_paint *paint, size_t file_size, int32_t size, int *fd, uint32_t **px) {
	*fd = memfd_create("paint", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, (off_t)file_size) < 0) {
		fprintf(stderr, "paint: no memory for a buffer\n");
		return NULL;
	}
	void *map = mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	*px = map == MAP_FAILED ? NULL : map;
	return wl_shm_create_pool(paint->shm, *fd, size);
}

static bool init_shm_buffer(struct es_paint_buffer *buffer, struct es_paint *paint) {
	int32_t stride = paint->width * 4;
	buffer->size = (size_t)stride * (size_t)paint->height;
	struct wl_shm_pool *pool = paint_window_create_pool(
			paint, buffer->size, (int32_t)buffer->size, &buffer->fd, &buffer->px);
	if (pool == NULL || buffer->px == NULL) {
		return false;
	}
	buffer->wl_buffer = wl_shm_pool_create_buffer(pool, 0, paint->width, paint->height, stride,
			paint->options.argb ? WL_SHM_FORMAT_ARGB8888 : WL_SHM_FORMAT_XRGB8888);
	wl_shm_pool_destroy(pool);
	return true;
}

static bool init_buffer(struct es_paint_buffer *buffer, struct es_paint *paint) {
	bool made = paint->options.dmabuf.kind != NULL ? paint_dmabuf_init_buffer(paint, buffer)
												   : init_shm_buffer(buffer, paint);
	if (!made || !paint_sync_init_buffer(paint, buffer)) {
		paint->options.exit_code = 5;
		paint->done = true;
		return false;
	}
	wl_buffer_add_listener(buffer->wl_buffer, &buffer_listener, buffer);
	return true;
}

static bool is_free(struct es_paint *paint, struct es_paint_buffer *buffer) {
	if (buffer->busy && paint_sync_released(paint, buffer)) {
		handle_release(buffer, buffer->wl_buffer);
	}
	// Writing would wait for its own fence, where a compositor reads before a picture is ready.
	return !buffer->busy && buffer->sync.ready_ns == 0;
}

// In turn, so that each of them is used.
static struct es_paint_buffer *next_buffer(struct es_paint *paint) {
	struct es_paint_buffer *buffer = &paint->buffers[paint->next_buffer];
	if (!is_free(paint, buffer) || (buffer->wl_buffer == NULL && !init_buffer(buffer, paint))) {
		return NULL;
	}
	paint->next_buffer = (paint->next_buffer + 1) % paint->options.buffers;
	return buffer;
}

struct es_paint_buffer *paint_window_free_buffer(struct es_paint *paint) {
	if (paint->options.buffers > 0) {
		return next_buffer(paint);
	}
	for (size_t i = 0; i < PAINT_MAX_BUFFERS; i++) {
		struct es_paint_buffer *buffer = &paint->buffers[i];
		bool free = is_free(paint, buffer); // which may have dropped it
		if (buffer->wl_buffer == NULL) {
			return init_buffer(buffer, paint) ? buffer : NULL;
		}
		if (free) {
			return buffer;
		}
	}
	return NULL;
}

bool paint_window_resize(struct es_paint *paint, int32_t width, int32_t height) {
	const struct es_paint_options *options = &paint->options;
	for (size_t i = 0; i < PAINT_MAX_BUFFERS; i++) {
		paint_window_drop_buffer(paint, &paint->buffers[i]);
	}
	paint_picture_finish(&paint->picture);
	paint->width = width;
	paint->height = height;
	return paint_picture_init(&paint->picture, options->content, options->damage, width, height,
			options->area_width, options->area_height);
}

void paint_window_destroy(struct es_paint *paint) {
	for (size_t i = 0; i < PAINT_MAX_BUFFERS; i++) {
		paint_window_drop_buffer(paint, &paint->buffers[i]);
	}
	paint_picture_finish(&paint->picture);
	if (paint->frame != NULL) {
		wl_callback_destroy(paint->frame);
	}
	paint_sync_destroy(paint);
	paint_dmabuf_destroy(paint);
	paint_cursor_destroy(paint);
	if (paint->toplevel != NULL) {
		xdg_toplevel_destroy(paint->toplevel);
		xdg_surface_destroy(paint->xdg_surface);
		wl_surface_destroy(paint->surface);
	}
	if (paint->presentation != NULL) {
		wp_presentation_destroy(paint->presentation);
	}
	if (paint->wm_base != NULL) {
		xdg_wm_base_destroy(paint->wm_base);
	}
	if (paint->shm != NULL) {
		wl_shm_destroy(paint->shm);
	}
	if (paint->subcompositor != NULL) {
		wl_subcompositor_destroy(paint->subcompositor);
	}
	if (paint->compositor != NULL) {
		wl_compositor_destroy(paint->compositor);
	}
	if (paint->registry != NULL) {
		wl_registry_destroy(paint->registry);
	}
	if (paint->display != NULL) {
		wl_display_disconnect(paint->display);
	}
}
