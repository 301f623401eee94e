// What the paint client shows: a background that costs an encoder about what a real app's
// does, and an area that changes with each commit and carries the frame's number.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum es_paint_content {
	ES_PAINT_PLAIN, // one grey
	ES_PAINT_GRADIENT,
	ES_PAINT_TEXT, // gradient with lines of glyph-like shapes
	ES_PAINT_NOISE, // the worst case
	ES_PAINT_CELLS, // 8x4 areas of one colour each
};

enum es_paint_damage {
	ES_PAINT_FULL, // everything scrolls
	ES_PAINT_JUMP, // everything is elsewhere, so that no motion is found
	ES_PAINT_RECT, // an area at a fixed place
	ES_PAINT_MOVING, // an area that wanders
	ES_PAINT_NONE, // commits without damage, the picture stays
	ES_PAINT_UNCHANGED, // commits with full damage, the picture stays
};

struct es_paint_rect {
	int32_t x, y, width, height;
};

struct es_paint_picture {
	enum es_paint_content content;
	enum es_paint_damage damage;
	int32_t width, height; // of the surface
	int32_t area_width, area_height; // of RECT and MOVING
	uint32_t cell; // of the bar code
	// owned
	uint32_t *background; // twice the width, so that scrolling is one copy per row
};

// False without memory. Area and cell are cut to what fits.
bool paint_picture_init(struct es_paint_picture *picture, enum es_paint_content content,
		enum es_paint_damage damage, int32_t width, int32_t height, int32_t area_width,
		int32_t area_height);
void paint_picture_finish(struct es_paint_picture *picture);

// The area that frame `number` changes.
struct es_paint_rect paint_picture_area(const struct es_paint_picture *picture, uint32_t number);

// Brings `px` (width * height pixels) to frame `number`; `had` is the number that is in it
// now, 0 for none.
void paint_picture_draw(
		const struct es_paint_picture *picture, uint32_t *px, uint32_t had, uint32_t number);

// Writes the pixels as a PPM file.
bool paint_picture_dump(const uint32_t *px, int32_t width, int32_t height, const char *path);
