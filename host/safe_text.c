#include "host/safe_text.h"

#include <stdint.h>
#include <string.h>

// Length of the valid UTF-8 character at s (its code point in *code), 0 if there is none.
static size_t decode(const unsigned char *s, uint32_t *code) {
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	for (size_t n = 1; n <= 4; n++) {
		if ((s[0] & forms[n - 1].mask) != forms[n - 1].lead) {
			continue;
		}
		uint32_t c = s[0] & (unsigned char)~forms[n - 1].mask;
		for (size_t i = 1; i < n; i++) {
			if ((s[i] & 0xc0) != 0x80) { // also the NUL at the end
				return 0;
			}
			c = c << 6 | (s[i] & 0x3f);
		}
		bool valid = c >= forms[n - 1].least && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
		*code = c;
		return valid ? n : 0;
	}
	return 0;
}

static bool is_harmless(uint32_t c) {
	bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
	bool invisible = (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
			(c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe0fff);
	return !control && !invisible;
}

void safe_text(char *out, size_t cap, const char *text) {
	static const char digits[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)text;
	size_t at = 0;
	while (*s != '\0' && cap > 0) {
		uint32_t code = 0;
		size_t n = decode(s, &code);
		if (n > 0 && is_harmless(code) && code != '\\') {
			if (at + n >= cap) {
				break;
			}
			memcpy(out + at, s, n);
			at += n;
			s += n;
			continue;
		}
		if (at + 4 >= cap) {
			break;
		}
		const char escaped[4] = {'\\', 'x', digits[*s >> 4], digits[*s & 15]};
		memcpy(out + at, escaped, 4);
		at += 4;
		s++;
	}
	if (cap > 0) {
		out[at] = '\0';
	}
}

bool safe_text_is_utf8(const char *text) {
	const unsigned char *s = (const unsigned char *)text;
	uint32_t code = 0;
	for (size_t n; *s != '\0'; s += n) {
		n = decode(s, &code);
		if (n == 0) {
			return false;
		}
	}
	return true;
}

bool safe_text_is(const char *text) {
	const unsigned char *s = (const unsigned char *)text;
	while (*s != '\0') {
		uint32_t code = 0;
		size_t n = decode(s, &code);
		if (n == 0 || !is_harmless(code)) {
			return false;
		}
		s += n;
	}
	return true;
}
