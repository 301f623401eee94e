// What the person at the terminal sees.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "host/live_line.h"

static struct es_stream_stats stats(uint64_t fresh, uint64_t repeated, uint64_t bytes) {
	struct es_stream_stats s = {.units_new = fresh, .units_repeated = repeated, .bytes = bytes};
	s.recent[ES_STAGE_TOTAL] =
			(struct es_stage_summary){.p50_us = 3249, .p99_us = 15051, .max_us = 1};
	return s;
}

static void test_rates(void **state) {
	struct es_stream_stats before = stats(100, 2, 1000000), now = stats(220, 3, 3500000);
	char text[256];
	live_line_text(text, sizeof(text), 65 * ES_NS_PER_S, 2 * ES_NS_PER_S, &before, &now);
	assert_string_equal(
			text, "1:05  60.0 fps new, 0.5 repeated, 10.0 Mbit/s, total p50 3.2 ms p99 15.0 ms");
}

static void test_nothing_encoded(void **state) {
	struct es_stream_stats before = {0}, now = {0};
	char text[256];
	live_line_text(text, sizeof(text), ES_NS_PER_S, ES_NS_PER_S, &before, &now);
	assert_string_equal(text, "0:01  0.0 fps new, 0.0 repeated, 0.0 Mbit/s");
	// Counters never go back, time may not advance: neither may do harm.
	before = stats(10, 10, 10);
	live_line_text(text, sizeof(text), 0, 0, &before, &now);
	assert_string_equal(text, "0:00  0.0 fps new, 0.0 repeated, 0.0 Mbit/s");
	char tiny[8];
	live_line_text(tiny, sizeof(tiny), 0, 1, &now, &before);
	assert_int_equal(strlen(tiny), 7);
}

static void test_durations_and_sizes(void **state) {
	char text[32];
	live_line_duration(text, sizeof(text), 7 * ES_NS_PER_S + 999);
	assert_string_equal(text, "0:07");
	live_line_duration(text, sizeof(text), 3723 * ES_NS_PER_S);
	assert_string_equal(text, "1:02:03");
	live_line_bytes(text, sizeof(text), 931);
	assert_string_equal(text, "931 B");
	live_line_bytes(text, sizeof(text), 999949);
	assert_string_equal(text, "999.9 kB");
	live_line_bytes(text, sizeof(text), 25100000);
	assert_string_equal(text, "25.1 MB");
	live_line_bytes(text, sizeof(text), UINT64_C(4200000000));
	assert_string_equal(text, "4.2 GB");
}

static void test_plain_lines(void **state) {
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	struct es_live_line line;
	live_line_init(&line, fds[1], 0);
	assert_false(line.terminal);
	assert_int_equal(live_line_interval_ns(&line), 5 * ES_NS_PER_S);
	struct es_stream_stats now = stats(300, 0, 0);
	live_line_show(&line, &now, 5 * ES_NS_PER_S);
	live_line_clear(&line); // leaves plain lines alone
	close(fds[1]);
	char text[256];
	ssize_t n = read(fds[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text,
			"earthshine: 0:05  60.0 fps new, 0.0 repeated, 0.0 Mbit/s, total p50 3.2 ms p99 15.0 ms\n");
	close(fds[0]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_rates),
			cmocka_unit_test(test_nothing_encoded),
			cmocka_unit_test(test_durations_and_sizes),
			cmocka_unit_test(test_plain_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
