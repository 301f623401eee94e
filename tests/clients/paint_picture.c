#include "tests/clients/paint_picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/clients/mark.h"

#define SCROLL_STEP 6 // pixels per frame
#define AREA_STEP 16
#define OPAQUE UINT32_C(0xff000000)

static uint32_t hash(uint32_t v) {
	v ^= v >> 16;
	v *= UINT32_C(0x7feb352d);
	v ^= v >> 15;
	v *= UINT32_C(0x846ca68b);
	return v ^ v >> 16;
}

static uint32_t grey_noise(uint32_t seed, uint32_t base, uint32_t depth) {
	uint32_t v = base + hash(seed) % depth;
	return OPAQUE | v << 16 | v << 8 | v;
}

static uint32_t gradient(uint32_t x, uint32_t y, uint32_t width, uint32_t height) {
	// Triangles instead of ramps, so that the picture goes on where it is wrapped around.
	uint32_t ramp = x < width / 2 ? x : width - x;
	uint32_t r = 40 + 150 * ramp * 2 / (width + 1);
	uint32_t g = 60 + 120 * y / (height + 1);
	uint32_t b = 190 - 140 * ramp * 2 / (width + 1) + hash(y * width + x) % 4;
	return OPAQUE | r << 16 | g << 8 | b;
}

// Glyph-like shapes: 5x7 random bitmaps, doubled, in lines with gaps between words.
static bool text_pixel(uint32_t x, uint32_t y) {
	uint32_t line = y / 24, row = y % 24 / 2, column = x / 14, dot = x % 14 / 2;
	if (row >= 7 || dot >= 5 || hash(line * 977 + column) % 6 == 0) {
		return false;
	}
	return hash(line * 4099 + column * 31 + row * 7 + dot) & 1;
}

static uint32_t cell_colour(uint32_t x, uint32_t y, uint32_t width, uint32_t height) {
	static const uint32_t known[] = {
			0x000000, 0xffffff, 0xff0000, 0x00ff00, 0x0000ff, 0x00ffff, 0xff00ff, 0xffff00};
	uint32_t cell = y * 4 / height * 8 + x * 8 / width;
	return OPAQUE | (cell < 8 ? known[cell] : hash(cell) & 0xffffff);
}

static uint32_t background_pixel(
		enum es_paint_content content, uint32_t x, uint32_t y, uint32_t width, uint32_t height) {
	switch (content) {
	case ES_PAINT_PLAIN:
		return OPAQUE | 0x606060;
	case ES_PAINT_NOISE:
		return grey_noise(y * width + x, 32, 192);
	case ES_PAINT_CELLS:
		return cell_colour(x, y, width, height);
	case ES_PAINT_GRADIENT:
		return gradient(x, y, width, height);
	case ES_PAINT_TEXT:
		// The left half is a picture, the right half a page.
		if (x < width / 2) {
			return gradient(x, y, width, height);
		}
		return text_pixel(x - width / 2, y) ? OPAQUE | 0x202428 : OPAQUE | 0xd8dcd0;
	}
	return OPAQUE;
}

bool paint_picture_init(struct es_paint_picture *picture, enum es_paint_content content,
		enum es_paint_damage damage, int32_t width, int32_t height, int32_t area_width,
		int32_t area_height) {
	*picture = (struct es_paint_picture){
			.content = content,
			.damage = damage,
			.width = width,
			.height = height,
			.area_width = area_width < width ? area_width : width,
			.area_height = area_height < height ? area_height : height,
	};
	if (damage != ES_PAINT_RECT && damage != ES_PAINT_MOVING) {
		picture->area_width = width;
		picture->area_height = height;
	}
	uint32_t by_width = (uint32_t)picture->area_width / MARK_COLUMNS;
	uint32_t by_height = (uint32_t)picture->area_height / MARK_ROWS;
	uint32_t cell = by_width < by_height ? by_width : by_height;
	picture->cell = cell < MARK_CELL ? cell : MARK_CELL;

	picture->background = malloc((size_t)width * 2 * (size_t)height * sizeof(uint32_t));
	if (picture->background == NULL) {
		return false;
	}
	for (int32_t y = 0; y < height; y++) {
		uint32_t *row = picture->background + (size_t)y * (size_t)width * 2;
		for (int32_t x = 0; x < width; x++) {
			row[x] = background_pixel(
					content, (uint32_t)x, (uint32_t)y, (uint32_t)width, (uint32_t)height);
		}
		memcpy(row + width, row, (size_t)width * sizeof(*row));
	}
	return true;
}

void paint_picture_finish(struct es_paint_picture *picture) {
	free(picture->background);
	picture->background = NULL;
}

// Runs to and fro between 0 and `range`.
static int32_t bounce(uint32_t step, int32_t range) {
	if (range <= 0) {
		return 0;
	}
	uint32_t at = step % (uint32_t)(2 * range);
	return at < (uint32_t)range ? (int32_t)at : 2 * range - (int32_t)at;
}

struct es_paint_rect paint_picture_area(const struct es_paint_picture *picture, uint32_t number) {
	struct es_paint_rect area = {0, 0, picture->area_width, picture->area_height};
	int32_t free_x = (picture->width - area.width) / AREA_STEP;
	int32_t free_y = (picture->height - area.height) / AREA_STEP;
	if (picture->damage == ES_PAINT_RECT) {
		area.x = free_x / 2 * AREA_STEP;
		area.y = free_y / 2 * AREA_STEP;
	} else if (picture->damage == ES_PAINT_MOVING) {
		area.x = bounce(number, free_x) * AREA_STEP;
		area.y = bounce(number / 2, free_y) * AREA_STEP;
	}
	return area;
}

static uint32_t *at(const struct es_paint_picture *picture, uint32_t *px, int32_t x, int32_t y) {
	return px + (size_t)y * (size_t)picture->width + x;
}

// Copies a rectangle of the background, shifted to the left by `scroll` pixels.
static void copy_background(const struct es_paint_picture *picture, uint32_t *px,
		struct es_paint_rect rect, uint32_t scroll) {
	for (int32_t y = rect.y; y < rect.y + rect.height; y++) {
		const uint32_t *row = picture->background + (size_t)y * (size_t)picture->width * 2;
		memcpy(at(picture, px, rect.x, y), row + rect.x + scroll % (uint32_t)picture->width,
				(size_t)rect.width * sizeof(*row));
	}
}

static void draw_marks(const struct es_paint_picture *picture, uint32_t *px,
		struct es_paint_rect area, uint32_t number) {
	int32_t mark_width = (int32_t)picture->cell * MARK_COLUMNS;
	int32_t mark_height = (int32_t)picture->cell * MARK_ROWS;
	if (picture->cell == 0) {
		return;
	}
	size_t stride = (size_t)picture->width;
	mark_draw(at(picture, px, area.x, area.y), stride, picture->cell, number);
	// A second one at the far end shows frames that were torn.
	if (area.height >= 3 * mark_height) {
		int32_t x = area.x + (area.width - mark_width) / AREA_STEP * AREA_STEP;
		int32_t y = area.y + (area.height - mark_height) / AREA_STEP * AREA_STEP;
		mark_draw(at(picture, px, x, y), stride, picture->cell, number);
	}
}

void paint_picture_draw(
		const struct es_paint_picture *picture, uint32_t *px, uint32_t had, uint32_t number) {
	struct es_paint_rect all = {0, 0, picture->width, picture->height};
	bool still = picture->damage == ES_PAINT_NONE || picture->damage == ES_PAINT_UNCHANGED;
	if (still && had != 0) {
		return;
	}
	bool jumps = picture->damage == ES_PAINT_JUMP;
	if (picture->damage == ES_PAINT_FULL || jumps || still) {
		copy_background(picture, px, all, jumps ? hash(number) : number * SCROLL_STEP);
		draw_marks(picture, px, all, number);
		return;
	}
	copy_background(picture, px, had == 0 ? all : paint_picture_area(picture, had), 0);
	struct es_paint_rect area = paint_picture_area(picture, number);
	copy_background(picture, px, area, number * SCROLL_STEP);
	draw_marks(picture, px, area, number);
}

bool paint_picture_dump(const uint32_t *px, int32_t width, int32_t height, const char *path) {
	FILE *file = fopen(path, "wbe");
	if (file == NULL) {
		return false;
	}
	fprintf(file, "P6\n%d %d\n255\n", width, height);
	for (size_t i = 0; i < (size_t)width * (size_t)height; i++) {
		const uint8_t rgb[3] = {(uint8_t)(px[i] >> 16), (uint8_t)(px[i] >> 8), (uint8_t)px[i]};
		fwrite(rgb, 1, sizeof(rgb), file);
	}
	bool ok = !ferror(file);
	return fclose(file) == 0 && ok;
}
