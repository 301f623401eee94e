// The query of a request: what is taken says the same again when it is written anew, launch
// parameters are in their ranges, and whatever it holds goes into well-formed XML.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/nvhttp.h"
#include "tests/unit/check_xml.h"

static struct es_query query, again;
static char anew[3 * ES_QUERY_MAX_SIZE + 1];

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "nvhttp: %s\n", what);
		abort();
	}
}

static size_t put_escaped(char *out, const char *text) {
	static const char digits[] = "0123456789abcdef";
	size_t size = 0;
	for (const uint8_t *c = (const uint8_t *)text; *c != '\0'; c++) {
		out[size++] = '%';
		out[size++] = digits[*c >> 4];
		out[size++] = digits[*c & 15];
	}
	return size;
}

static void check_anew(void) {
	size_t size = 0;
	for (size_t i = 0; i < query.n_params; i++) {
		size += put_escaped(anew + size, query.params[i].name);
		anew[size++] = '=';
		size += put_escaped(anew + size, query.params[i].value);
		anew[size++] = '&';
	}
	if (size > ES_QUERY_MAX_SIZE) {
		return;
	}
	require(query_parse(&again, anew, size), "not taken when written anew");
	require(again.n_params == query.n_params, "other parameters when written anew");
	for (size_t i = 0; i < query.n_params; i++) {
		require(strcmp(query.params[i].name, again.params[i].name) == 0 &&
						strcmp(query.params[i].value, again.params[i].value) == 0,
				"another parameter when written anew");
		require(query_get(&query, query.params[i].name) != NULL, "a parameter that is not found");
	}
}

static void check_xml(const char *text) {
	static char data[8 * ES_QUERY_MAX_SIZE];
	struct es_xml xml = {.data = data, .cap = sizeof(data)};
	require(xml_error(&xml, 400, text, "resume") && xml_well_formed(data, xml.size),
			"an error that is not well-formed");
	require(xml_paired(&xml, false, "value", text) && xml_well_formed(data, xml.size),
			"an element that is not well-formed");
}

static void check_launch(bool app_required) {
	static const struct es_launch_params zero;
	struct es_launch_params params;
	char error[128] = "";
	if (!launch_params_parse(&params, &query, app_required, error, sizeof(error))) {
		require(error[0] != '\0', "no reason");
		require(memcmp(&zero, &params, sizeof(zero)) == 0, "refused, but not wiped");
		check_xml(error);
		return;
	}
	require(!app_required || params.has_app, "no app");
	require(!params.has_app || (params.app_id >= 1 && params.app_id <= INT32_MAX), "app id");
	require(!params.has_mode || mode_valid(&params.mode), "mode");
	require(params.surround_channels >= 1 && params.surround_channels <= 8, "channels");
	require(params.surround_mask >= 1 && params.pads <= 0xffff, "masks");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (!query_parse(&query, (const char *)data, size)) {
		require(query.n_params == 0, "parameters of a query that was refused");
		return 0;
	}
	require(query.n_params <= ES_QUERY_MAX_PARAMS, "too many parameters");
	check_anew();
	for (size_t i = 0; i < query.n_params; i++) {
		check_xml(query.params[i].value);
	}
	const char *id = query_unique_id(&query);
	require(id == NULL || strlen(id) <= 64, "a long id");
	check_launch(true);
	check_launch(false);
	return 0;
}

#define RIKEY "rikey=000102030405060708090a0b0c0d0e0f"

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char *const seeds[] = {
			"uniqueid=0123456789ABCDEF&uuid=5c7f&appid=881448767&mode=1920x1080x60&" RIKEY
			"&rikeyid=-1718205113&hdrMode=1&localAudioPlayMode=0&surroundAudioInfo=196610&"
			"remoteControllersBitmap=1&gcmap=1&corever=1",
			"appid=1&rikeyid=1&" RIKEY, "rikeyid=2147483647&" RIKEY "&mode=1280x720x59940&gcmap=-1",
			"uniqueid=1&devicename=a+b%20%c3%a4%26&phrase=pairchallenge", "a=1&&=2&b&C=%41%3d"};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[index]) > cap) {
		return 0;
	}
	memcpy(out, seeds[index], strlen(seeds[index]));
	return strlen(seeds[index]);
}
