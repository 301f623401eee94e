// The cursor against its definition in double precision, over the codes that it covers, at every edge and
// parity; what it covered comes back exactly.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include "encode/convert.h"
#include "encode/cursor_blend.h"
#include "tests/unit/yuv_reference.h"

#define WIDTH 97
#define HEIGHT 61
#define MAX_ERROR 1.05 // two roundings instead of one

static uint32_t random_state = 99;

static uint32_t random_u32(void) {
	random_state = random_state * 1664525u + 1013904223u;
	return random_state ^ random_state >> 15;
}

static uint32_t premultiplied(uint32_t alpha) {
	return alpha << 24 | random_u32() % (alpha + 1) << 16 | random_u32() % (alpha + 1) << 8 |
			random_u32() % (alpha + 1);
}

static void convert_all(const uint32_t *argb, struct es_picture *picture) {
	struct es_pixels src = {(const uint8_t *)argb, WIDTH * 4, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888};
	convert_rect(&src, picture, &(struct es_rect){0, 0, WIDTH, HEIGHT});
}

static size_t picture_bytes(const struct es_picture *picture) {
	size_t size = 0;
	for (uint32_t i = 0; i < picture_layout(picture->layout).n_planes; i++) {
		size += (size_t)picture->stride[i] *
				picture_rows(picture, i, picture_coded_height(picture));
	}
	return size;
}

struct shape {
	uint32_t argb[40 * 40];
	int x, y, width, height;
};

static int clamp(int64_t v, int most) {
	return v < 0 ? 0 : v > most ? most : (int)v;
}

static struct rgba shape_pixel(const void *data, int64_t x, int64_t y) {
	const struct shape *shape = data;
	int column = clamp(x, WIDTH - 1) - shape->x, row = clamp(y, HEIGHT - 1) - shape->y;
	if (column < 0 || row < 0 || column >= shape->width || row >= shape->height) {
		return (struct rgba){0};
	}
	uint32_t v = shape->argb[row * shape->width + column];
	return (struct rgba){
			(v >> 16 & 255) / 255., (v >> 8 & 255) / 255., (v & 255) / 255., (v >> 24) / 255.};
}

static double wanted(const struct shape *shape, const struct es_picture *clean, uint32_t plane,
		uint32_t x, uint32_t y) {
	bool subsampled = plane > 0 && picture_layout(clean->layout).subsampled;
	struct rgba over = reference_rgba(shape_pixel, shape, subsampled, x, y);
	double code = picture_sample(clean, plane, x, y) * (1 - over.a) +
			reference_code(&clean->colour, over, plane) +
			reference_offset(&clean->colour, plane) * over.a;
	return fmin(code, (1 << clean->colour.depth) - 1);
}

// In codes.
static double worst_difference(const struct es_picture *blended, const struct es_picture *clean,
		const struct shape *shape) {
	double worst = 0;
	for (uint32_t y = 0; y < picture_coded_height(clean); y++) {
		for (uint32_t x = 0; x < picture_coded_width(clean); x++) {
			for (uint32_t plane = 0; plane < 3; plane++) {
				double is = picture_sample(blended, plane, x, y);
				worst = fmax(worst, fabs(is - wanted(shape, clean, plane, x, y)));
			}
		}
	}
	return worst;
}

static void draw_background(uint32_t *argb) {
	for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
		argb[i] = random_u32();
	}
}

static void draw_shape(struct shape *shape, int x, int y, int width, int height) {
	shape->x = x;
	shape->y = y;
	shape->width = width;
	shape->height = height;
	for (int i = 0; i < width * height; i++) {
		uint32_t kind = random_u32() % 4;
		shape->argb[i] = premultiplied(kind == 0 ? 0 : kind == 1 ? 255 : random_u32() % 256);
	}
}

static void check_at(
		enum es_picture_layout layout, bool wide, int x, int y, int width, int height) {
	static uint32_t argb[WIDTH * HEIGHT];
	static struct shape shape;
	draw_background(argb);
	draw_shape(&shape, x, y, width, height);
	struct es_picture blended, clean;
	assert_true(picture_init(&blended, layout, WIDTH, HEIGHT));
	assert_true(picture_init(&clean, layout, WIDTH, HEIGHT));
	if (wide) {
		blended.colour.matrix = clean.colour.matrix = 9;
		blended.colour.full_range = clean.colour.full_range = true;
	}
	convert_all(argb, &blended);
	convert_all(argb, &clean);

	struct es_cursor_blend *cursor = cursor_blend_create();
	assert_true(
			cursor_blend_set_image(cursor, shape.argb, (uint32_t)width, (uint32_t)height, 3, 5));
	cursor_blend_move(cursor, x + 3, y + 5);
	cursor_blend_apply(cursor, &blended);
	double worst = worst_difference(&blended, &clean, &shape);
	if (worst > MAX_ERROR) {
		fail_msg("%dx%d at %d,%d in layout %d is off by %.2f", width, height, x, y, (int)layout,
				worst);
	}
	cursor_blend_restore(cursor, &blended);
	assert_memory_equal(blended.plane[0], clean.plane[0], picture_bytes(&clean));
	cursor_blend_destroy(cursor);
	picture_finish(&blended);
	picture_finish(&clean);
}

static void test_everywhere(void **state) {
	for (int i = 0; i < 400; i++) {
		int width = 1 + (int)(random_u32() % 40), height = 1 + (int)(random_u32() % 40);
		int x = (int)(random_u32() % (WIDTH + 60)) - 50,
			y = (int)(random_u32() % (HEIGHT + 60)) - 50;
		check_at((enum es_picture_layout)(i % (ES_PICTURE_I410 + 1)), i % 11 == 0, x, y, width,
				height);
	}
}

static void test_far_outside(void **state) {
	struct es_picture picture;
	assert_true(picture_init(&picture, ES_PICTURE_NV12, WIDTH, HEIGHT));
	struct es_cursor_blend *cursor = cursor_blend_create();
	uint32_t dot = 0xffffffff;
	assert_true(cursor_blend_set_image(cursor, &dot, 1, 1, INT32_MAX, INT32_MIN));
	static const int32_t places[] = {INT32_MIN, INT32_MAX, -1, WIDTH, 0};
	for (size_t i = 0; i < 5; i++) {
		for (size_t k = 0; k < 5; k++) {
			struct es_damage damage;
			damage_init(&damage, WIDTH, HEIGHT);
			cursor_blend_move(cursor, places[i], places[k]);
			cursor_blend_damage(cursor, &damage);
			cursor_blend_apply(cursor, &picture);
			cursor_blend_restore(cursor, &picture);
		}
	}
	cursor_blend_destroy(cursor);
	picture_finish(&picture);
}

static void test_damage_is_old_and_new_box(void **state) {
	struct es_picture picture;
	struct es_damage damage;
	uint32_t image[8 * 8];
	memset(image, 0xff, sizeof(image));
	assert_true(picture_init(&picture, ES_PICTURE_NV12, WIDTH, HEIGHT));
	damage_init(&damage, WIDTH, HEIGHT);
	struct es_cursor_blend *cursor = cursor_blend_create();
	cursor_blend_damage(cursor, &damage);
	assert_int_equal(damage.n, 0); // nothing there, nothing changed

	assert_true(cursor_blend_set_image(cursor, image, 8, 8, 0, 0));
	cursor_blend_move(cursor, 10, 20);
	cursor_blend_damage(cursor, &damage);
	assert_int_equal(damage.n, 1);
	assert_int_equal(damage.rects[0].x, 10);
	assert_int_equal(damage.rects[0].height, 8);
	cursor_blend_apply(cursor, &picture);
	cursor_blend_restore(cursor, &picture);

	damage_clear(&damage);
	cursor_blend_move(cursor, 10, 20);
	cursor_blend_damage(cursor, &damage);
	assert_int_equal(damage.n, 0);
	cursor_blend_move(cursor, 50, 20);
	cursor_blend_damage(cursor, &damage);
	assert_int_equal(damage.n, 2);
	cursor_blend_apply(cursor, &picture);
	cursor_blend_restore(cursor, &picture);

	damage_clear(&damage);
	assert_true(cursor_blend_set_image(cursor, NULL, 0, 0, 0, 0));
	cursor_blend_damage(cursor, &damage);
	assert_int_equal(damage.n, 1);
	assert_int_equal(damage.rects[0].x, 50);
	cursor_blend_destroy(cursor);
	picture_finish(&picture);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_everywhere),
			cmocka_unit_test(test_far_outside),
			cmocka_unit_test(test_damage_is_old_and_new_box),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
