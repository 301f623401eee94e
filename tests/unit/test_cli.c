// The words after `earthshine run`.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config.h"
#include "host/cli.h"
#include "host/nearest.h"
#include "host/output_file.h"
#include "host/quantity.h"

static char error[ES_CLI_ERROR_MAX];

#define MAX_WORDS 24

// Splits at blanks; the words live as long as the next call.
static enum es_cli_result parse(struct es_run_options *options, const char *words) {
	static char text[256];
	static char *argv[MAX_WORDS + 1];
	int argc = 0;
	char *rest = NULL;
	snprintf(text, sizeof(text), "run %s", words);
	for (char *word = strtok_r(text, " ", &rest); word != NULL && argc < MAX_WORDS;
			word = strtok_r(NULL, " ", &rest)) {
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	error[0] = '\0';
	return cli_parse_run(options, argc, argv, 0, error, sizeof(error));
}

static void test_defaults(void **state) {
	if (!ES_HAVE_X264) {
		skip();
	}
	struct es_run_options o;
	assert_int_equal(parse(&o, "-- app -o x"), ES_CLI_OK);
	assert_int_equal(o.mode.width, 1280);
	assert_int_equal(o.mode.height, 720);
	assert_int_equal(o.mode.refresh_mhz, 60000);
	assert_int_equal(o.scale_milli, 1000);
	assert_int_equal(o.codec, ES_CODEC_H264);
	assert_string_equal(o.encoder, "auto");
	assert_string_equal(o.gpu, "auto");
	assert_int_equal(o.container, ES_CONTAINER_MKV);
	assert_memory_equal(o.output, "earthshine-19", 13); // where it is 1970, or still 1969
	assert_int_equal(o.bitrate_kbps, 8900);
	assert_int_equal(o.ready_fd, -1);
	assert_int_equal(o.duration_ns, 0);
	assert_null(o.stats_path);
	assert_string_equal(o.command[0], "app");
	assert_string_equal(o.command[1], "-o"); // the app's own
	assert_null(o.command[3]);
}

static void test_all_options(void **state) {
	if (!ES_HAVE_X264) {
		skip();
	}
	struct es_run_options o;
	assert_int_equal(
			parse(&o,
					"-s 1920x1080@59.94 --scale 1.5 -o a.mp4 -b 2.5M -t 0.5 -T s.json -R 2 "
					"-q -v app"),
			ES_CLI_OK);
	assert_int_equal(o.mode.width, 1920);
	assert_int_equal(o.mode.refresh_mhz, 59940);
	assert_int_equal(o.scale_milli, 1500);
	assert_int_equal(o.container, ES_CONTAINER_MP4);
	assert_int_equal(o.bitrate_kbps, 2500);
	assert_int_equal(o.duration_ns, ES_NS_PER_S / 2);
	assert_string_equal(o.stats_path, "s.json");
	assert_int_equal(o.ready_fd, 2);
	assert_true(o.quiet && o.verbose);
	assert_int_equal(parse(&o, "-W 640 -H 480 -r 120 app"), ES_CLI_OK);
	assert_int_equal(o.mode.width, 640);
	assert_int_equal(o.mode.height, 480);
	assert_int_equal(o.mode.refresh_mhz, 120000);
	assert_int_equal(parse(&o, "--help"), ES_CLI_HELP);
}

static void assert_bad(const char *words, const char *named) {
	struct es_run_options o;
	assert_int_equal(parse(&o, words), ES_CLI_BAD);
	if (strstr(error, named) == NULL) {
		fail_msg("'%s': \"%s\" does not name %s", words, error, named);
	}
}

static void test_bad_values_are_named(void **state) {
	assert_bad("", "no app");
	assert_bad("-s 8x8 -- a", "'8x8'");
	assert_bad("-s 1280 -- a", "'1280'");
	assert_bad("-s 99999x720@60 -- a", "'99999x720@60'");
	assert_bad("-W 15 -- a", "'15'");
	assert_bad("-H 8193 -- a", "'8193'");
	assert_bad("-r 0 -- a", "'0'");
	assert_bad("-r 1001 -- a", "'1001'");
	assert_bad("--scale 0.2 -- a", "'0.2'");
	assert_bad("-c h265 -- a", "'h265'");
	assert_bad("--depth 9 -- a", "'9'");
	assert_bad("--chroma 4:4:4 -- a", "'4:4:4'");
	assert_bad("--chroma 444 -c av1 -- a", "-c hevc");
	assert_bad("-e fast -- a", "'fast'");
	if (!ES_HAVE_VAAPI) {
		assert_bad("-e vaapi -- a", "not available in this build");
	}
	assert_bad("--gpu 3 -- a", "'3'");
	assert_bad("-e x264 -c av1 -- a", "'x264'");
	assert_bad("-o film.avi -- a", "'film.avi'");
	assert_bad("-o film -- a", "'film'");
	assert_bad("-o .mkv/film -- a", "film");
	assert_bad("-o a.h264 -c hevc -- a", ".h264");
	assert_bad("-o a.ts -c av1 -- a", ".ts");
	assert_bad("-o - -T - -- a", "standard output");
	assert_bad("-o - -R 1 -- a", "standard output");
	assert_bad("-b 20 -- a", "'20'");
	assert_bad("-b 2000M -- a", "'2000M'");
	assert_bad("-t 0 -- a", "'0'");
	assert_bad("-t -1 -- a", "'-1'");
	assert_bad("-t inf -- a", "'inf'");
	assert_bad("-R 999 -- a", "999");
	assert_bad("-R x -- a", "'x'");
	assert_bad("--outptu x -- a", "'--output'");
	assert_bad("-Z -- a", "'-Z'");
	assert_bad("-o", "--output");
	assert_bad("--quiet=1 a", "takes no value");
}

static void test_colour(void **state) {
	struct es_run_options o;
	assert_int_equal(parse(&o, "a"), ES_CLI_OK);
	assert_int_equal(o.colour.depth, 8);
	assert_false(o.colour.yuv444);
	assert_int_equal(parse(&o, "--depth 10 --chroma 444 a"), ES_CLI_OK);
	assert_int_equal(o.colour.depth, 10);
	assert_true(o.colour.yuv444);
}

static void test_codec_follows_the_rest(void **state) {
	struct es_run_options o;
	if (ES_HAVE_SVTAV1) {
		assert_int_equal(parse(&o, "-e svtav1 a"), ES_CLI_OK);
		assert_int_equal(o.codec, ES_CODEC_AV1);
		assert_int_equal(parse(&o, "-o a.OBU a"), ES_CLI_OK);
		assert_int_equal(o.codec, ES_CODEC_AV1);
		assert_string_equal(o.encoder, "auto");
	}
	if (ES_HAVE_LAVC) {
		assert_int_equal(parse(&o, "-c hevc -o a.ts -e software a"), ES_CLI_OK);
		assert_string_equal(o.encoder, "software");
		assert_int_equal(o.codec, ES_CODEC_HEVC);
	}
}

static void test_bitrates(void **state) {
	uint32_t kbps = 0;
	assert_true(quantity_bitrate("20M", &kbps));
	assert_int_equal(kbps, 20000);
	assert_true(quantity_bitrate("8000000", &kbps));
	assert_int_equal(kbps, 8000);
	assert_true(quantity_bitrate("750k", &kbps));
	assert_int_equal(kbps, 750);
	assert_true(quantity_bitrate("1000M", &kbps));
	assert_int_equal(kbps, 1000000);
	static const char *const bad[] = {"", "M", "k", ".", "-1M", "99k", "1001M", "1.2345M", "20G",
			"20 M", "0x10M", "1e3k", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(quantity_bitrate(bad[i], &kbps));
	}
	assert_int_equal(kbps, 1000000);
}

static void test_default_bitrates(void **state) {
	struct es_mode mode = {1920, 1080, 60000};
	assert_int_equal(cli_default_bitrate_kbps(&mode, ES_CODEC_H264), 20000);
	assert_int_equal(cli_default_bitrate_kbps(&mode, ES_CODEC_AV1), 12500);
	mode.refresh_mhz = 120000; // those above 60 Hz count half
	assert_int_equal(cli_default_bitrate_kbps(&mode, ES_CODEC_H264), 29900);
	mode = (struct es_mode){16, 16, 1000};
	assert_int_equal(cli_default_bitrate_kbps(&mode, ES_CODEC_HEVC), 500);
	mode = (struct es_mode){8192, 8192, 1000000};
	assert_int_equal(cli_default_bitrate_kbps(&mode, ES_CODEC_H264), 200000);
}

static void test_seconds_and_scales(void **state) {
	int64_t ns = 0;
	assert_true(cli_parse_seconds("90", &ns));
	assert_int_equal(ns, 90 * ES_NS_PER_S);
	assert_true(cli_parse_seconds(".000000001", &ns));
	assert_int_equal(ns, 1);
	assert_false(cli_parse_seconds("0.0000000001", &ns));
	assert_false(cli_parse_seconds("31708800", &ns));
	assert_false(cli_parse_seconds("1:30", &ns));
	uint32_t milli = 0;
	assert_true(cli_parse_scale("0.25", &milli));
	assert_int_equal(milli, 250);
	assert_true(cli_parse_scale("8", &milli));
	assert_int_equal(milli, 8000);
	assert_false(cli_parse_scale("8.001", &milli));
	assert_false(cli_parse_scale("1.2.3", &milli));
}

static void test_containers(void **state) {
	assert_int_equal(output_file_container("-")->container, ES_CONTAINER_RAW);
	assert_int_equal(output_file_container("a/b.c/x.MKV")->container, ES_CONTAINER_MKV);
	assert_int_equal(output_file_container("x.ts")->container, ES_CONTAINER_TS);
	assert_int_equal(output_file_container("x.hevc")->codec, ES_CODEC_HEVC);
	assert_null(output_file_container("mkv"));
	assert_null(output_file_container("x.mkv.part"));
	assert_null(output_file_container("x."));
	assert_null(output_file_container("dir.mkv/"));
}

static void test_nearest_word(void **state) {
	static const char *const words[] = {"run", "doctor", "version", "help"};
	assert_string_equal(nearest_word("rnu", words, 4), "run");
	assert_string_equal(nearest_word("Docter", words, 4), "doctor");
	assert_string_equal(nearest_word("hlp", words, 4), "help");
	assert_null(nearest_word("frobnicate", words, 4));
	assert_null(nearest_word("", words, 4));
	assert_null(nearest_word("a-word-that-is-longer-than-any-of-them", words, 4));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_defaults),
			cmocka_unit_test(test_all_options),
			cmocka_unit_test(test_bad_values_are_named),
			cmocka_unit_test(test_colour),
			cmocka_unit_test(test_codec_follows_the_rest),
			cmocka_unit_test(test_bitrates),
			cmocka_unit_test(test_default_bitrates),
			cmocka_unit_test(test_seconds_and_scales),
			cmocka_unit_test(test_containers),
			cmocka_unit_test(test_nearest_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
