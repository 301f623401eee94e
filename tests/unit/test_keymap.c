#include "protocol/keymap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <linux/input-event-codes.h>

// Row by row as the keys lie on a US keyboard, where evdev counts on from a row's first one.
static void test_rows(void **state) {
	static const struct {
		const char *vks;
		uint32_t first;
	} rows[] = {
			{"1234567890\xbd\xbb\x08\x09", KEY_1}, // - = backspace, tab
			{"QWERTYUIOP\xdb\xdd\x0d", KEY_Q}, // [ ] enter
			{"ASDFGHJKL\xba\xde\xc0", KEY_A}, // ; ' `
			{"\xdcZXCVBNM\xbc\xbe\xbf", KEY_BACKSLASH}, // , . /
			{"\x70\x71\x72\x73\x74\x75\x76\x77\x78\x79\x90\x91", KEY_F1}, // ..F10, locks
			{"\x7c\x7d\x7e\x7f\x80\x81\x82\x83\x84\x85\x86\x87", KEY_F13}, // ..F24
			{"\x67\x68\x69\x6d\x64\x65\x66\x6b\x61\x62\x63\x60\x6e", KEY_KP7}, // 789-456+1230.
			{"\x24\x26\x21\x25\x27\x23\x28\x22\x2d\x2e", KEY_HOME}, // up pgup left .. del
			{"\xad\xae\xaf", KEY_MUTE}, // quieter, louder
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t k = 0; rows[i].vks[k] != '\0'; k++) {
			uint8_t vk = (uint8_t)rows[i].vks[k];
			if (keymap_evdev(vk) != rows[i].first + k) {
				fail_msg("%02x is %u, not %u", vk, keymap_evdev(vk), rows[i].first + k);
			}
		}
	}
}

static const struct {
	uint8_t vk;
	uint32_t code;
} single[] = {
		{0x1b, KEY_ESC},
		{0x20, KEY_SPACE},
		{0x14, KEY_CAPSLOCK},
		{0x13, KEY_PAUSE},
		{0x2c, KEY_SYSRQ},
		{0x2f, KEY_HELP},
		{0x0c, KEY_CLEAR},
		{0x29, KEY_SELECT},
		{0x2b, KEY_OPEN},
		{0x1c, KEY_HANGEUL},
		{0x1d, KEY_HANJA},
		{0x5b, KEY_LEFTMETA},
		{0x5c, KEY_RIGHTMETA},
		{0x5d, KEY_COMPOSE},
		{0x6a, KEY_KPASTERISK},
		{0x6c, KEY_KPCOMMA},
		{0x6f, KEY_KPSLASH},
		{0x7a, KEY_F11},
		{0x7b, KEY_F12},
		{0x10, KEY_LEFTSHIFT},
		{0x11, KEY_LEFTCTRL},
		{0x12, KEY_LEFTALT},
		{0xa0, KEY_LEFTSHIFT},
		{0xa1, KEY_RIGHTSHIFT},
		{0xa2, KEY_LEFTCTRL},
		{0xa3, KEY_RIGHTCTRL},
		{0xa4, KEY_LEFTALT},
		{0xa5, KEY_RIGHTALT},
		{0xa6, KEY_BACK},
		{0xa7, KEY_FORWARD},
		{0xa8, KEY_REFRESH},
		{0xa9, KEY_STOP},
		{0xaa, KEY_SEARCH},
		{0xab, KEY_BOOKMARKS},
		{0xac, KEY_HOMEPAGE},
		{0xb0, KEY_NEXTSONG},
		{0xb1, KEY_PREVIOUSSONG},
		{0xb2, KEY_STOPCD},
		{0xb3, KEY_PLAYPAUSE},
		{0xe2, KEY_102ND},
};

static void test_single(void **state) {
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
		assert_int_equal(single[i].code, keymap_evdev(single[i].vk));
	}
}

// Nothing but these: mouse buttons (01..06) are not keys, nor is 0 or what no client sends.
static void test_others(void **state) {
	static const uint8_t none[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b, 0x0e,
			0x0f, 0x3a, 0x40, 0x5e, 0x88, 0x8f, 0x9f, 0xb9, 0xc1, 0xda, 0xe0, 0xe7, 0xfe, 0xff};
	for (size_t i = 0; i < sizeof(none); i++) {
		assert_int_equal(0, keymap_evdev(none[i]));
	}
	size_t n = 0;
	for (unsigned vk = 0; vk < 256; vk++) {
		uint32_t code = keymap_evdev((uint8_t)vk);
		assert_true(code <= KEY_MAX);
		n += code != 0;
	}
	assert_int_equal(140, n);
}

static void test_layouts(void **state) {
	static const char *const good[] = {"us", "us,ru", "de(nodeadkeys)", "us,ru(phonetic)"};
	static const char *const bad[] = {
			"", "us,", ",us", "de()", "de(a", "de(a)b", "(a)", "d e", "de;a"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(keymap_is_layout(good[i]));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(keymap_is_layout(bad[i]));
	}
	char text[ES_LAYOUT_SIZE + 1] = "de(";
	memset(text + 3, 'a', ES_LAYOUT_SIZE - 3);
	text[ES_LAYOUT_SIZE - 2] = ')';
	text[ES_LAYOUT_SIZE - 1] = '\0';
	assert_true(keymap_is_layout(text));
	memcpy(text + ES_LAYOUT_SIZE - 2, "a)", 3);
	assert_false(keymap_is_layout(text)); // a byte too long
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_rows),
			cmocka_unit_test(test_single),
			cmocka_unit_test(test_others),
			cmocka_unit_test(test_layouts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
