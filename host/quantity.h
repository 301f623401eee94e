// Numbers with units, as people write them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// "12.345" with at most `decimals` decimals -> 12345 * 10^(decimals - 3); nothing but digits and one
// point; false above `max` (in the scaled unit).
bool quantity_decimal(
		const char *text, size_t len, unsigned decimals, uint64_t max, uint64_t *scaled);
// A whole number from least to most.
bool quantity_whole(const char *text, uint64_t least, uint64_t most, uint64_t *value);
// "20M", "2.5M", "8000k", "8000000" (bit/s) -> kbit/s, 100..1000000.
bool quantity_bitrate(const char *text, uint32_t *kbps);
