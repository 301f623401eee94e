// What encoders return, and what they must not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/unit_check.h"

#define CHECK(codec, idr, ...) \
	unit_check(codec, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), idr)

static void test_h264(void **state) {
	const enum es_codec c = ES_CODEC_H264;
	assert_null(CHECK(c, true, 0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 9, 9));
	assert_null(CHECK(c, false, 0, 0, 0, 1, 0x41, 9, 9));
	assert_null(CHECK(
			c, false, 0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x06, 1, 0, 0, 1, 0x41, 9)); // AUD, SEI
	assert_string_equal(CHECK(c, true, 0, 0, 1, 0x65, 9, 9), "an IDR without its parameter sets");
	assert_string_equal(CHECK(c, true, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x41, 9),
			"it is no IDR, though the encoder says so");
	assert_string_equal(CHECK(c, false, 0, 0, 1, 0x67, 1), "there is no picture in it");
	assert_string_equal(CHECK(c, false, 0, 0, 0, 0, 0, 0), "it is no bitstream");
	assert_string_equal(CHECK(c, false, 7, 0, 0, 1, 0x41, 9), "it is no bitstream");
	assert_string_equal(CHECK(c, false, 0, 0, 1, 0xc1, 9), "it is no bitstream");
	assert_string_equal(unit_check(c, NULL, 0, false), "it is empty");
}

static void test_hevc(void **state) {
	const enum es_codec c = ES_CODEC_HEVC;
	assert_null(CHECK(
			c, true, 0, 0, 0, 1, 0x40, 1, 0, 0, 1, 0x42, 1, 0, 0, 1, 0x44, 1, 0, 0, 1, 0x26, 1, 9));
	assert_null(CHECK(c, false, 0, 0, 0, 1, 0x02, 1, 9));
	assert_string_equal(CHECK(c, true, 0, 0, 1, 0x42, 1, 0, 0, 1, 0x44, 1, 0, 0, 1, 0x26, 1, 9),
			"an IDR without its parameter sets");
	assert_string_equal(CHECK(c, false, 0, 0, 1, 0x02, 0, 9), "it is no bitstream");
}

static void test_av1(void **state) {
	const enum es_codec c = ES_CODEC_AV1;
	assert_null(CHECK(c, true, 0x12, 0, 0x0a, 2, 1, 1, 0x32, 1, 9)); // delimiter, sequence, frame
	assert_null(CHECK(c, false, 0x12, 0, 0x32, 1, 9));
	assert_string_equal(
			CHECK(c, true, 0x12, 0, 0x32, 1, 9), "it is no IDR, though the encoder says so");
	assert_string_equal(CHECK(c, false, 0x12, 0), "there is no picture in it");
	assert_string_equal(CHECK(c, false, 0x32, 5, 9), "it is no bitstream"); // cut off
	assert_string_equal(CHECK(c, false, 0x30, 9), "it is no bitstream"); // no size
	assert_string_equal(CHECK(c, false, 0x92, 0, 9), "it is no bitstream");
}

// Whatever there is, it is only read.
static void test_noise(void **state) {
	unsigned found = 0;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		size_t size = (size_t)rand() % 64;
		uint8_t *data = malloc(size > 0 ? size : 1); // of its own size: a read past it is found
		assert_non_null(data);
		for (size_t j = 0; j < size; j++) {
			data[j] = (uint8_t)(rand() >> 7);
		}
		for (int codec = 0; codec < ES_CODEC_COUNT; codec++) {
			found += unit_check((enum es_codec)codec, data, size, false) != NULL;
		}
		free(data);
	}
	assert_true(found > 55000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_h264),
			cmocka_unit_test(test_hevc),
			cmocka_unit_test(test_av1),
			cmocka_unit_test(test_noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
