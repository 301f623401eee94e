#include "host/quantity.h"

#include <string.h>

bool quantity_decimal(
		const char *text, size_t len, unsigned decimals, uint64_t max, uint64_t *scaled) {
	uint64_t v = 0;
	unsigned after = 0;
	bool point = false, digit = false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.' && !point) {
			point = true;
		} else if (text[i] >= '0' && text[i] <= '9' && (!point || after++ < decimals)) {
			digit = true;
			v = v * 10 + (uint64_t)(text[i] - '0');
			if (v > max) {
				return false;
			}
		} else {
			return false;
		}
	}
	for (; after < decimals; after++) {
		v *= 10;
		if (v > max) {
			return false;
		}
	}
	*scaled = v;
	return digit;
}

bool quantity_whole(const char *text, uint64_t least, uint64_t most, uint64_t *value) {
	uint64_t v;
	if (!quantity_decimal(text, strlen(text), 0, most, &v) || v < least || strchr(text, '.')) {
		return false;
	}
	*value = v;
	return true;
}

bool quantity_bitrate(const char *text, uint32_t *kbps) {
	size_t len = strlen(text);
	uint64_t unit = 1, v;
	if (len > 0 && strchr("kK", text[len - 1]) != NULL) {
		unit = 1000;
		len--;
	} else if (len > 0 && strchr("mM", text[len - 1]) != NULL) {
		unit = 1000000;
		len--;
	}
	if (!quantity_decimal(text, len, 3, UINT64_C(1000000000000), &v)) {
		return false;
	}
	v = v * unit / 1000 / 1000; // thousandths of the unit -> kbit/s
	if (v < 100 || v > 1000000) {
		return false;
	}
	*kbps = (uint32_t)v;
	return true;
}
