// Which buffers may go to the encoder as they are, by size and boxes; and what several encoders take
// in common.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>

#include "compositor/scan_out.h"
#include "compositor/shared_imports.h"

#define WIDTH 1280
#define HEIGHT 720

static struct es_scan_out whole(int width, int height) {
	return (struct es_scan_out){
			.screen_width = WIDTH,
			.screen_height = HEIGHT,
			.buffer_width = width,
			.buffer_height = height,
			.dst_width = WIDTH,
			.dst_height = HEIGHT,
	};
}

static struct es_box src;
static struct es_rect dst;
static enum es_compose_reason reason;

static bool try(const struct es_scan_out *candidate, bool scales) {
	reason = ES_COMPOSE_OTHER;
	return scan_out_boxes(candidate, scales, &src, &dst, &reason);
}

static void assert_boxes(uint32_t sx, uint32_t sy, uint32_t sw, uint32_t sh, uint32_t dx,
		uint32_t dy, uint32_t dw, uint32_t dh) {
	assert_int_equal(src.x, sx);
	assert_int_equal(src.y, sy);
	assert_int_equal(src.width, sw);
	assert_int_equal(src.height, sh);
	assert_int_equal(dst.x, dx);
	assert_int_equal(dst.y, dy);
	assert_int_equal(dst.width, dw);
	assert_int_equal(dst.height, dh);
}

static void test_the_whole_screen_needs_no_boxes(void **state) {
	struct es_scan_out c = whole(WIDTH, HEIGHT);
	for (int scales = 0; scales < 2; scales++) {
		assert_true(try(&c, scales));
		assert_boxes(0, 0, 0, 0, 0, 0, 0, 0);
	}
	c.dst_width = c.dst_height = 0; // native size
	assert_true(try(&c, false));
	c.src_width = WIDTH;
	c.src_height = HEIGHT;
	assert_true(try(&c, false));
	assert_boxes(0, 0, 0, 0, 0, 0, 0, 0);
}

static void test_other_sizes_need_an_encoder_that_scales(void **state) {
	struct es_scan_out c = whole(640, 360);
	assert_false(try(&c, false));
	assert_int_equal(reason, ES_COMPOSE_SCALED);
	assert_true(try(&c, true));
	assert_boxes(0, 0, 640 * 256, 360 * 256, 0, 0, WIDTH, HEIGHT);
	c.src_x = 100.5;
	c.src_y = 50;
	c.src_width = 320;
	c.src_height = 180;
	assert_false(try(&c, false));
	assert_true(try(&c, true));
	assert_boxes(25728, 50 * 256, 320 * 256, 180 * 256, 0, 0, WIDTH, HEIGHT);
}

static void test_windows_that_do_not_fill_the_screen(void **state) {
	struct es_scan_out c = whole(400, 300);
	c.dst_x = 100;
	c.dst_y = 80;
	c.dst_width = c.dst_height = 0;
	assert_false(try(&c, false));
	assert_int_equal(reason, ES_COMPOSE_LAYERS);
	assert_true(try(&c, true));
	assert_boxes(0, 0, 400 * 256, 300 * 256, 100, 80, 400, 300);
}

static void test_what_leaves_the_screen_or_the_buffer(void **state) {
	struct es_scan_out c = whole(640, 360);
	c.dst_x = 2;
	assert_false(try(&c, true));
	c = whole(WIDTH, HEIGHT);
	c.dst_x = -2;
	assert_false(try(&c, true));
	c = whole(640, 640);
	c.dst_width = c.dst_height = 0;
	c.screen_height = 480;
	assert_false(try(&c, true));
	c = whole(640, 360);
	c.src_x = 1;
	c.src_width = 640;
	c.src_height = 360;
	assert_false(try(&c, true));
	c.src_x = -1;
	assert_false(try(&c, true));
	c.src_x = 0;
	c.src_width = NAN;
	assert_false(try(&c, true));
	c.src_width = INFINITY;
	assert_false(try(&c, true));
}

static void test_odd_edges_and_ratios_are_refused(void **state) {
	struct es_scan_out c = whole(400, 300);
	c.dst_x = 101;
	c.dst_y = 80;
	c.dst_width = 400;
	c.dst_height = 300;
	assert_false(try(&c, true));
	c.dst_x = 100;
	c.dst_width = 399;
	assert_false(try(&c, true));
	c.dst_width = WIDTH - 100; // the screen's own edge, odd or not
	assert_true(try(&c, true));
	c.screen_width--;
	c.dst_width--;
	assert_true(try(&c, true));
	c = whole(WIDTH / 8 - 1, HEIGHT);
	assert_false(try(&c, true));
	c = whole(WIDTH * 8 + 1, HEIGHT);
	assert_false(try(&c, true));
	c = whole(WIDTH / 8, HEIGHT * 8);
	assert_true(try(&c, true));
	c.src_width = 100.001; // no multiple of 1/256
	c.src_height = HEIGHT;
	assert_false(try(&c, true));
	assert_boxes(0, 0, 0, 0, 0, 0, 0, 0);
}

static void test_only_what_all_encoders_take(void **state) {
	const struct es_frame_format first[] = {{1, 10}, {1, 11}, {2, 10}, {3, 5}};
	const struct es_frame_format second[] = {{3, 5}, {1, 11}, {2, 11}};
	struct es_imports imports;
	shared_imports_begin(&imports, true, true, first, 4);
	assert_int_equal(imports.n_formats, 4);
	shared_imports_limit(&imports, true, false, second, 3);
	assert_true(imports.blends_cursor);
	assert_false(imports.scales);
	assert_int_equal(imports.n_formats, 2);
	assert_int_equal(imports.formats[0].fourcc, 1);
	assert_int_equal(imports.formats[0].modifier, 11);
	assert_int_equal(imports.formats[1].fourcc, 3);
	shared_imports_limit(&imports, false, true, first, 0); // one that has not told yet
	assert_int_equal(imports.n_formats, 0);
	assert_false(imports.blends_cursor);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_the_whole_screen_needs_no_boxes),
			cmocka_unit_test(test_other_sizes_need_an_encoder_that_scales),
			cmocka_unit_test(test_windows_that_do_not_fill_the_screen),
			cmocka_unit_test(test_what_leaves_the_screen_or_the_buffer),
			cmocka_unit_test(test_odd_edges_and_ratios_are_refused),
			cmocka_unit_test(test_only_what_all_encoders_take),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
