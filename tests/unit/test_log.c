#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static int pipe_ends[2], saved_stderr;
static char caught[8192];

// What was written to standard error between the two.
static void catch_start(void) {
	assert_int_equal(0, pipe(pipe_ends));
	assert_int_equal(0, fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK));
	saved_stderr = dup(STDERR_FILENO);
	dup2(pipe_ends[1], STDERR_FILENO);
}

static const char *catch_end(void) {
	dup2(saved_stderr, STDERR_FILENO);
	ssize_t size = read(pipe_ends[0], caught, sizeof(caught) - 1);
	caught[size > 0 ? size : 0] = '\0';
	close(saved_stderr);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return caught;
}

static void test_line(void **state) {
	log_init("prog", ES_LOG_WARN);
	catch_start();
	errno = ENOENT;
	es_log(ES_LOG_WARN, "%s: %m and %d", "x", 5);
	int after = errno;
	es_log(ES_LOG_INFO, "not this");
	assert_string_equal("prog: x: No such file or directory and 5\n", catch_end());
	assert_int_equal(ENOENT, after);
	assert_true(log_enabled(ES_LOG_ERROR));
	assert_false(log_enabled(ES_LOG_INFO));
}

static void test_control_characters(void **state) {
	log_init("prog", ES_LOG_INFO);
	catch_start();
	es_log(ES_LOG_INFO, "a\nb\x1b[31m\tc\x7f\xc3\xa9");
	assert_string_equal("prog: a b [31m c \xc3\xa9\n", catch_end());
}

static void test_long_line(void **state) {
	static char text[5000];
	memset(text, 'x', sizeof(text) - 1);
	log_init("prog", ES_LOG_INFO);
	catch_start();
	es_log(ES_LOG_INFO, "%s", text);
	const char *line = catch_end();
	size_t size = strlen(line);
	assert_true(size > 1000 && size < sizeof(text));
	assert_int_equal('\n', line[size - 1]);
	assert_null(memchr(line, '\n', size - 1));
}

static void test_level_from_env(void **state) {
	unsetenv("EARTHSHINE_LOG");
	assert_int_equal(ES_LOG_WARN, log_level_from_env(ES_LOG_WARN));
	setenv("EARTHSHINE_LOG", "debug", 1);
	assert_int_equal(ES_LOG_DEBUG, log_level_from_env(ES_LOG_WARN));
	setenv("EARTHSHINE_LOG", "error", 1);
	assert_int_equal(ES_LOG_ERROR, log_level_from_env(ES_LOG_WARN));
	setenv("EARTHSHINE_LOG", "loud", 1);
	assert_int_equal(ES_LOG_WARN, log_level_from_env(ES_LOG_WARN));
	unsetenv("EARTHSHINE_LOG");
}

static void test_period(void **state) {
	assert_int_equal(16666667, clock_period_ns(60000));
	assert_int_equal(16683350, clock_period_ns(59940));
	assert_int_equal(ES_NS_PER_S, clock_period_ns(1000));
	assert_int_equal(1000000, clock_period_ns(1000000));
	int64_t before = clock_now_ns();
	assert_true(before > 0);
	assert_true(clock_now_ns() >= before);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_line),
			cmocka_unit_test(test_control_characters),
			cmocka_unit_test(test_long_line),
			cmocka_unit_test(test_level_from_env),
			cmocka_unit_test(test_period),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
