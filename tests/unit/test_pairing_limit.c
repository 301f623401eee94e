#include "host/pairing_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"

#define MINUTE_NS (60 * ES_NS_PER_S)

static void test_ten_in_an_hour(void **state) {
	struct es_pairing_limit limit = {0};
	int64_t now = 5 * MINUTE_NS;
	for (int i = 0; i < 9; i++) {
		assert_int_equal(pairing_limit_fail(&limit, "192.0.2.1", now + i * MINUTE_NS), 0);
		assert_int_equal(pairing_limit_left(&limit, "192.0.2.1", now + i * MINUTE_NS), 0);
	}
	assert_int_equal(pairing_limit_fail(&limit, "192.0.2.1", now + 20 * MINUTE_NS), 40);
	assert_int_equal(pairing_limit_left(&limit, "192.0.2.1", now + 30 * MINUTE_NS), 30);
	assert_int_equal(pairing_limit_left(&limit, "192.0.2.1", now + 60 * MINUTE_NS - 1), 1);
	assert_int_equal(pairing_limit_left(&limit, "192.0.2.1", now + 60 * MINUTE_NS), 0);
	assert_int_equal(pairing_limit_left(&limit, "192.0.2.2", now + 30 * MINUTE_NS), 0);
	// It begins anew.
	assert_int_equal(pairing_limit_fail(&limit, "192.0.2.1", now + 60 * MINUTE_NS), 0);
}

static void test_slow_failures_are_forgotten(void **state) {
	struct es_pairing_limit limit = {0};
	for (int i = 0; i < 100; i++) {
		assert_int_equal(pairing_limit_fail(&limit, "192.0.2.1", i * 7 * MINUTE_NS), 0);
	}
}

static void test_many_addresses(void **state) {
	struct es_pairing_limit limit = {0};
	char address[32];
	for (int i = 0; i < 31 * ES_PAIRING_LIMIT; i++) { // the table is full
		snprintf(address, sizeof(address), "192.0.2.%d", i % 31);
		pairing_limit_fail(&limit, address, i);
	}
	assert_int_equal(pairing_limit_fail(&limit, "192.0.2.100", 1000), 0);
	assert_int_equal(pairing_limit_left(&limit, "192.0.2.0", 1001), 60);
	assert_int_equal(pairing_limit_fail(&limit, "192.0.2.101", 1002), 0); // the oldest goes
	assert_int_equal(pairing_limit_left(&limit, "192.0.2.0", 1003), 0);
	assert_int_equal(pairing_limit_left(&limit, "192.0.2.1", 1003), 60);
	// An hour later all are free.
	assert_int_equal(pairing_limit_fail(&limit, "192.0.2.102", 61 * MINUTE_NS), 0);
	assert_int_equal(pairing_limit_left(&limit, "192.0.2.1", 61 * MINUTE_NS), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_ten_in_an_hour),
			cmocka_unit_test(test_slow_failures_are_forgotten),
			cmocka_unit_test(test_many_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
