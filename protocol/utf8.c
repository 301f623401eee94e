#include "protocol/utf8.h"

#include <stdint.h>

static size_t size_by_first(uint8_t first) {
	if (first >= 0x01 && first < 0x80) {
		return 1;
	}
	return first >= 0xc2 && first < 0xe0	? 2
			: first >= 0xe0 && first < 0xf0 ? 3
			: first >= 0xf0 && first < 0xf5 ? 4
											: 0;
}

// Bytes of the character that p begins with, 0 if it is none.
static size_t character_size(const uint8_t *p, size_t left) {
	size_t size = size_by_first(p[0]);
	if (size > left) {
		return 0;
	}
	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	bool refused = size > 1 &&
			((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
					(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90));
	return refused ? 0 : size;
}

bool utf8_valid(const char *text, size_t size) {
	const uint8_t *p = (const uint8_t *)text;
	while (size > 0) {
		size_t n = character_size(p, size);
		if (n == 0) {
			return false;
		}
		p += n;
		size -= n;
	}
	return true;
}
