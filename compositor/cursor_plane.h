// The cursor as a plane of the virtual output: its picture lies in sealed memory that encoders
// read, its position is a number. Nothing is drawn into the frame here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "protocol/frame_msg.h"

struct wlr_buffer;

// A picture that the GPU has not finished: read as soon as it has.
struct es_cursor_pending {
	struct wlr_buffer *buffer; // locked; NULL: none
	struct wl_event_source *source;
	struct es_frame_cursor_image image;
};

struct es_cursor_plane {
	// immutable
	struct wl_event_loop *loop; // borrowed
	void (*changed)(void *data); // the pending picture is there
	void *data;

	struct es_cursor_pending pending;
	int memfd; // owned; -1: hidden
	struct es_frame_cursor_image image; // 0x0: hidden
	int32_t x, y; // of the hotspot
	uint64_t generation; // counts pictures; 0: none was ever set
	void *pixels; // owned mapping of memfd, read-only use
};

// `changed` is called from the loop only.
void cursor_plane_init(struct es_cursor_plane *plane, struct wl_event_loop *loop,
		void (*changed)(void *data), void *data);
void cursor_plane_finish(struct es_cursor_plane *plane);

// NULL hides. The picture is copied into new memory if it differs from the one before, as an
// encoder may still read that. False: it is too large, or neither memory nor a DMA-BUF that can be
// mapped.
bool cursor_plane_set_image(struct es_cursor_plane *plane, struct wlr_buffer *buffer,
		int32_t hotspot_x, int32_t hotspot_y);
// The same with pixels, premultiplied ARGB8888, and the size that image tells.
bool cursor_plane_set_pixels(struct es_cursor_plane *plane, const void *pixels, size_t stride,
		const struct es_frame_cursor_image *image);
// False: no picture of this size can be kept.
bool cursor_plane_describe(const struct wlr_buffer *buffer, int32_t hotspot_x, int32_t hotspot_y,
		struct es_frame_cursor_image *image);
void cursor_plane_move(struct es_cursor_plane *plane, int32_t x, int32_t y);
