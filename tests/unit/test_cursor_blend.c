// The cursor against blending in RGB and converting afterwards, at every edge and parity; what it
// covered comes back exactly.
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

#define WIDTH 97
#define HEIGHT 61
#define MAX_ERROR 3 // two roundings instead of one

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

static uint32_t over(uint32_t below, uint32_t above) {
	uint32_t result = 0, kept = 255 - (above >> 24);
	for (int shift = 0; shift < 24; shift += 8) {
		uint32_t v = ((below >> shift & 255) * kept + 127) / 255 + (above >> shift & 255);
		result |= (v < 255 ? v : 255) << shift;
	}
	return result;
}

static void blend_rgb(uint32_t *argb, const uint32_t *image, int width, int height, int x, int y) {
	for (int dy = 0; dy < height; dy++) {
		for (int dx = 0; dx < width; dx++) {
			int px = x + dx, py = y + dy;
			if (px >= 0 && py >= 0 && px < WIDTH && py < HEIGHT) {
				argb[py * WIDTH + px] = over(argb[py * WIDTH + px], image[dy * width + dx]);
			}
		}
	}
}

// In codes.
static int worst_difference(const struct es_picture *a, const struct es_picture *b) {
	struct es_layout layout = picture_layout(a->layout);
	int worst = 0;
	for (uint32_t i = 0; i < layout.n_planes; i++) {
		uint32_t rows = picture_rows(a, i, HEIGHT);
		size_t size = picture_row_size(a, i, i == 0 ? WIDTH : WIDTH & ~1u);
		for (uint32_t y = 0; y < rows; y++) {
			for (size_t x = 0; x < size; x += layout.sample_size) {
				uint16_t one = 0, other = 0;
				memcpy(&one, a->plane[i] + (size_t)y * a->stride[i] + x, layout.sample_size);
				memcpy(&other, b->plane[i] + (size_t)y * b->stride[i] + x, layout.sample_size);
				int difference = abs((one >> layout.shift) - (other >> layout.shift));
				worst = difference > worst ? difference : worst;
			}
		}
	}
	return worst;
}

static void draw_background(uint32_t *argb) {
	// Pixels that share a chroma sample are the same: blending after subsampling is exact only then.
	for (size_t y = 0; y < HEIGHT; y++) {
		for (size_t x = 0; x < WIDTH; x++) {
			bool first = (x & 1) == 0 && (y & 1) == 0;
			argb[y * WIDTH + x] = first ? random_u32() : argb[(y & ~1u) * WIDTH + (x & ~1u)];
		}
	}
}

static void check_at(
		enum es_picture_layout layout, bool wide, int x, int y, int width, int height) {
	static uint32_t argb[WIDTH * HEIGHT];
	static uint32_t image[40 * 40];
	draw_background(argb);
	for (int i = 0; i < width * height; i++) {
		uint32_t kind = random_u32() % 4;
		image[i] = premultiplied(kind == 0 ? 0 : kind == 1 ? 255 : random_u32() % 256);
	}
	struct es_picture blended, wanted, clean;
	assert_true(picture_init(&blended, layout, WIDTH, HEIGHT));
	assert_true(picture_init(&wanted, layout, WIDTH, HEIGHT));
	assert_true(picture_init(&clean, layout, WIDTH, HEIGHT));
	if (wide) {
		blended.colour.matrix = wanted.colour.matrix = clean.colour.matrix = 9;
		blended.colour.full_range = wanted.colour.full_range = clean.colour.full_range = true;
	}
	convert_all(argb, &blended);
	convert_all(argb, &clean);

	struct es_cursor_blend *cursor = cursor_blend_create();
	assert_true(cursor_blend_set_image(cursor, image, (uint32_t)width, (uint32_t)height, 3, 5));
	cursor_blend_move(cursor, x + 3, y + 5);
	cursor_blend_apply(cursor, &blended);
	blend_rgb(argb, image, width, height, x, y);
	convert_all(argb, &wanted);
	int worst = worst_difference(&blended, &wanted);
	if (worst > MAX_ERROR << (picture_layout(layout).depth - 8)) {
		fail_msg("%dx%d at %d,%d in layout %d is off by %d", width, height, x, y, (int)layout,
				worst);
	}
	cursor_blend_restore(cursor, &blended);
	assert_memory_equal(blended.plane[0], clean.plane[0], picture_bytes(&clean));
	cursor_blend_destroy(cursor);
	picture_finish(&blended);
	picture_finish(&wanted);
	picture_finish(&clean);
}

static void test_like_rgb_everywhere(void **state) {
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
			cmocka_unit_test(test_like_rgb_everywhere),
			cmocka_unit_test(test_far_outside),
			cmocka_unit_test(test_damage_is_old_and_new_box),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
