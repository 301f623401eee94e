#include "protocol/clipboard_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct es_clipboard_text text;

// From sender to receiver; true: it arrived whole.
static bool carry(const char *bytes, uint32_t size) {
	struct es_device_msg msg;
	uint32_t offset = 0, n = 0;
	bool whole = false;
	while (clipboard_text_part(&msg, bytes, size, &offset)) {
		assert_false(whole);
		whole = clipboard_text_put(&text, &msg);
		n++;
	}
	assert_int_equal((size + ES_DEVICE_CLIPBOARD_PART - 1) / ES_DEVICE_CLIPBOARD_PART, n);
	return whole && text.size == size && memcmp(text.bytes, bytes, size) == 0;
}

static void test_course(void **state) {
	static char bytes[ES_DEVICE_MAX_CLIPBOARD];
	static const uint32_t sizes[] = {1, ES_DEVICE_CLIPBOARD_PART, ES_DEVICE_CLIPBOARD_PART + 1,
			ES_DEVICE_MAX_CLIPBOARD - 1, ES_DEVICE_MAX_CLIPBOARD, 3};
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = "a\xe2\x82\xac"[i % 4]; // characters are cut at the parts' ends, too
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bool valid = clipboard_text_valid(bytes, sizes[i]);
		assert_int_equal(valid, carry(bytes, sizes[i]));
		assert_int_equal(valid, sizes[i] % 4 <= 1);
	}
}

static void test_valid(void **state) {
	static char bytes[ES_DEVICE_MAX_CLIPBOARD + 1];
	memset(bytes, 'x', sizeof(bytes));
	assert_false(clipboard_text_valid(bytes, 0));
	assert_true(clipboard_text_valid(bytes, ES_DEVICE_MAX_CLIPBOARD));
	assert_false(clipboard_text_valid(bytes, ES_DEVICE_MAX_CLIPBOARD + 1));
	assert_true(clipboard_text_valid("\t\n\x7f", 3));
	assert_false(clipboard_text_valid("a\0b", 3));
	assert_false(clipboard_text_valid("\xed\xa0\x80", 3));
}

// Parts that miss, come twice or belong to two texts make no text; the next one that is whole does.
static void test_broken(void **state) {
	static char bytes[3 * ES_DEVICE_CLIPBOARD_PART];
	struct es_device_msg parts[3], other;
	uint32_t offset = 0;
	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < 3; i++) {
		assert_true(clipboard_text_part(&parts[i], bytes, sizeof(bytes), &offset));
	}
	other = parts[2];
	other.clipboard.size++;
	static const int orders[][4] = {{0, 2}, {1, 2}, {2}, {0, 1, 1, 2}, {0, 1, 0, 2}, {0, 1, 3, 2}};
	static const int lengths[] = {2, 2, 1, 4, 4, 4};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (int j = 0; j < lengths[i]; j++) {
			const struct es_device_msg *part = orders[i][j] == 3 ? &other : &parts[orders[i][j]];
			assert_false(clipboard_text_put(&text, part));
		}
		assert_true(carry(bytes, sizeof(bytes)));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_course),
			cmocka_unit_test(test_valid),
			cmocka_unit_test(test_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
