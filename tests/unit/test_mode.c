#include "protocol/mode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void accept(const char *text, uint32_t width, uint32_t height, int32_t refresh_mhz) {
	struct es_mode mode = {1, 1, 50000};
	if (!mode_parse(text, &mode)) {
		fail_msg("\"%s\" is refused", text);
	}
	assert_int_equal(width, mode.width);
	assert_int_equal(height, mode.height);
	assert_int_equal(refresh_mhz, mode.refresh_mhz);
}

static void test_mode_parse(void **state) {
	accept("1280x720", 1280, 720, 50000);
	accept("1280x720@60", 1280, 720, 60000);
	accept("1920x1080@59.94", 1920, 1080, 59940);
	accept("1920x1080@59.9", 1920, 1080, 59900);
	accept("1920x1080@23.976", 1920, 1080, 23976);
	accept("16x8192@1", 16, 8192, 1000);
	accept("8192x16@1000.000", 8192, 16, 1000000);
}

static void test_mode_parse_refuses(void **state) {
	static const char *const texts[] = {"", "x", "1280", "1280x", "x720", "1280x720x60", "1280X720",
			" 1280x720", "1280x720 ", "1280 x720", "+1280x720", "-1280x720", "1280x-720",
			"0x500x720", "15x720", "1280x15", "8193x720", "1280x8193", "4294967312x720",
			"99999999999999999999x720", "1280x720@", "1280x720@0", "1280x720@0.999",
			"1280x720@1000.001", "1280x720@1001", "1280x720@60.", "1280x720@.5", "1280x720@60.1234",
			"1280x720@60.0000", "1280x720@60,5", "1280x720@6e1", "1280x720@-60", "1280x720@60Hz",
			"1280x720@@60", "1280x720@60@60", "1280x720@4294967356", "1280.0x720", "nanxnan@nan"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct es_mode mode = {640, 480, 30000};
		if (mode_parse(texts[i], &mode)) {
			fail_msg("\"%s\" is taken", texts[i]);
		}
		assert_int_equal(640, mode.width);
		assert_int_equal(480, mode.height);
		assert_int_equal(30000, mode.refresh_mhz);
	}
	struct es_mode unset = {0};
	assert_false(mode_parse("1280x720", &unset)); // no rate from anywhere
}

static void test_refresh_parse(void **state) {
	int32_t refresh_mhz = 7;
	assert_true(refresh_parse("59.94", &refresh_mhz));
	assert_int_equal(59940, refresh_mhz);
	assert_true(refresh_parse("1000", &refresh_mhz));
	assert_int_equal(1000000, refresh_mhz);
	assert_true(refresh_parse("1.001", &refresh_mhz));
	assert_int_equal(1001, refresh_mhz);
	assert_false(refresh_parse("", &refresh_mhz));
	assert_false(refresh_parse("60 ", &refresh_mhz));
	assert_false(refresh_parse("0", &refresh_mhz));
	assert_false(refresh_parse("999999999999", &refresh_mhz));
	assert_int_equal(1001, refresh_mhz);
}

static void test_mode_valid(void **state) {
	assert_true(mode_valid(&(struct es_mode){16, 16, 1000}));
	assert_true(mode_valid(&(struct es_mode){8192, 8192, 1000000}));
	assert_false(mode_valid(&(struct es_mode){15, 16, 1000}));
	assert_false(mode_valid(&(struct es_mode){16, 8193, 1000}));
	assert_false(mode_valid(&(struct es_mode){16, 16, 999}));
	assert_false(mode_valid(&(struct es_mode){16, 16, 1000001}));
	assert_false(mode_valid(&(struct es_mode){16, 16, INT32_MIN}));
}

static void test_colour(void **state) {
	struct es_colour sdr = colour_sdr();
	assert_true(colour_valid(&sdr));
	assert_int_equal(1, sdr.primaries);
	assert_int_equal(1, sdr.transfer);
	assert_int_equal(1, sdr.matrix);
	assert_int_equal(8, sdr.depth);
	assert_false(sdr.full_range);
	assert_false(sdr.yuv444);
	assert_true(colour_valid(&(struct es_colour){9, 16, 9, true, 10, true}));
	assert_false(colour_valid(&(struct es_colour){0, 1, 1, false, 8, false}));
	assert_false(colour_valid(&(struct es_colour){1, 13, 1, false, 8, false}));
	assert_false(colour_valid(&(struct es_colour){1, 1, 5, false, 8, false}));
	assert_false(colour_valid(&(struct es_colour){1, 1, 1, false, 12, false}));
}

static void test_codec(void **state) {
	static const char *const names[] = {"h264", "hevc", "av1"};
	for (int i = 0; i < ES_CODEC_COUNT; i++) {
		assert_string_equal(names[i], codec_name((enum es_codec)i));
		enum es_codec codec = ES_CODEC_COUNT;
		assert_true(codec_parse(names[i], &codec));
		assert_int_equal(i, codec);
	}
	assert_null(codec_name(ES_CODEC_COUNT));
	assert_null(codec_name((enum es_codec) - 1));
	enum es_codec codec = ES_CODEC_AV1;
	assert_false(codec_parse("", &codec));
	assert_false(codec_parse("H264", &codec));
	assert_false(codec_parse("h264 ", &codec));
	assert_int_equal(ES_CODEC_AV1, codec);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_mode_parse),
			cmocka_unit_test(test_mode_parse_refuses),
			cmocka_unit_test(test_refresh_parse),
			cmocka_unit_test(test_mode_valid),
			cmocka_unit_test(test_colour),
			cmocka_unit_test(test_codec),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
