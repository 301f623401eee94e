// Conversion against the definitions in double precision, for every format, layout and colour, by
// rectangles; and the set of rectangles itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include "encode/convert.h"
#include "encode/damage.h"

// libyuv's factors of chroma have eight bits: near a code off for one colour, more for the mean of four.
#define MAX_ERROR 2
#define MAX_EXACT_ERROR 0.55

static uint32_t random_state = 12345;

static uint32_t random_u32(void) {
	random_state = random_state * 1664525u + 1013904223u;
	return random_state ^ random_state >> 15;
}

struct rgb {
	double r, g, b;
};

// One pixel as the DRM header describes the format.
static struct rgb pixel_rgb(const struct es_pixels *src, uint32_t x, uint32_t y) {
	uint32_t size = convert_bytes_per_pixel(src->fourcc);
	const uint8_t *p = src->data + (size_t)y * src->stride + (size_t)x * size;
	uint32_t v = 0;
	for (uint32_t i = 0; i < size; i++) {
		v |= (uint32_t)p[i] << 8 * i;
	}
	switch (src->fourcc) {
	case DRM_FORMAT_XRGB8888:
	case DRM_FORMAT_ARGB8888:
		return (struct rgb){v >> 16 & 255, v >> 8 & 255, v & 255};
	case DRM_FORMAT_XBGR8888:
	case DRM_FORMAT_ABGR8888:
		return (struct rgb){v & 255, v >> 8 & 255, v >> 16 & 255};
	case DRM_FORMAT_RGBX8888:
	case DRM_FORMAT_RGBA8888:
		return (struct rgb){v >> 24, v >> 16 & 255, v >> 8 & 255};
	case DRM_FORMAT_BGRX8888:
	case DRM_FORMAT_BGRA8888:
		return (struct rgb){v >> 8 & 255, v >> 16 & 255, v >> 24};
	case DRM_FORMAT_XRGB2101010:
	case DRM_FORMAT_ARGB2101010:
		return (struct rgb){(v >> 20 & 1023) / 1023. * 255, (v >> 10 & 1023) / 1023. * 255,
				(v & 1023) / 1023. * 255};
	case DRM_FORMAT_XBGR2101010:
	case DRM_FORMAT_ABGR2101010:
		return (struct rgb){(v & 1023) / 1023. * 255, (v >> 10 & 1023) / 1023. * 255,
				(v >> 20 & 1023) / 1023. * 255};
	default: // DRM_FORMAT_RGB565
		return (struct rgb){(v >> 11) / 31. * 255, (v >> 5 & 63) / 63. * 255, (v & 31) / 31. * 255};
	}
}

struct weights {
	double kr, kb, y_range, c_range, y_offset, c_offset;
};

static struct weights weights_of(const struct es_colour *colour) {
	bool wide = colour->matrix == 9;
	double step = 1 << (colour->depth - 8), max = (1 << colour->depth) - 1;
	return (struct weights){
			.kr = wide ? 0.2627 : 0.2126,
			.kb = wide ? 0.0593 : 0.0722,
			.y_range = colour->full_range ? max : 219 * step,
			.c_range = colour->full_range ? max : 224 * step,
			.y_offset = colour->full_range ? 0 : 16 * step,
			.c_offset = 128 * step,
	};
}

static double relative_luma(const struct weights *w, struct rgb p) {
	return (w->kr * p.r + (1 - w->kr - w->kb) * p.g + w->kb * p.b) / 255;
}

static double luma(const struct es_colour *colour, struct rgb p) {
	struct weights w = weights_of(colour);
	return w.y_offset + w.y_range * relative_luma(&w, p);
}

static double limited(double code, const struct es_colour *colour) {
	double max = (1 << colour->depth) - 1;
	return code < max ? code : max;
}

static void chroma(const struct es_colour *colour, struct rgb p, double *u, double *v) {
	struct weights w = weights_of(colour);
	double y = relative_luma(&w, p);
	*u = limited(w.c_offset + w.c_range * (p.b / 255 - y) / (2 * (1 - w.kb)), colour);
	*v = limited(w.c_offset + w.c_range * (p.r / 255 - y) / (2 * (1 - w.kr)), colour);
}

static double distance(double a, double b) {
	return a > b ? a - b : b - a;
}

// Mean of the 2x2 block, of what of it lies in the picture.
static struct rgb block_rgb(const struct es_pixels *src, uint32_t x, uint32_t y) {
	struct rgb sum = {0};
	unsigned int n = 0;
	for (uint32_t by = y; by < y + 2 && by < src->height; by++) {
		for (uint32_t bx = x; bx < x + 2 && bx < src->width; bx++) {
			struct rgb p = pixel_rgb(src, bx, by);
			sum = (struct rgb){sum.r + p.r, sum.g + p.g, sum.b + p.b};
			n++;
		}
	}
	return (struct rgb){sum.r / n, sum.g / n, sum.b / n};
}

static uint32_t sample(const struct es_picture *picture, uint32_t plane, uint32_t x, uint32_t y) {
	struct es_layout layout = picture_layout(picture->layout);
	uint32_t from = layout.interleaved && plane == 2 ? 1 : plane;
	if (plane > 0 && layout.subsampled) {
		x = layout.interleaved ? x & ~1u : x / 2;
		y /= 2;
	}
	x += layout.interleaved && plane == 2;
	const uint8_t *row = picture->plane[from] + (size_t)y * picture->stride[from];
	if (layout.sample_size == 1) {
		return row[x];
	}
	uint16_t word;
	memcpy(&word, row + 2 * (size_t)x, 2);
	assert_int_equal(word & ((1u << layout.shift) - 1), 0);
	return word >> layout.shift;
}

static uint32_t clip(uint32_t v, uint32_t limit) {
	return v < limit ? v : limit - 1;
}

static double check_pixel(
		const struct es_pixels *src, const struct es_picture *picture, uint32_t x, uint32_t y) {
	double u, v;
	struct rgb pixel = pixel_rgb(src, clip(x, src->width), clip(y, src->height));
	bool subsampled = picture_layout(picture->layout).subsampled;
	chroma(&picture->colour, subsampled ? block_rgb(src, x & ~1u, y & ~1u) : pixel, &u, &v);
	double worst = distance(sample(picture, 0, x, y), luma(&picture->colour, pixel));
	double du = distance(sample(picture, 1, x, y), u), dv = distance(sample(picture, 2, x, y), v);
	worst = du > worst ? du : worst;
	return dv > worst ? dv : worst;
}

static void fill_random(uint8_t *data, size_t size) {
	for (size_t i = 0; i < size; i++) {
		data[i] = (uint8_t)random_u32();
	}
}

static struct es_pixels make_pixels(uint32_t fourcc, uint32_t width, uint32_t height) {
	uint32_t stride = width * convert_bytes_per_pixel(fourcc);
	uint8_t *data = malloc((size_t)stride * height);
	assert_non_null(data);
	fill_random(data, (size_t)stride * height);
	return (struct es_pixels){data, stride, width, height, fourcc};
}

static bool inside(const struct es_rect *r, uint32_t x, uint32_t y) {
	uint32_t left = r->x & ~1u, top = r->y & ~1u;
	uint32_t right = (r->x + r->width + 1) & ~1u, bottom = (r->y + r->height + 1) & ~1u;
	return x >= left && x < right && y >= top && y < bottom;
}

#define MARKER 77

// Whatever the layout makes of it.
static void mark(struct es_picture *picture) {
	struct es_layout layout = picture_layout(picture->layout);
	for (uint32_t i = 0; i < layout.n_planes; i++) {
		size_t size = (size_t)picture->stride[i] *
				picture_rows(picture, i, picture_coded_height(picture));
		uint16_t word = (uint16_t)(MARKER << layout.shift);
		for (size_t k = 0; k < size; k += layout.sample_size) {
			memcpy(picture->plane[i] + k, &word, layout.sample_size);
		}
	}
}

// Converts one rectangle over a picture of a marker value: exact inside, marker outside.
static double check_rect_as(const struct es_pixels *src, enum es_picture_layout layout,
		const struct es_colour *colour, struct es_rect rect) {
	struct es_picture picture;
	assert_true(picture_init(&picture, layout, src->width, src->height));
	if (colour != NULL) {
		uint8_t depth = picture.colour.depth;
		bool yuv444 = picture.colour.yuv444;
		picture.colour = *colour;
		picture.colour.depth = depth;
		picture.colour.yuv444 = yuv444;
	}
	mark(&picture);
	convert_rect(src, &picture, &rect);
	double worst = 0;
	for (uint32_t y = 0; y < picture_coded_height(&picture); y++) {
		for (uint32_t x = 0; x < picture_coded_width(&picture); x++) {
			if (inside(&rect, x, y)) {
				double error = check_pixel(src, &picture, x, y);
				worst = error > worst ? error : worst;
			} else {
				for (uint32_t plane = 0; plane < 3; plane++) {
					assert_int_equal(sample(&picture, plane, x, y), MARKER);
				}
			}
		}
	}
	picture_finish(&picture);
	return worst;
}

static double check_rect(
		const struct es_pixels *src, enum es_picture_layout layout, struct es_rect rect) {
	return check_rect_as(src, layout, NULL, rect);
}

static const uint32_t fourccs[] = {DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888, DRM_FORMAT_XBGR8888,
		DRM_FORMAT_ABGR8888, DRM_FORMAT_RGBX8888, DRM_FORMAT_RGBA8888, DRM_FORMAT_BGRX8888,
		DRM_FORMAT_BGRA8888, DRM_FORMAT_XRGB2101010, DRM_FORMAT_ARGB2101010, DRM_FORMAT_XBGR2101010,
		DRM_FORMAT_ABGR2101010, DRM_FORMAT_RGB565};

#define N_FOURCCS (sizeof(fourccs) / sizeof(fourccs[0]))

static void test_every_format_full(void **state) {
	for (size_t i = 0; i < N_FOURCCS; i++) {
		struct es_pixels src = make_pixels(fourccs[i], 130, 34);
		struct es_rect all = {0, 0, 130, 34};
		double nv12 = check_rect(&src, ES_PICTURE_NV12, all);
		double i420 = check_rect(&src, ES_PICTURE_I420, all);
		if (nv12 > MAX_ERROR || i420 > MAX_ERROR) {
			fail_msg("%.4s is off by %.2f (NV12), %.2f (I420)", (const char *)&fourccs[i], nv12,
					i420);
		}
		free((void *)src.data);
	}
}

static void test_random_rects(void **state) {
	static const uint32_t sizes[][2] = {
			{17, 17}, {16, 16}, {137, 75}, {1030, 19}, {64, 33}, {33, 64}};
	for (unsigned int round = 0; round < 240; round++) {
		const uint32_t *size = sizes[round % 6];
		struct es_pixels src = make_pixels(fourccs[round % N_FOURCCS], size[0], size[1]);
		struct es_rect rect = {.x = random_u32() % size[0], .y = random_u32() % size[1]};
		rect.width = 1 + random_u32() % (size[0] - rect.x);
		rect.height = 1 + random_u32() % (size[1] - rect.y);
		double worst = check_rect(&src, round & 1 ? ES_PICTURE_I420 : ES_PICTURE_NV12, rect);
		if (worst > MAX_ERROR) {
			fail_msg("%ux%u+%u+%u of %ux%u is off by %.2f", rect.width, rect.height, rect.x, rect.y,
					size[0], size[1], worst);
		}
		free((void *)src.data);
	}
}

static const enum es_picture_layout layouts[] = {ES_PICTURE_NV12, ES_PICTURE_I420, ES_PICTURE_I444,
		ES_PICTURE_P010, ES_PICTURE_I010, ES_PICTURE_I410};
#define N_LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static const struct es_colour colours[] = {
		{1, 1, 1, false, 8, false},
		{1, 1, 1, true, 8, false},
		{9, 16, 9, false, 8, false},
		{9, 16, 9, true, 8, false},
};
#define N_COLOURS (sizeof(colours) / sizeof(colours[0]))

static bool is_by_libyuv(enum es_picture_layout layout, const struct es_colour *colour) {
	return (layout == ES_PICTURE_NV12 || layout == ES_PICTURE_I420) && colour == &colours[0];
}

// Noise, by a rectangle of an odd picture: everything that libyuv does not do is rounded exactly.
static void test_every_colour(void **state) {
	for (size_t i = 0; i < N_FOURCCS * N_LAYOUTS * N_COLOURS; i++) {
		uint32_t fourcc = fourccs[i % N_FOURCCS];
		enum es_picture_layout layout = layouts[i / N_FOURCCS % N_LAYOUTS];
		const struct es_colour *colour = &colours[i / N_FOURCCS / N_LAYOUTS];
		struct es_pixels src = make_pixels(fourcc, 151, 35);
		double worst = check_rect_as(&src, layout, colour, (struct es_rect){3, 1, 148, 34});
		if (worst > (is_by_libyuv(layout, colour) ? MAX_ERROR : MAX_EXACT_ERROR)) {
			fail_msg("%.4s, layout %d, matrix %d, %s range is off by %.2f", (const char *)&fourcc,
					(int)layout, colour->matrix, colour->full_range ? "full" : "limited", worst);
		}
		free((void *)src.data);
	}
}

// Of one colour: within one code, by libyuv, too.
static void test_areas_are_exact(void **state) {
	for (unsigned int round = 0; round < 3000; round++) {
		uint32_t argb[16], fourcc = round & 1 ? DRM_FORMAT_XRGB8888 : DRM_FORMAT_XBGR8888;
		uint32_t colour = round < 16
				? (round & 2 ? 0xff : 0) | (round & 4 ? 0xff00 : 0) | (round & 8 ? 0xff0000 : 0)
				: random_u32();
		for (size_t i = 0; i < 16; i++) {
			argb[i] = colour;
		}
		struct es_pixels src = {(const uint8_t *)argb, 16, 4, 4, fourcc};
		double worst = check_rect(&src, ES_PICTURE_NV12, (struct es_rect){0, 0, 4, 4});
		if (worst > 1.5) { // half a code of it is the rounding of what it is compared with
			fail_msg("%08x is off by %.2f", (unsigned int)colour, worst);
		}
	}
}

static void test_odd_edges_are_repeated(void **state) {
	struct es_pixels src = make_pixels(DRM_FORMAT_XRGB8888, 17, 19);
	struct es_picture picture;
	assert_true(picture_init(&picture, ES_PICTURE_NV12, 17, 19));
	assert_int_equal(picture_coded_width(&picture), 18);
	assert_int_equal(picture_coded_height(&picture), 20);
	convert_rect(&src, &picture, &(struct es_rect){0, 0, 17, 19});
	for (uint32_t y = 0; y < 19; y++) {
		assert_int_equal(sample(&picture, 0, 17, y), sample(&picture, 0, 16, y));
	}
	for (uint32_t x = 0; x < 18; x++) {
		assert_int_equal(sample(&picture, 0, x, 19), sample(&picture, 0, x, 18));
	}
	picture_finish(&picture);
	free((void *)src.data);
}

static void test_known_colours(void **state) {
	static const struct {
		uint32_t argb;
		uint8_t y, u, v;
	} known[] = {{0xff000000, 16, 128, 128}, {0xffffffff, 235, 128, 128},
			{0xffff0000, 63, 102, 240}, {0xff00ff00, 173, 42, 26}, {0xff0000ff, 32, 240, 118}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint32_t argb[16 * 16];
		for (size_t k = 0; k < 256; k++) {
			argb[k] = known[i].argb;
		}
		struct es_pixels src = {(const uint8_t *)argb, 64, 16, 16, DRM_FORMAT_XRGB8888};
		struct es_picture picture;
		assert_true(picture_init(&picture, ES_PICTURE_NV12, 16, 16));
		convert_rect(&src, &picture, &(struct es_rect){0, 0, 16, 16});
		assert_uint_in_range(sample(&picture, 0, 5, 5), known[i].y - 1, known[i].y + 1);
		assert_uint_in_range(sample(&picture, 1, 5, 5), known[i].u - 1, known[i].u + 1);
		assert_uint_in_range(sample(&picture, 2, 5, 5), known[i].v - 1, known[i].v + 1);
		picture_finish(&picture);
	}
}

static void test_unknown_format(void **state) {
	assert_int_equal(convert_bytes_per_pixel(DRM_FORMAT_NV12), 0);
	assert_int_equal(convert_bytes_per_pixel(0), 0);
}

static void test_damage_clips(void **state) {
	struct es_damage damage;
	damage_init(&damage, 100, 50);
	damage_add(&damage, -10, -10, 15, 12);
	damage_add(&damage, 95, 40, 100, 100);
	damage_add(&damage, 200, 0, 10, 10);
	damage_add(&damage, 10, 10, 0, 5);
	assert_int_equal(damage.n, 2);
	assert_int_equal(damage.rects[0].width, 5);
	assert_int_equal(damage.rects[0].height, 2);
	assert_int_equal(damage.rects[1].width, 5);
	assert_int_equal(damage.rects[1].height, 10);
}

// However many are added, each stays covered.
static void test_damage_joins_when_full(void **state) {
	struct es_damage damage;
	uint8_t map[20 * 20];
	damage_init(&damage, 320, 320);
	uint8_t wanted[20 * 20];
	memset(wanted, ES_DAMAGE_MAX_RECTS, sizeof(wanted));
	for (unsigned int i = 0; i < 200; i++) {
		uint32_t x = random_u32() % 20, y = random_u32() % 20;
		wanted[y * 20 + x] = 0;
		damage_add(&damage, x * 16 + 3, y * 16 + 3, 5, 5);
		assert_true(damage.n <= ES_DAMAGE_MAX_RECTS);
		assert_int_equal(damage_map_size(320, 320), sizeof(map));
		damage_map(&damage, map, 1);
		for (size_t k = 0; k < sizeof(map); k++) {
			assert_true(wanted[k] != 0 || map[k] == 0);
		}
	}
	damage_add_all(&damage);
	assert_int_equal(damage.n, 1);
}

static void test_damage_map_is_exact(void **state) {
	struct es_damage damage;
	uint8_t map[3 * 2];
	damage_init(&damage, 40, 20);
	damage_map(&damage, map, 1);
	assert_memory_equal(map, ((uint8_t[]){1, 1, 1, 1, 1, 1}), 6);
	damage_add(&damage, 15, 0, 1, 16);
	damage_map(&damage, map, 1);
	assert_memory_equal(map, ((uint8_t[]){0, 1, 1, 1, 1, 1}), 6);
	damage_add(&damage, 15, 15, 2, 2);
	damage_map(&damage, map, 1);
	assert_memory_equal(map, ((uint8_t[]){0, 0, 1, 0, 0, 1}), 6);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_every_format_full),
			cmocka_unit_test(test_random_rects),
			cmocka_unit_test(test_every_colour),
			cmocka_unit_test(test_areas_are_exact),
			cmocka_unit_test(test_odd_edges_are_repeated),
			cmocka_unit_test(test_known_colours),
			cmocka_unit_test(test_unknown_format),
			cmocka_unit_test(test_damage_clips),
			cmocka_unit_test(test_damage_joins_when_full),
			cmocka_unit_test(test_damage_map_is_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
