// Reed-Solomon erasure code of GameStream video over GF(2^8), polynomial 0x11D, with the coefficients
// M[r][c] = inverse((p + c) XOR r). (Reference, section 6.5.) The arithmetic is ISA-L's. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_FEC_MAX_SHARDS 255 // data and parity of a block

struct es_fec; // tables, cached per (data, parity)

struct es_fec *fec_create(void); // NULL: no memory
void fec_destroy(struct es_fec *fec); // NULL is fine

// Parity of n_data shards of `size` bytes each. False: too many shards, or no memory. One thread at a
// time per object. Allocates only for a pair (n_data, n_parity) that is new to it.
bool fec_encode(struct es_fec *fec, size_t n_data, size_t n_parity, size_t size,
		const uint8_t *const *data, uint8_t *const *parity);
