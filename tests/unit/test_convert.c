// Conversion against the definitions in double precision, for every format, layout, colour and kernel, by
// rectangles; and the set of rectangles itself.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include "encode/convert_kernel.h"
#include "encode/damage.h"
#include "tests/unit/yuv_reference.h"

#define MAX_ERROR 0.55 // half a code of it is the rounding

static uint32_t random_state = 12345;

static uint32_t random_u32(void) {
	random_state = random_state * 1664525u + 1013904223u;
	return random_state ^ random_state >> 15;
}

static struct rgba parts(uint32_t r, uint32_t g, uint32_t b, double max) {
	return (struct rgba){r / max, g / max, b / max, 1};
}

// One pixel as the DRM header describes the format.
static struct rgba rgba_of(uint32_t fourcc, uint32_t v) {
	switch (fourcc) {
	case DRM_FORMAT_XRGB8888:
	case DRM_FORMAT_ARGB8888:
		return parts(v >> 16 & 255, v >> 8 & 255, v & 255, 255);
	case DRM_FORMAT_XBGR8888:
	case DRM_FORMAT_ABGR8888:
		return parts(v & 255, v >> 8 & 255, v >> 16 & 255, 255);
	case DRM_FORMAT_RGBX8888:
	case DRM_FORMAT_RGBA8888:
		return parts(v >> 24, v >> 16 & 255, v >> 8 & 255, 255);
	case DRM_FORMAT_BGRX8888:
	case DRM_FORMAT_BGRA8888:
		return parts(v >> 8 & 255, v >> 16 & 255, v >> 24, 255);
	case DRM_FORMAT_XRGB2101010:
	case DRM_FORMAT_ARGB2101010:
		return parts(v >> 20 & 1023, v >> 10 & 1023, v & 1023, 1023);
	case DRM_FORMAT_XBGR2101010:
	case DRM_FORMAT_ABGR2101010:
		return parts(v & 1023, v >> 10 & 1023, v >> 20 & 1023, 1023);
	default: // DRM_FORMAT_RGB565
		return (struct rgba){(v >> 11) / 31., (v >> 5 & 63) / 63., (v & 31) / 31., 1};
	}
}

static struct rgba pixel_rgba(const void *data, int64_t x, int64_t y) {
	const struct es_pixels *src = data;
	x = x < 0 ? 0 : x < src->width ? x : (int64_t)src->width - 1;
	y = y < src->height ? y : (int64_t)src->height - 1;
	uint32_t size = convert_bytes_per_pixel(src->fourcc);
	const uint8_t *p = src->data + (size_t)y * src->stride + (size_t)x * size;
	uint32_t v = 0;
	for (uint32_t i = 0; i < size; i++) {
		v |= (uint32_t)p[i] << 8 * i;
	}
	return rgba_of(src->fourcc, v);
}

static double error_at(
		const struct es_pixels *src, const struct es_picture *picture, uint32_t x, uint32_t y) {
	double worst = 0;
	for (uint32_t plane = 0; plane < 3; plane++) {
		worst = fmax(worst, reference_error(picture, plane, pixel_rgba, src, x, y));
	}
	return worst;
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

// What may change: not more than a column beside it that shares a sample of chroma, made even.
static bool inside(const struct es_rect *r, bool subsampled, uint32_t x, uint32_t y) {
	uint32_t left = r->x & ~1u, top = r->y & ~1u;
	uint32_t right = (r->x + r->width + (subsampled ? 2 : 1)) & ~1u;
	uint32_t bottom = (r->y + r->height + 1) & ~1u;
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

static void assert_marked(const struct es_picture *picture, uint32_t x, uint32_t y) {
	for (uint32_t plane = 0; plane < 3; plane++) {
		assert_int_equal(picture_sample(picture, plane, x, y), MARKER);
	}
}

static void init_picture(struct es_picture *picture, enum es_picture_layout layout,
		const struct es_colour *colour, uint32_t width, uint32_t height) {
	assert_true(picture_init(picture, layout, width, height));
	if (colour != NULL) {
		picture->colour.matrix = colour->matrix;
		picture->colour.full_range = colour->full_range;
	}
}

// Converts one rectangle over a picture of a marker value: exact inside, marker outside.
static double check_rect_as(const struct es_pixels *src, enum es_picture_layout layout,
		const struct es_colour *colour, struct es_rect rect) {
	struct es_picture picture;
	init_picture(&picture, layout, colour, src->width, src->height);
	mark(&picture);
	convert_rect(src, &picture, &rect);
	double worst = 0;
	for (uint32_t y = 0; y < picture_coded_height(&picture); y++) {
		for (uint32_t x = 0; x < picture_coded_width(&picture); x++) {
			if (inside(&rect, picture_layout(layout).subsampled, x, y)) {
				worst = fmax(worst, error_at(src, &picture, x, y));
			} else {
				assert_marked(&picture, x, y);
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

// Noise, by a rectangle of an odd picture.
static void test_every_colour(void **state) {
	for (size_t i = 0; i < N_FOURCCS * N_LAYOUTS * N_COLOURS; i++) {
		uint32_t fourcc = fourccs[i % N_FOURCCS];
		enum es_picture_layout layout = layouts[i / N_FOURCCS % N_LAYOUTS];
		const struct es_colour *colour = &colours[i / N_FOURCCS / N_LAYOUTS];
		struct es_pixels src = make_pixels(fourcc, 51, 15);
		double worst = check_rect_as(&src, layout, colour, (struct es_rect){3, 1, 48, 14});
		if (worst > MAX_ERROR) {
			fail_msg("%.4s, layout %d, matrix %d, %s range is off by %.2f", (const char *)&fourcc,
					(int)layout, colour->matrix, colour->full_range ? "full" : "limited", worst);
		}
		free((void *)src.data);
	}
}

// Every width and height, and each width in every format and layout.
static void test_every_size(void **state) {
	for (uint32_t i = 0; i < 33 * N_FOURCCS * N_LAYOUTS; i++) {
		uint32_t width = 1 + i % 33, height = 1 + (i / 33 + i) % 33;
		struct es_pixels src = make_pixels(fourccs[i / 33 % N_FOURCCS], width, height);
		enum es_picture_layout layout = layouts[i / 33 / N_FOURCCS];
		double worst = check_rect(&src, layout, (struct es_rect){0, 0, width, height});
		if (worst > MAX_ERROR) {
			fail_msg("%ux%u of %.4s in layout %d is off by %.2f", width, height,
					(const char *)&src.fourcc, (int)layout, worst);
		}
		free((void *)src.data);
	}
}

static size_t picture_bytes(const struct es_picture *picture) {
	uint32_t last = picture_layout(picture->layout).n_planes - 1;
	size_t rows = picture_rows(picture, last, picture_coded_height(picture));
	return (size_t)(picture->plane[last] - picture->plane[0]) + rows * picture->stride[last];
}

// Some pixels change, and what is converted of them gives what converting everything does.
static void test_rects_are_enough(void **state) {
	for (unsigned int round = 0; round < 600; round++) {
		uint32_t width = 1 + random_u32() % 70, height = 1 + random_u32() % 20;
		struct es_pixels src = make_pixels(fourccs[round % N_FOURCCS], width, height);
		uint32_t size = convert_bytes_per_pixel(src.fourcc);
		struct es_picture whole, part;
		init_picture(&whole, layouts[round % N_LAYOUTS], NULL, width, height);
		init_picture(&part, layouts[round % N_LAYOUTS], NULL, width, height);
		convert_rect(&src, &part, &(struct es_rect){0, 0, width, height});
		struct es_rect rect = {.x = random_u32() % width, .y = random_u32() % height};
		rect.width = 1 + random_u32() % (width - rect.x);
		rect.height = 1 + random_u32() % (height - rect.y);
		for (uint32_t y = rect.y; y < rect.y + rect.height; y++) {
			fill_random((uint8_t *)src.data + (size_t)y * src.stride + (size_t)rect.x * size,
					(size_t)rect.width * size);
		}
		convert_rect(&src, &part, &rect);
		convert_rect(&src, &whole, &(struct es_rect){0, 0, width, height});
		assert_memory_equal(part.plane[0], whole.plane[0], picture_bytes(&whole));
		picture_finish(&whole);
		picture_finish(&part);
		free((void *)src.data);
	}
}

static void compare_kernels(const struct es_pixels *src, enum es_picture_layout layout,
		const struct es_colour *colour, const struct es_rect *rect) {
	const struct es_convert_kernel *kernels[3];
	size_t n = convert_kernels(kernels);
	struct es_picture wanted;
	init_picture(&wanted, layout, colour, src->width, src->height);
	struct es_convert_plan plan = convert_make_plan(convert_pixel_format(src->fourcc), &wanted);
	convert_rows(&convert_plain, &plan, src, &wanted, rect);
	for (size_t i = 0; i < n; i++) {
		struct es_picture picture;
		init_picture(&picture, layout, colour, src->width, src->height);
		convert_rows(kernels[i], &plan, src, &picture, rect);
		if (memcmp(picture.plane[0], wanted.plane[0], picture_bytes(&wanted)) != 0) {
			fail_msg("%s does not give what C does for %.4s in layout %d", kernels[i]->name,
					(const char *)&src->fourcc, (int)layout);
		}
		picture_finish(&picture);
	}
	picture_finish(&wanted);
}

static void test_kernels_are_alike(void **state) {
	for (size_t i = 0; i < N_FOURCCS * N_LAYOUTS * N_COLOURS; i++) {
		struct es_pixels src = make_pixels(fourccs[i % N_FOURCCS], 163, 7);
		struct es_rect rects[] = {{0, 0, 163, 7}, {2, 2, 36, 4}, {34, 0, 128, 2}};
		for (size_t k = 0; k < 3; k++) {
			compare_kernels(&src, layouts[i / N_FOURCCS % N_LAYOUTS],
					&colours[i / N_FOURCCS / N_LAYOUTS], &rects[k]);
		}
		free((void *)src.data);
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
		assert_int_equal(picture_sample(&picture, 0, 17, y), picture_sample(&picture, 0, 16, y));
	}
	for (uint32_t x = 0; x < 18; x++) {
		assert_int_equal(picture_sample(&picture, 0, x, 19), picture_sample(&picture, 0, x, 18));
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
		assert_uint_in_range(picture_sample(&picture, 0, 5, 5), known[i].y, known[i].y);
		assert_uint_in_range(picture_sample(&picture, 1, 5, 5), known[i].u, known[i].u);
		assert_uint_in_range(picture_sample(&picture, 2, 5, 5), known[i].v, known[i].v);
		picture_finish(&picture);
	}
}

static void test_ten_bits_lie_at_the_top(void **state) {
	uint32_t white[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
	struct es_pixels src = {(const uint8_t *)white, 8, 2, 2, DRM_FORMAT_XRGB2101010};
	struct es_picture picture;
	uint16_t words[2];
	assert_true(picture_init(&picture, ES_PICTURE_P010, 2, 2));
	convert_rect(&src, &picture, &(struct es_rect){0, 0, 2, 2});
	memcpy(words, picture.plane[0], 4);
	assert_int_equal(words[0], 940 << 6);
	assert_int_equal(words[1], 940 << 6);
	memcpy(words, picture.plane[1], 4);
	assert_int_equal(words[0], 512 << 6);
	assert_int_equal(words[1], 512 << 6);
	picture_finish(&picture);
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
			cmocka_unit_test(test_every_size),
			cmocka_unit_test(test_rects_are_enough),
			cmocka_unit_test(test_kernels_are_alike),
			cmocka_unit_test(test_odd_edges_are_repeated),
			cmocka_unit_test(test_known_colours),
			cmocka_unit_test(test_ten_bits_lie_at_the_top),
			cmocka_unit_test(test_unknown_format),
			cmocka_unit_test(test_damage_clips),
			cmocka_unit_test(test_damage_joins_when_full),
			cmocka_unit_test(test_damage_map_is_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
