// The summary of a run as JSON: the keys that tools rely on.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/stats_json.h"

static struct es_run_summary example(void) {
	struct es_run_summary s = {
			.duration_ns = 20 * ES_NS_PER_S + ES_NS_PER_S / 2,
			.mode = {1280, 720, 59940},
			.encoder = "x264",
			.codec = ES_CODEC_H264,
			.bitrate_kbps = 8900,
			.encoder_restarts = 1,
			.exit_status = 3,
			.end_reason = "app",
	};
	s.display.committed = 1201;
	s.display.superseded = 2;
	s.display.composed = 1199;
	s.display.compose_reason[ES_COMPOSE_SHM] = 1198;
	s.display.compose_reason[ES_COMPOSE_OTHER] = 1;
	s.display.damage_px = 77;
	s.display.composed_px = 78;
	s.display.usage = (struct es_usage){.cpu_us = 1234567, .peak_rss_kib = 50000};
	s.encode.cache_hits = 1196;
	s.encode.cache_misses = 3;
	s.stream.units_new = 1199;
	s.stream.units_repeated = 7;
	s.stream.bytes = UINT64_C(5000000000);
	s.stream.first_ns = 1000;
	s.stream.last_ns = 2000;
	s.stream.missed_slots = 4;
	s.stream.session[ES_STAGE_TOTAL] = (struct es_stage_summary){1, 2, 3, 4, UINT64_C(1) << 40};
	snprintf(s.stream.encoder, sizeof(s.stream.encoder), "svtav1");
	s.stream.codec = ES_CODEC_AV1;
	return s;
}

static yyjson_doc *parse(const struct es_run_summary *summary) {
	size_t size;
	char *text = stats_json_text(summary, &size);
	assert_non_null(text);
	yyjson_doc *doc = yyjson_read(text, size, 0);
	free(text);
	assert_non_null(doc);
	return doc;
}

static uint64_t number(yyjson_doc *doc, const char *pointer) {
	yyjson_val *value = yyjson_doc_ptr_get(doc, pointer);
	if (!yyjson_is_uint(value)) {
		fail_msg("%s is no whole number", pointer);
	}
	return yyjson_get_uint(value);
}

static void test_values(void **state) {
	struct es_run_summary summary = example();
	yyjson_doc *doc = parse(&summary);
	assert_true(yyjson_get_real(yyjson_doc_ptr_get(doc, "/seconds")) == 20.5);
	assert_string_equal(yyjson_get_str(yyjson_doc_ptr_get(doc, "/encoder")), "svtav1");
	assert_string_equal(yyjson_get_str(yyjson_doc_ptr_get(doc, "/codec")), "av1");
	assert_string_equal(yyjson_get_str(yyjson_doc_ptr_get(doc, "/end")), "app");
	static const struct {
		const char *pointer;
		uint64_t value;
	} wanted[] = {
			{"/mode/width", 1280},
			{"/mode/height", 720},
			{"/mode/refresh_mhz", 59940},
			{"/frames/committed", 1201},
			{"/frames/new", 1199},
			{"/frames/repeated", 7},
			{"/frames/superseded", 2},
			{"/frames/cursor", 0},
			{"/frames/dropped", 0},
			{"/frames/direct", 0},
			{"/frames/composed", 1199},
			{"/compose_reasons/shm", 1198},
			{"/compose_reasons/other", 1},
			{"/stages_us/total/p50", 1},
			{"/stages_us/total/p95", 2},
			{"/stages_us/total/p99", 3},
			{"/stages_us/total/max", 4},
			{"/stages_us/total/sum_ns", UINT64_C(1) << 40},
			{"/import_cache/hits", 1196},
			{"/import_cache/misses", 3},
			{"/import_cache/evictions", 0},
			{"/damage_px", 77},
			{"/composed_px", 78},
			{"/bytes", UINT64_C(5000000000)},
			{"/cpu_ms/display", 1234},
			{"/peak_rss_kib/display", 50000},
			{"/first_ns", 1000},
			{"/last_ns", 2000},
			{"/missed_slots", 4},
			{"/encoder_restarts", 1},
			{"/exit", 3},
	};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (number(doc, wanted[i].pointer) != wanted[i].value) {
			fail_msg("%s is wrong", wanted[i].pointer);
		}
	}
	yyjson_doc_free(doc);
}

static void test_all_stages_and_rooms(void **state) {
	struct es_run_summary summary = {.mode = {16, 16, 1000},
			.encoder = "x265",
			.codec = ES_CODEC_HEVC,
			.end_reason = "failure",
			.exit_status = 1};
	yyjson_doc *doc = parse(&summary);
	static const char *const stages[] = {
			"wait", "compose", "queue", "convert", "encode", "packetize", "send", "total"};
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		char pointer[64];
		snprintf(pointer, sizeof(pointer), "/stages_us/%s/p99", stages[i]);
		assert_int_equal(number(doc, pointer), 0);
	}
	static const char *const rooms[] = {"display", "encode", "stream"};
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		char pointer[64];
		snprintf(pointer, sizeof(pointer), "/cpu_ms/%s", rooms[i]);
		assert_int_equal(number(doc, pointer), 0);
		snprintf(pointer, sizeof(pointer), "/peak_rss_kib/%s", rooms[i]);
		assert_int_equal(number(doc, pointer), 0);
	}
	// No encoder was seen: what was asked for.
	assert_string_equal(yyjson_get_str(yyjson_doc_ptr_get(doc, "/encoder")), "x265");
	assert_string_equal(yyjson_get_str(yyjson_doc_ptr_get(doc, "/codec")), "hevc");
	yyjson_doc_free(doc);
}

static size_t count_files(const char *dir) {
	size_t n = 0;
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
		n += entry->d_name[0] != '.';
	}
	closedir(d);
	return n;
}

static void test_file_is_replaced_whole(void **state) {
	char dir[] = "/tmp/earthshine-test-XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s.json", dir);
	struct es_run_summary summary = example();
	assert_true(stats_json_check(path));
	assert_true(stats_json_write(path, &summary));
	assert_true(stats_json_write(path, &summary));
	assert_int_equal(count_files(dir), 1);
	struct stat st;
	mode_t mask = umask(0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666 & ~mask);
	yyjson_doc *doc = yyjson_read_file(path, 0, NULL, NULL);
	assert_non_null(doc);
	yyjson_doc_free(doc);
	assert_true(stats_json_write("/dev/null", &summary)); // not replaced by a file
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	unlink(path);
	assert_false(stats_json_check(dir)); // a directory
	rmdir(dir);
	assert_false(stats_json_check(path)); // in a directory that is gone
	assert_false(stats_json_write(path, &summary));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_values),
			cmocka_unit_test(test_all_stages_and_rooms),
			cmocka_unit_test(test_file_is_replaced_whole),
	};
	log_init("test", ES_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
