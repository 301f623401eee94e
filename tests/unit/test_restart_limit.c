// How often an encoder may be replaced.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "host/restart_limit.h"

static void test_fifth_within_a_minute(void **state) {
	struct es_restart_limit limit = {0};
	for (int i = 0; i < 4; i++) {
		assert_true(restart_limit_allows(&limit, 1 + i * 15 * ES_NS_PER_S));
	}
	assert_false(restart_limit_allows(&limit, 1 + 60 * ES_NS_PER_S));
	// Refused ones do not count.
	assert_true(restart_limit_allows(&limit, 2 + 60 * ES_NS_PER_S));
	assert_false(restart_limit_allows(&limit, 1 + 75 * ES_NS_PER_S));
	assert_true(restart_limit_allows(&limit, 2 + 75 * ES_NS_PER_S));
}

static void test_all_at_once(void **state) {
	struct es_restart_limit limit = {0};
	for (int i = 0; i < 4; i++) {
		assert_true(restart_limit_allows(&limit, 7));
	}
	assert_false(restart_limit_allows(&limit, 7));
}

static void test_one_every_quarter(void **state) {
	struct es_restart_limit limit = {0};
	for (int i = 0; i < 100; i++) {
		assert_true(restart_limit_allows(&limit, 1 + i * 16 * ES_NS_PER_S));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_fifth_within_a_minute),
			cmocka_unit_test(test_all_at_once),
			cmocka_unit_test(test_one_every_quarter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
