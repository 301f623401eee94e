// A cursor of the paint client's own: a square of one colour, whose upper left corner points.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct es_paint;
struct wl_registry;

struct es_paint_cursor {
	// owned
	struct wl_seat *seat;
	struct wl_pointer *pointer; // NULL: the seat has none
	struct wl_surface *surface; // NULL before the pointer first came
	struct wl_buffer *buffer;
};

void paint_cursor_bind(struct es_paint *paint, struct wl_registry *registry, uint32_t name);
void paint_cursor_destroy(struct es_paint *paint);
