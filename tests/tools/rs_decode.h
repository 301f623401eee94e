// A plain Reed-Solomon coder over GF(2^8), polynomial 0x11D, with the parity coefficients
// M[r][c] = inverse((p + c) XOR r) of GameStream video. For tests: written from the definition, shares
// nothing with protocol/fec.c. No state, any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RS_MAX_SHARDS 255 // data and parity of a block

uint8_t rs_multiply(uint8_t a, uint8_t b);
uint8_t rs_inverse(uint8_t a); // a is not 0

// Parity of n_data shards of `size` bytes: shards[n_data..n_data + n_parity - 1] are written.
void rs_encode(size_t n_data, size_t n_parity, size_t size, uint8_t *const *shards);

// shards[0..n_data - 1] are data, the n_parity after them parity, `size` bytes each; present[i] says
// which of them arrived. Writes the data shards that did not (each of them has its memory, too); parity
// is only read. False, nothing written: fewer than n_data of them are there.
bool rs_decode(
		size_t n_data, size_t n_parity, size_t size, uint8_t *const *shards, const bool *present);
