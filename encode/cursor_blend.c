#include "encode/cursor_blend.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/frame_msg.h"

// Blending happens on the YUV samples. With premultiplied colour c and alpha a the sum
// dst * (1 - a) + c is linear, and the conversion is linear but for its offsets (16, 128), which
// must be premultiplied too: Y' = Y * (1 - a) + (16 * a + M * c). Coefficients in 1/65536.
#define Y_R 11966
#define Y_G 40254
#define Y_B 4064
#define U_R (-6596)
#define U_G (-22189)
#define U_B 28784
#define V_R 28784
#define V_G (-26145)
#define V_B (-2639)

// The save-under covers the box aligned out to even pixels.
#define MAX_BOX (ES_CURSOR_MAX_SIZE + 2)

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
	uint8_t under_luma[MAX_BOX * MAX_BOX];
	uint8_t under_chroma[MAX_BOX * MAX_BOX / 2]; // NV12: interleaved; I420: U, then V
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

static uint8_t clamp_u8(int32_t v) {
	return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

// below * (1 - a) + over, with a and over being `scale` times their value.
static uint8_t mix(uint8_t below, int32_t alpha, int32_t over_65536, int32_t scale) {
	int32_t kept = (below * (255 * scale - alpha) + 255 * scale / 2) / (255 * scale);
	return clamp_u8(kept + (over_65536 / scale + 32768) / 65536);
}

static int32_t offset_65536(int32_t offset, int32_t alpha) {
	return (int32_t)((int64_t)offset * alpha * 65536 / 255);
}

static uint8_t blend_luma(uint8_t below, struct pixel p) {
	return mix(below, p.a, offset_65536(16, p.a) + Y_R * p.r + Y_G * p.g + Y_B * p.b, 1);
}

static void blend_luma_pair(const struct es_cursor_blend *cursor, uint8_t *luma, uint32_t stride,
		int64_t x, int64_t y, struct pixel *sum) {
	*sum = (struct pixel){0};
	for (int dy = 0; dy < 2; dy++) {
		for (int dx = 0; dx < 2; dx++) {
			struct pixel p = pixel_at(cursor, x + dx, y + dy);
			if (p.a != 0) {
				luma[(size_t)dy * stride + dx] = blend_luma(luma[(size_t)dy * stride + dx], p);
			}
			sum->a += p.a;
			sum->r += p.r;
			sum->g += p.g;
			sum->b += p.b;
		}
	}
}

static void blend_chroma(uint8_t *u, uint8_t *v, struct pixel sum) {
	int32_t offset = offset_65536(128, sum.a);
	*u = mix(*u, sum.a, offset + U_R * sum.r + U_G * sum.g + U_B * sum.b, 4);
	*v = mix(*v, sum.a, offset + V_R * sum.r + V_G * sum.g + V_B * sum.b, 4);
}

static void chroma_at(
		struct es_picture *picture, uint32_t x, uint32_t y, uint8_t **u, uint8_t **v) {
	size_t row = (size_t)(y / 2) * picture->stride[1];
	if (picture->layout == ES_PICTURE_NV12) {
		*u = picture->plane[1] + row + x;
		*v = *u + 1;
	} else {
		*u = picture->plane[1] + row + x / 2;
		*v = picture->plane[2] + row + x / 2;
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
	bool nv12 = picture->layout == ES_PICTURE_NV12;
	for (int i = 0; i < (nv12 ? 2 : 3); i++) {
		uint32_t x = i == 0 || nv12 ? r->x : r->x / 2, y = i == 0 ? r->y : r->y / 2;
		uint32_t width = i == 0 || nv12 ? r->width : r->width / 2;
		uint32_t height = i == 0 ? r->height : r->height / 2;
		uint8_t *there = picture->plane[i] + (size_t)y * picture->stride[i] + x;
		uint8_t *kept = i == 0 ? cursor->under_luma : cursor->under_chroma;
		kept += i == 2 ? (size_t)width * height : 0;
		if (save) {
			copy_rows(kept, width, there, picture->stride[i], width, height);
		} else {
			copy_rows(there, picture->stride[i], kept, width, width, height);
		}
	}
}

static int64_t left_of(const struct es_cursor_blend *cursor) {
	return (int64_t)cursor->x - cursor->hotspot_x;
}

static int64_t top_of(const struct es_cursor_blend *cursor) {
	return (int64_t)cursor->y - cursor->hotspot_y;
}

// The cursor's box inside the picture, aligned out to even pixels; width 0 if there is none.
static struct es_rect visible_box(
		const struct es_cursor_blend *cursor, const struct es_picture *picture) {
	if (cursor->image == NULL) {
		return (struct es_rect){0};
	}
	int64_t left = left_of(cursor) & ~INT64_C(1), top = top_of(cursor) & ~INT64_C(1);
	int64_t right = (left_of(cursor) + cursor->width + 1) & ~INT64_C(1);
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
		damage_add(damage, cursor->shown_x, cursor->shown_y, cursor->shown_width,
				cursor->shown_height);
	}
	if (cursor->image != NULL) {
		damage_add(damage, left_of(cursor), top_of(cursor), cursor->width, cursor->height);
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
	for (uint32_t y = r->y; y < r->y + r->height; y += 2) {
		for (uint32_t x = r->x; x < r->x + r->width; x += 2) {
			struct pixel sum;
			blend_luma_pair(cursor, picture->plane[0] + (size_t)y * picture->stride[0] + x,
					picture->stride[0], x - left_of(cursor), y - top_of(cursor), &sum);
			if (sum.a != 0) {
				uint8_t *u, *v;
				chroma_at(picture, x, y, &u, &v);
				blend_chroma(u, v, sum);
			}
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
