// The cursor as a plane of the virtual output: its picture lies in sealed memory that encoders
// read, its position is a number. Nothing is drawn into the frame here.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/frame_msg.h"

struct wlr_buffer;

struct es_cursor_plane {
	int memfd; // owned; -1: hidden
	struct es_frame_cursor_image image; // 0x0: hidden
	int32_t x, y; // of the hotspot
	uint64_t generation; // counts pictures; 0: none was ever set
	void *pixels; // owned mapping of memfd, read-only use
};

void cursor_plane_init(struct es_cursor_plane *plane);
void cursor_plane_finish(struct es_cursor_plane *plane);

// NULL hides. The picture is copied into new memory if it differs from the one before, as an
// encoder may still read that. False: it cannot be read or is larger than ES_CURSOR_MAX_SIZE.
bool cursor_plane_set_image(struct es_cursor_plane *plane, struct wlr_buffer *buffer,
		int32_t hotspot_x, int32_t hotspot_y);
void cursor_plane_move(struct es_cursor_plane *plane, int32_t x, int32_t y);
