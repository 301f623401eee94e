#include "protocol/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t golden[] = {
		0x12, // u8
		0x01, // bool
		0x34,
		0x12, // le16
		0x78,
		0x56,
		0x34,
		0x12, // le32
		0xf0,
		0xde,
		0xbc,
		0x9a,
		0x78,
		0x56,
		0x34,
		0x12, // le64
		0xfe,
		0xff,
		0xff,
		0xff, // le32s
		0x00,
		0x00,
		0x00,
		0x00,
		0x00,
		0x00,
		0x00,
		0x80, // le64s
		0xaa,
		0xbb, // bytes
		0x02,
		0x00,
		'h',
		'i', // text
		'F',
		0x03,
		0x07,
		0x01, // header
};

static void test_write(void **state) {
	uint8_t out[sizeof(golden)];
	struct es_writer w = writer_init(out, sizeof(out));
	put_u8(&w, 0x12);
	put_bool(&w, true);
	put_le16(&w, 0x1234);
	put_le32(&w, 0x12345678);
	put_le64(&w, 0x123456789abcdef0);
	put_le32s(&w, -2);
	put_le64s(&w, INT64_MIN);
	put_bytes(&w, "\xaa\xbb", 2);
	put_text(&w, "hi", 3);
	put_header(&w, 'F', 3, 0x107);
	assert_true(w.ok);
	assert_int_equal(sizeof(golden), w.pos);
	assert_memory_equal(golden, out, sizeof(golden));
}

static void test_read(void **state) {
	struct es_reader r = reader_init(golden, sizeof(golden));
	assert_int_equal(0x12, get_u8(&r));
	assert_true(get_bool(&r));
	assert_int_equal(0x1234, get_le16(&r));
	assert_int_equal(0x12345678, get_le32(&r));
	assert_true(get_le64(&r) == 0x123456789abcdef0);
	assert_int_equal(-2, get_le32s(&r));
	assert_true(get_le64s(&r) == INT64_MIN);
	uint8_t bytes[2];
	get_bytes(&r, bytes, 2);
	assert_memory_equal("\xaa\xbb", bytes, 2);
	char text[3];
	get_text(&r, text, sizeof(text));
	assert_string_equal("hi", text);
	assert_false(reader_done(&r));
	assert_int_equal(0x107, get_header(&r, 'F', 3));
	assert_true(reader_done(&r));
}

static void test_big_endian(void **state) {
	uint8_t out[6];
	struct es_writer w = writer_init(out, sizeof(out));
	put_be16(&w, 0xfedc);
	put_be32(&w, 0x89abcdef);
	assert_true(w.ok && w.pos == 6);
	assert_memory_equal("\xfe\xdc\x89\xab\xcd\xef", out, 6);
	put_be16(&w, 1);
	assert_false(w.ok);
	struct es_reader r = reader_init(out, sizeof(out));
	assert_int_equal(0xfedc, get_be16(&r));
	assert_true(get_be32(&r) == 0x89abcdef);
	assert_true(reader_done(&r));
	assert_int_equal(0, get_be16(&r));
	assert_false(r.ok);
	r = reader_init(out, 3);
	assert_int_equal(0, get_be32(&r));
	assert_false(r.ok);
}

static void test_read_past_the_end(void **state) {
	struct es_reader r = reader_init(golden, 3);
	assert_int_equal(0, get_le32(&r));
	assert_false(r.ok);
	assert_int_equal(0, get_u8(&r)); // stays so, although there are bytes
	uint8_t bytes[4] = {1, 2, 3, 4};
	get_bytes(&r, bytes, sizeof(bytes));
	assert_memory_equal("\0\0\0\0", bytes, 4);
	assert_false(reader_done(&r));
	r = reader_init(golden, sizeof(golden));
	get_bytes(&r, bytes, 0);
	assert_true(r.ok);
	r = reader_init(NULL, 0);
	assert_true(reader_done(&r));
	assert_int_equal(0, get_le64(&r));
	assert_false(reader_done(&r));
}

static void test_write_past_the_room(void **state) {
	uint8_t out[4] = {9, 9, 9, 9};
	struct es_writer w = writer_init(out, 3);
	put_le16(&w, 0);
	put_le16(&w, 0);
	assert_false(w.ok);
	put_u8(&w, 1); // stays so, although there is room
	assert_false(w.ok);
	assert_int_equal(2, w.pos);
	assert_int_equal(9, out[2]);
}

static bool reads_text(const char *bytes, size_t size, size_t cap, const char *expected) {
	char text[16];
	memset(text, 0x55, sizeof(text));
	struct es_reader r = reader_init(bytes, size);
	get_text(&r, text, cap);
	assert_non_null(memchr(text, '\0', cap));
	return reader_done(&r) && strcmp(text, expected) == 0;
}

static void test_text(void **state) {
	assert_true(reads_text("\x00\x00", 2, 1, ""));
	assert_true(reads_text("\x03\x00"
						   "abc",
			5, 4, "abc"));
	assert_false(reads_text("\x03\x00"
							"abc",
			5, 3, "abc")); // no room for the NUL
	assert_false(reads_text("\x03\x00"
							"ab",
			4, 8, "ab")); // cut short
	assert_false(reads_text("\x03\x00"
							"a\x00c",
			5, 8, "a")); // NUL in it
	assert_false(reads_text("\x03", 1, 8, ""));
	uint8_t out[8];
	struct es_writer w = writer_init(out, sizeof(out));
	put_text(&w, "abc", 3); // no NUL within the field
	assert_false(w.ok);
}

static void test_bool_and_header(void **state) {
	struct es_reader r = reader_init("\x02", 1);
	assert_false(get_bool(&r));
	assert_false(r.ok);
	r = reader_init("F\x01\x05\x00", 4);
	get_header(&r, 'U', 1);
	assert_false(r.ok);
	r = reader_init("F\x01\x05\x00", 4);
	get_header(&r, 'F', 2);
	assert_false(r.ok);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_write),
			cmocka_unit_test(test_read),
			cmocka_unit_test(test_big_endian),
			cmocka_unit_test(test_read_past_the_end),
			cmocka_unit_test(test_write_past_the_room),
			cmocka_unit_test(test_text),
			cmocka_unit_test(test_bool_and_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
