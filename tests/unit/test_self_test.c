// The self-test finds what the rung for tests is told to do wrong, and says it in words.
#define _GNU_SOURCE // setenv
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include "encode/fake_commands.h"
#include "encode/self_test.h"
#include "encode/sigbus_guard.h"
#include "encode/test_buffer.h"

static struct es_self_test_request make_request(void) {
	return (struct es_self_test_request){
			.impl = encoder_find("fake", ES_CODEC_H264),
			.mode = {641, 361, 60000},
			.colour = colour_sdr(),
			.node = "",
			.tolerance = 2,
	};
}

static struct es_self_test_result run_with(const char *commands) {
	assert_true(sigbus_guard_install()); // cmocka has one of its own, set before each test
	setenv(ES_FAKE_COMMANDS, commands, 1);
	struct es_self_test_request request = make_request();
	assert_non_null(request.impl);
	return self_test_run(&request);
}

static void test_good_one_passes(void **state) {
	struct es_self_test_result result = run_with("");
	if (!result.passed || result.fps <= 0) {
		fail_msg("%s", result.reason);
	}
}

static void test_bad_ones_are_named(void **state) {
	static const struct {
		const char *commands, *words;
	} cases[] = {
			{"green-after=0", "green"},
			{"green-after=4", "green"},
			{"black-after=0", "black"},
			{"black-after=3", "black"},
			{"stale-after=2", "stale"},
			{"swapped-after=0", "red and blue"},
			{"garbage-after=3", "decoded"},
			{"fail-after=6", "not encoded"},
			{"no-import", "refused"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct es_self_test_result result = run_with(cases[i].commands);
		if (result.passed || result.unavailable || strstr(result.reason, cases[i].words) == NULL) {
			fail_msg("%s: %s", cases[i].commands, result.reason);
		}
	}
}

static void test_absence_is_no_failure(void **state) {
	static const char *const cases[] = {"missing", "something-unknown", "hang-after=", "slow=1x"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct es_self_test_result result = run_with(cases[i]);
		assert_false(result.passed);
		assert_true(result.unavailable);
	}
}

// Where there are DMA-BUFs: every format that the rung offers.
static void test_every_format(void **state) {
	static const uint32_t fourccs[] = {DRM_FORMAT_XRGB8888, DRM_FORMAT_XBGR8888,
			DRM_FORMAT_ARGB8888, DRM_FORMAT_XRGB2101010, DRM_FORMAT_XBGR2101010};
	static const uint64_t modifiers[] = {DRM_FORMAT_MOD_LINEAR, DRM_FORMAT_MOD_INVALID};
	setenv(ES_FAKE_COMMANDS, "", 1);
	assert_true(sigbus_guard_install());
	for (size_t i = 0; i < 10; i++) {
		struct es_self_test_request request = make_request();
		request.fourcc = fourccs[i / 2];
		request.modifier = modifiers[i % 2];
		request.colour.depth = i / 2 < 3 ? 8 : 10;
		struct es_self_test_result result = self_test_run(&request);
		if (result.unavailable) {
			print_message("skipped: %s\n", result.reason);
			skip();
		}
		if (!result.passed) {
			fail_msg("%.4s: %s", (const char *)&request.fourcc, result.reason);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_good_one_passes),
			cmocka_unit_test(test_bad_ones_are_named),
			cmocka_unit_test(test_absence_is_no_failure),
			cmocka_unit_test(test_every_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
