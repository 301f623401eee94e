// One buffer that a consumer of the screen gets: memory, and what in it is older than the screen.
#pragma once

#include <pixman.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wlr_buffer;
struct wlr_renderer;

struct es_screen_picture {
	int fd; // owned: sealed memory
	uint8_t *pixels; // owned: its mapping
	size_t size, stride;
	int32_t width, height;
	pixman_region32_t stale;
};

struct es_screen_picture *screen_picture_create(int32_t width, int32_t height); // NULL: no memory
void screen_picture_destroy(struct es_screen_picture *picture); // NULL is fine
// Brings what is stale up to date as XRGB8888. False: the buffer cannot be read, or has another size.
bool screen_picture_copy(struct es_screen_picture *picture, struct wlr_buffer *buffer,
		struct wlr_renderer *renderer);
