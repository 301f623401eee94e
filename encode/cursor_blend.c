#include "encode/cursor_blend.h"

#include <stdlib.h>
#include <string.h>

#include "encode/yuv_matrix.h"
#include "protocol/frame_msg.h"

// Blending happens on the codes. With premultiplied colour c and alpha a the sum dst * (1 - a) + c is
// linear, and the conversion is linear but for its offsets, which must be premultiplied too:
// Y' = Y * (1 - a) + (offset * a + M * c). Coefficients of components in 0..255, in 1/65536.
struct coefficients {
	int32_t r, g, b, offset;
};

struct plan {
	struct es_layout layout;
	struct coefficients part[3];
	int32_t max;
};

// The save-under covers what convert_reach says of the box.
#define MAX_BOX (ES_CURSOR_MAX_SIZE + 3)

struct es_cursor_blend {
	uint32_t *image; // NULL: hidden
	uint64_t serial; // of it
	uint32_t width, height;
	int32_t hotspot_x, hotspot_y;
	int32_t x, y; // of the hotspot

	// As it is in the last blended picture.
	bool dirty; // looks different since
	bool shown;
	int64_t shown_x, shown_y; // of its top left corner
	uint32_t shown_width, shown_height;

	struct es_rect under; // even, inside the picture; width 0: nothing kept
	uint8_t under_planes[3][MAX_BOX * MAX_BOX * 2]; // as much as the deepest layout needs
};

struct pixel {
	int32_t a, r, g, b;
};

static struct pixel pixel_at(const struct es_cursor_blend *cursor, int64_t x, int64_t y) {
	if (x < 0 || y < 0 || x >= cursor->width || y >= cursor->height) {
		return (struct pixel){0};
	}
	uint32_t v = cursor->image[(size_t)y * cursor->width + (size_t)x];
	return (struct pixel){(int32_t)(v >> 24), (int32_t)(v >> 16 & 255), (int32_t)(v >> 8 & 255),
			(int32_t)(v & 255)};
}

static int64_t left_of(const struct es_cursor_blend *cursor) {
	return (int64_t)cursor->x - cursor->hotspot_x;
}

static int64_t top_of(const struct es_cursor_blend *cursor) {
	return (int64_t)cursor->y - cursor->hotspot_y;
}

static struct coefficients scale_coefficients(const float row[4]) {
	float unit = 65536.0f / 255;
	return (struct coefficients){(int32_t)(row[0] * unit), (int32_t)(row[1] * unit),
			(int32_t)(row[2] * unit), (int32_t)row[3]};
}

static struct plan make_plan(const struct es_picture *picture) {
	struct es_yuv_matrix matrix = yuv_matrix(&picture->colour);
	return (struct plan){
			.layout = picture_layout(picture->layout),
			.part = {scale_coefficients(matrix.y), scale_coefficients(matrix.u),
					scale_coefficients(matrix.v)},
			.max = matrix.max_code,
	};
}

// below * (1 - a) + over, with `p` being the sum of `n` pixels.
static int32_t mix(const struct plan *plan, int part, int32_t below, struct pixel p, int32_t n) {
	const struct coefficients *c = &plan->part[part];
	int32_t kept = (below * (255 * n - p.a) + 255 * n / 2) / (255 * n);
	int64_t over = (int64_t)c->offset * p.a * 65536 / 255 + (int64_t)c->r * p.r +
			(int64_t)c->g * p.g + (int64_t)c->b * p.b;
	int32_t code = kept + (int32_t)((over / n + 32768) >> 16);
	return code < 0 ? 0 : code > plan->max ? plan->max : code;
}

static void mix_at(const struct plan *plan, int part, uint8_t *at, struct pixel p, int32_t n) {
	if (plan->layout.sample_size == 1) {
		*at = (uint8_t)mix(plan, part, *at, p, n);
		return;
	}
	uint16_t word;
	memcpy(&word, at, sizeof(word));
	word = (uint16_t)(mix(plan, part, word >> plan->layout.shift, p, n) << plan->layout.shift);
	memcpy(at, &word, sizeof(word));
}

static void blend_pixel(const struct plan *plan, struct es_picture *picture, uint32_t x, uint32_t y,
		struct pixel p) {
	for (uint32_t i = 0; i < (plan->layout.subsampled ? 1u : 3u); i++) {
		uint8_t *row = picture->plane[i] + (size_t)y * picture->stride[i];
		mix_at(plan, (int)i, row + (size_t)x * plan->layout.sample_size, p, 1);
	}
}

// Where there is one sample of chroma for four pixels.
static void blend_chroma(const struct plan *plan, struct es_picture *picture, uint32_t x,
		uint32_t y, struct pixel sum) {
	uint8_t *u = picture_at(picture, 1, x, y);
	uint8_t *v =
			plan->layout.interleaved ? u + plan->layout.sample_size : picture_at(picture, 2, x, y);
	mix_at(plan, 1, u, sum, 8);
	mix_at(plan, 2, v, sum, 8);
}

static void add_pixel(struct pixel *sum, struct pixel p, int32_t weight) {
	*sum = (struct pixel){sum->a + weight * p.a, sum->r + weight * p.r, sum->g + weight * p.g,
			sum->b + weight * p.b};
}

// Of the screen; beyond its edges they repeat, as in the conversion.
static struct pixel shown_at(const struct es_cursor_blend *cursor, const struct es_picture *picture,
		int64_t x, int64_t y) {
	x = x < 0 ? 0 : x < picture->width ? x : (int64_t)picture->width - 1;
	y = y < picture->height ? y : (int64_t)picture->height - 1;
	return pixel_at(cursor, x - left_of(cursor), y - top_of(cursor));
}

// 2x2 pixels, the first at x, y of the screen; their chroma lies at the left two.
static void blend_block(const struct plan *plan, const struct es_cursor_blend *cursor,
		struct es_picture *picture, uint32_t x, uint32_t y) {
	struct pixel sum = {0};
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t px = x + (i & 1), py = y + i / 2;
		struct pixel p = shown_at(cursor, picture, px, py);
		if (p.a != 0) {
			blend_pixel(plan, picture, px, py, p);
		}
		add_pixel(&sum, p, (i & 1) == 0 ? 2 : 1);
	}
	add_pixel(&sum, shown_at(cursor, picture, (int64_t)x - 1, y), 1);
	add_pixel(&sum, shown_at(cursor, picture, (int64_t)x - 1, (int64_t)y + 1), 1);
	if (plan->layout.subsampled && sum.a != 0) {
		blend_chroma(plan, picture, x, y, sum);
	}
}

static void copy_rows(uint8_t *to, size_t to_stride, const uint8_t *from, size_t from_stride,
		size_t width, size_t rows) {
	for (size_t y = 0; y < rows; y++) {
		memcpy(to + y * to_stride, from + y * from_stride, width);
	}
}

// Between the picture and the save-under, in either direction.
static void copy_under(struct es_cursor_blend *cursor, struct es_picture *picture, bool save) {
	const struct es_rect *r = &cursor->under;
	for (uint32_t i = 0; i < picture_layout(picture->layout).n_planes; i++) {
		size_t width = picture_row_size(picture, i, r->width);
		size_t rows = picture_rows(picture, i, r->height);
		uint8_t *there = picture_at(picture, i, r->x, r->y);
		if (save) {
			copy_rows(cursor->under_planes[i], width, there, picture->stride[i], width, rows);
		} else {
			copy_rows(there, picture->stride[i], cursor->under_planes[i], width, width, rows);
		}
	}
}

// What of the picture the cursor changes; width 0 if there is nothing.
static struct es_rect visible_box(
		const struct es_cursor_blend *cursor, const struct es_picture *picture) {
	if (cursor->image == NULL) {
		return (struct es_rect){0};
	}
	int64_t left = left_of(cursor) & ~INT64_C(1), top = top_of(cursor) & ~INT64_C(1);
	// The chroma right of it is made of its last column, too.
	int64_t right = (left_of(cursor) + cursor->width + 2) & ~INT64_C(1);
	int64_t bottom = (top_of(cursor) + cursor->height + 1) & ~INT64_C(1);
	int64_t coded_width = picture_coded_width(picture);
	int64_t coded_height = picture_coded_height(picture);
	left = left > 0 ? left : 0;
	top = top > 0 ? top : 0;
	right = right < coded_width ? right : coded_width;
	bottom = bottom < coded_height ? bottom : coded_height;
	if (right <= left || bottom <= top) {
		return (struct es_rect){0};
	}
	return (struct es_rect){
			(uint32_t)left, (uint32_t)top, (uint32_t)(right - left), (uint32_t)(bottom - top)};
}

static void remember_shown(struct es_cursor_blend *cursor) {
	cursor->dirty = false;
	cursor->shown = cursor->image != NULL;
	cursor->shown_x = left_of(cursor);
	cursor->shown_y = top_of(cursor);
	cursor->shown_width = cursor->width;
	cursor->shown_height = cursor->height;
}

struct es_cursor_blend *cursor_blend_create(void) {
	return calloc(1, sizeof(struct es_cursor_blend));
}

void cursor_blend_destroy(struct es_cursor_blend *cursor) {
	if (cursor == NULL) {
		return;
	}
	free(cursor->image);
	free(cursor);
}

bool cursor_blend_set_image(struct es_cursor_blend *cursor, const uint32_t *argb, uint32_t width,
		uint32_t height, int32_t hotspot_x, int32_t hotspot_y) {
	free(cursor->image);
	cursor->image = NULL;
	cursor->serial++;
	cursor->dirty = true;
	if (argb == NULL || width == 0 || height == 0) {
		return true;
	}
	if (width > ES_CURSOR_MAX_SIZE || height > ES_CURSOR_MAX_SIZE) {
		return false;
	}
	size_t size = (size_t)width * height * sizeof(*argb);
	cursor->image = malloc(size);
	if (cursor->image == NULL) {
		return false;
	}
	memcpy(cursor->image, argb, size);
	cursor->width = width;
	cursor->height = height;
	cursor->hotspot_x = hotspot_x;
	cursor->hotspot_y = hotspot_y;
	return true;
}

void cursor_blend_move(struct es_cursor_blend *cursor, int32_t x, int32_t y) {
	cursor->dirty = cursor->dirty || x != cursor->x || y != cursor->y;
	cursor->x = x;
	cursor->y = y;
}

void cursor_blend_damage(const struct es_cursor_blend *cursor, struct es_damage *damage) {
	if (!cursor->dirty) {
		return;
	}
	if (cursor->shown) {
		damage_add(damage, cursor->shown_x, cursor->shown_y, (int64_t)cursor->shown_width + 1,
				cursor->shown_height);
	}
	if (cursor->image != NULL) {
		damage_add(damage, left_of(cursor), top_of(cursor), (int64_t)cursor->width + 1,
				cursor->height);
	}
}

void cursor_blend_apply(struct es_cursor_blend *cursor, struct es_picture *picture) {
	remember_shown(cursor);
	cursor->under = visible_box(cursor, picture);
	const struct es_rect *r = &cursor->under;
	if (r->width == 0) {
		return;
	}
	copy_under(cursor, picture, true);
	struct plan plan = make_plan(picture);
	for (uint32_t y = r->y; y < r->y + r->height; y += 2) {
		for (uint32_t x = r->x; x < r->x + r->width; x += 2) {
			blend_block(&plan, cursor, picture, x, y);
		}
	}
}

void cursor_blend_restore(struct es_cursor_blend *cursor, struct es_picture *picture) {
	if (cursor->under.width != 0) {
		copy_under(cursor, picture, false);
		cursor->under.width = 0;
	}
}

struct es_cursor_view cursor_blend_view(const struct es_cursor_blend *cursor) {
	// Both are bounded on the link: their difference is far from the ends of the type.
	return (struct es_cursor_view){
			.argb = cursor->image,
			.width = cursor->width,
			.height = cursor->height,
			.x = (int32_t)left_of(cursor),
			.y = (int32_t)top_of(cursor),
			.serial = cursor->serial,
	};
}

void cursor_blend_shown(struct es_cursor_blend *cursor) {
	remember_shown(cursor);
}
