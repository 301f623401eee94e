// Ways in which a client can be wrong about its DMA-BUFs, or lie.
#include <drm_fourcc.h>
#include <string.h>
#include <unistd.h>

#include "linux-dmabuf-v1-client-protocol.h"
#include "tests/clients/paint.h"
#include "tests/clients/paint_bad.h"

#define WIDTH 64
#define HEIGHT 64
#define STRIDE (WIDTH * 4)
#define SIZE ((size_t)STRIDE * HEIGHT)
#define FOREIGN_MODIFIER I915_FORMAT_MOD_X_TILED

// What is announced; each way is wrong in one of them.
struct announcement {
	size_t size;
	uint32_t planes, width, height, format, offset, stride;
	uint64_t modifier;
	bool no_dmabuf; // a file in its place
};

static const struct announcement right = {
		.size = SIZE,
		.planes = 1,
		.width = WIDTH,
		.height = HEIGHT,
		.format = DRM_FORMAT_XRGB8888,
		.stride = STRIDE,
};

static void handle_created(
		void *data, struct zwp_linux_buffer_params_v1 *params, struct wl_buffer *buffer) {
	fprintf(stderr, "paint: the buffer was accepted\n");
	*(struct wl_buffer **)data = buffer;
}

static void handle_failed(void *data, struct zwp_linux_buffer_params_v1 *params) {
	fprintf(stderr, "paint: the buffer was refused\n");
}

static const struct zwp_linux_buffer_params_v1_listener params_listener = {
		.created = handle_created,
		.failed = handle_failed,
};

// NULL when the compositor has refused it.
static struct wl_buffer *announce(struct es_paint *paint, const struct announcement *what) {
	const char *kind = paint->options.dmabuf.kind;
	struct es_dma_memory memory = {.fd = -1};
	struct wl_buffer *buffer = NULL;
	if (paint->linux_dmabuf == NULL || kind == NULL) {
		fprintf(stderr, "paint: this needs --dmabuf and a compositor that takes them\n");
		return NULL;
	}
	if (!dma_memory_init(&memory, kind, STRIDE, what->size)) {
		return NULL;
	}
	int fd = what->no_dmabuf ? STDERR_FILENO : memory.fd;
	struct zwp_linux_buffer_params_v1 *params =
			zwp_linux_dmabuf_v1_create_params(paint->linux_dmabuf);
	zwp_linux_buffer_params_v1_add_listener(params, &params_listener, &buffer);
	for (uint32_t i = 0; i < what->planes; i++) {
		zwp_linux_buffer_params_v1_add(params, fd, i, what->offset, what->stride,
				(uint32_t)(what->modifier >> 32), (uint32_t)what->modifier);
	}
	zwp_linux_buffer_params_v1_create(
			params, (int32_t)what->width, (int32_t)what->height, what->format, 0);
	wl_display_roundtrip(paint->display);
	zwp_linux_buffer_params_v1_destroy(params);
	dma_memory_finish(&memory);
	return buffer;
}

static void show_buffer(struct es_paint *paint, struct wl_buffer *buffer) {
	if (buffer != NULL) {
		wl_surface_attach(paint->surface, buffer, 0, 0);
		wl_surface_damage_buffer(paint->surface, 0, 0, INT32_MAX, INT32_MAX);
		wl_surface_commit(paint->surface);
		wl_display_roundtrip(paint->display);
	}
}

static void announce_and_show(struct es_paint *paint, struct announcement what) {
	show_buffer(paint, announce(paint, &what));
}

void paint_bad_dmabuf_planes(struct es_paint *paint) {
	struct announcement what = right;
	what.planes = 3;
	announce_and_show(paint, what);
}

void paint_bad_dmabuf_truncated(struct es_paint *paint) {
	struct announcement what = right;
	what.width = what.height = 1024;
	what.stride = 4096;
	announce_and_show(paint, what);
}

void paint_bad_dmabuf_modifier(struct es_paint *paint) {
	struct announcement what = right;
	what.modifier = FOREIGN_MODIFIER;
	announce_and_show(paint, what);
}

void paint_bad_dmabuf_stride(struct es_paint *paint) {
	struct announcement what = right;
	what.stride = UINT32_MAX - 3;
	announce_and_show(paint, what);
}

void paint_bad_dmabuf_offset(struct es_paint *paint) {
	struct announcement what = right;
	what.offset = UINT32_MAX - 4095;
	announce_and_show(paint, what);
}

void paint_bad_dmabuf_format(struct es_paint *paint) {
	struct announcement what = right;
	memcpy(&what.format, "????", sizeof(what.format));
	announce_and_show(paint, what);
}

void paint_bad_dmabuf_file(struct es_paint *paint) {
	struct announcement what = right;
	what.no_dmabuf = true;
	announce_and_show(paint, what);
}

void paint_bad_dmabuf_destroyed(struct es_paint *paint) {
	struct announcement what = right;
	for (int i = 0; i < 50 && wl_display_get_error(paint->display) == 0; i++) {
		struct wl_buffer *buffer = announce(paint, &what);
		if (buffer == NULL) {
			return;
		}
		wl_surface_attach(paint->surface, buffer, 0, 0);
		wl_surface_damage_buffer(paint->surface, 0, 0, INT32_MAX, INT32_MAX);
		wl_surface_commit(paint->surface);
		wl_buffer_destroy(buffer); // it is still shown
		wl_display_roundtrip(paint->display);
	}
}

// All of them are kept.
void paint_bad_dmabuf_thousand(struct es_paint *paint) {
	struct announcement what = right;
	for (int i = 0; i < 1000 && wl_display_get_error(paint->display) == 0; i++) {
		struct wl_buffer *buffer = announce(paint, &what);
		if (buffer == NULL) {
			return;
		}
		show_buffer(paint, buffer);
	}
}
