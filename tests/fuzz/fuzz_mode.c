// What a person types as size, rate and codec: what is taken is valid, and says the same again
// when it is written out.
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/mode.h"

#define MAX_TEXT 256

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "mode: %s\n", what);
		abort();
	}
}

static void check_mode(const char *text) {
	struct es_mode mode = {0}, again = {0};
	if (!mode_parse(text, &mode)) {
		require(mode.width == 0 && mode.height == 0 && mode.refresh_mhz == 0, "changed");
		return;
	}
	require(mode_valid(&mode), "not valid");
	char written[64];
	snprintf(written, sizeof(written), "%" PRIu32 "x%" PRIu32 "@%" PRId32 ".%03" PRId32, mode.width,
			mode.height, mode.refresh_mhz / 1000, mode.refresh_mhz % 1000);
	require(mode_parse(written, &again) && again.width == mode.width &&
					again.height == mode.height && again.refresh_mhz == mode.refresh_mhz,
			"another one when written out");
}

static void check_rest(const char *text) {
	int32_t refresh_mhz = -1;
	if (refresh_parse(text, &refresh_mhz)) {
		require(refresh_mhz >= ES_MODE_MIN_REFRESH_MHZ && refresh_mhz <= ES_MODE_MAX_REFRESH_MHZ,
				"rate out of range");
	} else {
		require(refresh_mhz == -1, "rate changed");
	}
	enum es_codec codec;
	if (codec_parse(text, &codec)) {
		require(strcmp(codec_name(codec), text) == 0, "another codec");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size >= MAX_TEXT) {
		return 0;
	}
	char *text = malloc(size + 1); // of its own size, so that a sanitizer sees what is read beyond
	if (text == NULL) {
		return 0;
	}
	if (size > 0) {
		memcpy(text, data, size);
	}
	text[size] = '\0';
	check_mode(text);
	check_rest(text);
	free(text);
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char *const seeds[] = {"1280x720", "1920x1080@59.94", "16x8192@1000.000", "23.976",
			"60", "h264", "hevc", "av1"};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[index]) > cap) {
		return 0;
	}
	memcpy(out, seeds[index], strlen(seeds[index]));
	return strlen(seeds[index]);
}
