// The cursor over a converted picture: blended with a save-under, so that the clean picture
// can be put back after it has been encoded.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/damage.h"
#include "encode/picture.h"

struct es_cursor_blend;

struct es_cursor_blend *cursor_blend_create(void);
void cursor_blend_destroy(struct es_cursor_blend *cursor); // NULL is fine

// Premultiplied ARGB8888 (native word order), width * height pixels without padding, copied; NULL hides
// the cursor. False, and hidden, without memory or over ES_CURSOR_MAX_SIZE.
bool cursor_blend_set_image(struct es_cursor_blend *cursor, const uint32_t *argb, uint32_t width,
		uint32_t height, int32_t hotspot_x, int32_t hotspot_y);
// Where the hotspot is, pixels of the screen; may lie outside.
void cursor_blend_move(struct es_cursor_blend *cursor, int32_t x, int32_t y);

// Adds what looks different from the last blended picture: the old and the new box if the
// cursor moved, changed, came or went; else nothing.
void cursor_blend_damage(const struct es_cursor_blend *cursor, struct es_damage *damage);

// Draws the cursor; what was there is kept until cursor_blend_restore. No allocation.
void cursor_blend_apply(struct es_cursor_blend *cursor, struct es_picture *picture);
// Puts back what the last apply covered. Nothing else may have been drawn there in between.
void cursor_blend_restore(struct es_cursor_blend *cursor, struct es_picture *picture);

// For devices that blend it themselves: what there is to be blended over the picture.
struct es_cursor_view {
	const uint32_t *argb; // premultiplied, rows without padding, borrowed; NULL: hidden
	uint32_t width, height;
	int32_t x, y; // of its top left corner on the screen; may lie outside
	uint64_t serial; // another one for another image
};
struct es_cursor_view cursor_blend_view(const struct es_cursor_blend *cursor);
// It was blended by the device: damage counts from here.
void cursor_blend_shown(struct es_cursor_blend *cursor);
