#include "protocol/keymap.h"

#include <linux/input-event-codes.h>
#include <string.h>

#include "protocol/session_msg.h"

_Static_assert(ES_LAYOUT_SIZE <= ES_SESSION_MAX_KEYBOARD, "layouts travel in session messages");

// 1C and 1D are what the common client sends for a keyboard's Lang1 and Lang2.
static const uint16_t evdev[256] = {
		[0x08] = KEY_BACKSPACE,
		[0x09] = KEY_TAB,
		[0x0c] = KEY_CLEAR,
		[0x0d] = KEY_ENTER,
		[0x10] = KEY_LEFTSHIFT, // either side, as the two below
		[0x11] = KEY_LEFTCTRL,
		[0x12] = KEY_LEFTALT,
		[0x13] = KEY_PAUSE,
		[0x14] = KEY_CAPSLOCK,
		[0x1b] = KEY_ESC,
		[0x1c] = KEY_HANGEUL,
		[0x1d] = KEY_HANJA,
		[0x20] = KEY_SPACE,
		[0x21] = KEY_PAGEUP,
		[0x22] = KEY_PAGEDOWN,
		[0x23] = KEY_END,
		[0x24] = KEY_HOME,
		[0x25] = KEY_LEFT,
		[0x26] = KEY_UP,
		[0x27] = KEY_RIGHT,
		[0x28] = KEY_DOWN,
		[0x29] = KEY_SELECT,
		[0x2b] = KEY_OPEN, // Execute, as the kernel has it for a USB keyboard
		[0x2c] = KEY_SYSRQ,
		[0x2d] = KEY_INSERT,
		[0x2e] = KEY_DELETE,
		[0x2f] = KEY_HELP,
		['0'] = KEY_0,
		['1'] = KEY_1,
		['2'] = KEY_2,
		['3'] = KEY_3,
		['4'] = KEY_4,
		['5'] = KEY_5,
		['6'] = KEY_6,
		['7'] = KEY_7,
		['8'] = KEY_8,
		['9'] = KEY_9,
		['A'] = KEY_A,
		['B'] = KEY_B,
		['C'] = KEY_C,
		['D'] = KEY_D,
		['E'] = KEY_E,
		['F'] = KEY_F,
		['G'] = KEY_G,
		['H'] = KEY_H,
		['I'] = KEY_I,
		['J'] = KEY_J,
		['K'] = KEY_K,
		['L'] = KEY_L,
		['M'] = KEY_M,
		['N'] = KEY_N,
		['O'] = KEY_O,
		['P'] = KEY_P,
		['Q'] = KEY_Q,
		['R'] = KEY_R,
		['S'] = KEY_S,
		['T'] = KEY_T,
		['U'] = KEY_U,
		['V'] = KEY_V,
		['W'] = KEY_W,
		['X'] = KEY_X,
		['Y'] = KEY_Y,
		['Z'] = KEY_Z,
		[0x5b] = KEY_LEFTMETA,
		[0x5c] = KEY_RIGHTMETA,
		[0x5d] = KEY_COMPOSE, // the menu key
		[0x60] = KEY_KP0,
		[0x61] = KEY_KP1,
		[0x62] = KEY_KP2,
		[0x63] = KEY_KP3,
		[0x64] = KEY_KP4,
		[0x65] = KEY_KP5,
		[0x66] = KEY_KP6,
		[0x67] = KEY_KP7,
		[0x68] = KEY_KP8,
		[0x69] = KEY_KP9,
		[0x6a] = KEY_KPASTERISK,
		[0x6b] = KEY_KPPLUS,
		[0x6c] = KEY_KPCOMMA,
		[0x6d] = KEY_KPMINUS,
		[0x6e] = KEY_KPDOT,
		[0x6f] = KEY_KPSLASH,
		[0x70] = KEY_F1,
		[0x71] = KEY_F2,
		[0x72] = KEY_F3,
		[0x73] = KEY_F4,
		[0x74] = KEY_F5,
		[0x75] = KEY_F6,
		[0x76] = KEY_F7,
		[0x77] = KEY_F8,
		[0x78] = KEY_F9,
		[0x79] = KEY_F10,
		[0x7a] = KEY_F11,
		[0x7b] = KEY_F12,
		[0x7c] = KEY_F13,
		[0x7d] = KEY_F14,
		[0x7e] = KEY_F15,
		[0x7f] = KEY_F16,
		[0x80] = KEY_F17,
		[0x81] = KEY_F18,
		[0x82] = KEY_F19,
		[0x83] = KEY_F20,
		[0x84] = KEY_F21,
		[0x85] = KEY_F22,
		[0x86] = KEY_F23,
		[0x87] = KEY_F24,
		[0x90] = KEY_NUMLOCK,
		[0x91] = KEY_SCROLLLOCK,
		[0xa0] = KEY_LEFTSHIFT,
		[0xa1] = KEY_RIGHTSHIFT,
		[0xa2] = KEY_LEFTCTRL,
		[0xa3] = KEY_RIGHTCTRL,
		[0xa4] = KEY_LEFTALT,
		[0xa5] = KEY_RIGHTALT,
		[0xa6] = KEY_BACK,
		[0xa7] = KEY_FORWARD,
		[0xa8] = KEY_REFRESH,
		[0xa9] = KEY_STOP,
		[0xaa] = KEY_SEARCH,
		[0xab] = KEY_BOOKMARKS,
		[0xac] = KEY_HOMEPAGE,
		[0xad] = KEY_MUTE,
		[0xae] = KEY_VOLUMEDOWN,
		[0xaf] = KEY_VOLUMEUP,
		[0xb0] = KEY_NEXTSONG,
		[0xb1] = KEY_PREVIOUSSONG,
		[0xb2] = KEY_STOPCD,
		[0xb3] = KEY_PLAYPAUSE,
		[0xba] = KEY_SEMICOLON,
		[0xbb] = KEY_EQUAL,
		[0xbc] = KEY_COMMA,
		[0xbd] = KEY_MINUS,
		[0xbe] = KEY_DOT,
		[0xbf] = KEY_SLASH,
		[0xc0] = KEY_GRAVE,
		[0xdb] = KEY_LEFTBRACE,
		[0xdc] = KEY_BACKSLASH,
		[0xdd] = KEY_RIGHTBRACE,
		[0xde] = KEY_APOSTROPHE,
		[0xe2] = KEY_102ND,
};

uint32_t keymap_evdev(uint8_t vk) {
	return evdev[vk];
}

bool keymap_is_layout(const char *text) {
	static const char letters[] =
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t n = strspn(text, letters);
	while (n > 0 && text[n] == ',') {
		size_t more = strspn(text + n + 1, letters);
		n = more > 0 ? n + 1 + more : 0;
	}
	if (n > 0 && text[n] == '(') {
		size_t variant = strspn(text + n + 1, letters);
		n = variant > 0 && text[n + 1 + variant] == ')' ? n + variant + 2 : 0;
	}
	return n > 0 && n < ES_LAYOUT_SIZE && text[n] == '\0';
}
