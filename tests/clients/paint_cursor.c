#include "tests/clients/paint_cursor.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tests/clients/paint.h"

#define SIZE 32
#define BYTES (SIZE * SIZE * 4)

static bool make_surface(struct es_paint *paint) {
	struct es_paint_cursor *cursor = &paint->cursor;
	int fd;
	uint32_t *px;
	struct wl_shm_pool *pool = paint_window_create_pool(paint, BYTES, BYTES, &fd, &px);
	if (pool == NULL || px == NULL) {
		return false;
	}
	for (size_t i = 0; i < SIZE * SIZE; i++) {
		px[i] = paint->options.cursor_argb;
	}
	cursor->buffer =
			wl_shm_pool_create_buffer(pool, 0, SIZE, SIZE, SIZE * 4, WL_SHM_FORMAT_ARGB8888);
	wl_shm_pool_destroy(pool);
	munmap(px, BYTES);
	close(fd);
	cursor->surface = wl_compositor_create_surface(paint->compositor);
	wl_surface_attach(cursor->surface, cursor->buffer, 0, 0);
	wl_surface_damage(cursor->surface, 0, 0, SIZE, SIZE);
	wl_surface_commit(cursor->surface);
	return true;
}

static void handle_enter(void *data, struct wl_pointer *pointer, uint32_t serial,
		struct wl_surface *surface, wl_fixed_t x, wl_fixed_t y) {
	struct es_paint *paint = data;
	if (paint->cursor.surface != NULL || make_surface(paint)) {
		wl_pointer_set_cursor(pointer, serial, paint->cursor.surface, 0, 0);
	}
}

static void handle_leave(
		void *data, struct wl_pointer *pointer, uint32_t serial, struct wl_surface *surface) {
}

static void handle_motion(
		void *data, struct wl_pointer *pointer, uint32_t time, wl_fixed_t x, wl_fixed_t y) {
	struct es_paint *paint = data;
	if (paint->log != NULL) {
		fprintf(paint->log, "{\"pointer\":[%g,%g],\"at_ns\":%lld}\n", wl_fixed_to_double(x),
				wl_fixed_to_double(y), (long long)paint_now_ns());
	}
}

static void handle_button(void *data, struct wl_pointer *pointer, uint32_t serial, uint32_t time,
		uint32_t button, uint32_t state) {
}

static void handle_axis(
		void *data, struct wl_pointer *pointer, uint32_t time, uint32_t axis, wl_fixed_t value) {
}

static const struct wl_pointer_listener pointer_listener = {
		.enter = handle_enter,
		.leave = handle_leave,
		.motion = handle_motion,
		.button = handle_button,
		.axis = handle_axis,
};

static void handle_capabilities(void *data, struct wl_seat *seat, uint32_t capabilities) {
	struct es_paint *paint = data;
	if ((capabilities & WL_SEAT_CAPABILITY_POINTER) != 0 && paint->cursor.pointer == NULL) {
		paint->cursor.pointer = wl_seat_get_pointer(seat);
		wl_pointer_add_listener(paint->cursor.pointer, &pointer_listener, paint);
	}
}

static const struct wl_seat_listener seat_listener = {.capabilities = handle_capabilities};

void paint_cursor_bind(struct es_paint *paint, struct wl_registry *registry, uint32_t name) {
	paint->cursor.seat = wl_registry_bind(registry, name, &wl_seat_interface, 1);
	wl_seat_add_listener(paint->cursor.seat, &seat_listener, paint);
}

void paint_cursor_destroy(struct es_paint *paint) {
	struct es_paint_cursor *cursor = &paint->cursor;
	if (cursor->surface != NULL) {
		wl_surface_destroy(cursor->surface);
		wl_buffer_destroy(cursor->buffer);
	}
	if (cursor->pointer != NULL) {
		wl_pointer_destroy(cursor->pointer);
	}
	if (cursor->seat != NULL) {
		wl_seat_destroy(cursor->seat);
	}
}
