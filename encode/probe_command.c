#include "encode/probe_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drm_fourcc.h>

#include "encode/self_test.h"

#define ODD_WIDTH 1366
#define ODD_HEIGHT 767

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNAVAILABLE = 3 };

static bool parse_modifier(const char *text, uint64_t *modifier) {
	if (strcmp(text, "linear") == 0) {
		*modifier = DRM_FORMAT_MOD_LINEAR;
		return true;
	}
	if (strcmp(text, "invalid") == 0) {
		*modifier = DRM_FORMAT_MOD_INVALID;
		return true;
	}
	char *end;
	errno = 0;
	*modifier = strtoull(text, &end, 0);
	return errno == 0 && end != text && *end == '\0' && text[0] >= '0' && text[0] <= '9';
}

// "XR24:0x0", "AB24:linear".
static bool parse_format(struct es_self_test_request *request, const char *text) {
	if (strlen(text) < 6 || text[4] != ':') {
		return false;
	}
	request->fourcc = fourcc_code(text[0], text[1], text[2], text[3]);
	return parse_modifier(text + 5, &request->modifier);
}

static bool parse_tolerance(struct es_self_test_request *request, const char *text) {
	request->tolerance = (uint32_t)(text[0] - '0');
	return text[0] >= '1' && text[0] <= '9' && text[1] == '\0';
}

static bool parse_option(
		struct es_self_test_request *request, const char *option, const char *value) {
	if (strcmp(option, "--device") == 0) {
		request->node = value;
		return true;
	}
	if (strcmp(option, "--format") == 0) {
		return parse_format(request, value);
	}
	if (strcmp(option, "--tolerance") == 0) {
		return parse_tolerance(request, value);
	}
	if (strcmp(option, "--depth") == 0) {
		request->colour.depth = strcmp(value, "10") == 0 ? 10 : 8;
		return strcmp(value, "8") == 0 || strcmp(value, "10") == 0;
	}
	if (strcmp(option, "--chroma") == 0) {
		request->colour.yuv444 = strcmp(value, "444") == 0;
		return strcmp(value, "420") == 0 || request->colour.yuv444;
	}
	return false;
}

static bool parse(struct es_self_test_request *request, int argc, char *argv[]) {
	*request = (struct es_self_test_request){
			.mode = {.width = ODD_WIDTH, .height = ODD_HEIGHT, .refresh_mhz = 60000},
			.colour = colour_sdr(),
			.node = "",
	};
	for (int i = 2; i < argc; i += 2) {
		if (i + 1 == argc || !parse_option(request, argv[i], argv[i + 1])) {
			fprintf(stderr, "earthshine-encode: '%s %s' is no option of --probe\n", argv[i],
					i + 1 < argc ? argv[i + 1] : "");
			return false;
		}
	}
	return true;
}

int probe_command(
		int argc, char *argv[], void (*give_up_rights)(const struct es_encoder_impl *impl)) {
	struct es_self_test_request request;
	enum es_codec codec;
	if (!parse(&request, argc, argv)) {
		return EXIT_USAGE;
	}
	request.impl = codec_parse(argv[1], &codec) ? encoder_find(argv[0], codec) : NULL;
	if (request.impl == NULL) {
		printf("unavailable %s %s not built in\n", argv[0], argv[1]);
		return EXIT_UNAVAILABLE;
	}
	give_up_rights(request.impl); // what works only with more must not be found to work
	struct es_self_test_result result = self_test_run(&request);
	if (result.passed) {
		if (result.without[0] != '\0') {
			printf("without %s %s %s\n", request.impl->name, argv[1], result.without);
		}
		printf("ok %s %s %.0f\n", request.impl->name, argv[1], result.fps);
		return 0;
	}
	printf("%s %s %s %s\n", result.unavailable ? "unavailable" : "fail", request.impl->name,
			argv[1], result.reason);
	return result.unavailable ? EXIT_UNAVAILABLE : EXIT_FAILED;
}
