// Writes the bits of an H.264 NAL unit (ITU-T H.264, 7.3, 9.1), with bytes put in where a start code would
// come about. Pure; what does not fit is told at the end.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct es_nal_bits {
	uint8_t *out; // borrowed
	size_t cap, size; // bytes
	unsigned int zeros; // bytes at the end
	uint64_t held; // bits that fill no byte yet, the newest lowest
	unsigned int n_held;
	bool full;
};

// Start code and header byte; the payload follows.
void nal_bits_begin(struct es_nal_bits *bits, uint8_t header, uint8_t *out, size_t cap);
// The n (0..32) low bits of the value, which has no others.
void nal_bits_put(struct es_nal_bits *bits, uint32_t value, unsigned int n);
void nal_bits_put_ue(struct es_nal_bits *bits, uint32_t value); // below 2^31
void nal_bits_put_se(struct es_nal_bits *bits, int32_t value);
// The stop bit. Bytes of the NAL unit, 0 if it did not fit.
size_t nal_bits_end(struct es_nal_bits *bits);
