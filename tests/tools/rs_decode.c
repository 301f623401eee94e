#include "tests/tools/rs_decode.h"

#include <string.h>

struct product { // of one factor with any byte, by halves of that byte
	uint8_t low[16], high[16];
};

// What is to be solved: `n` unknown data shards by as many equations, one of each parity row used.
struct equations {
	size_t n;
	size_t unknown[RS_MAX_SHARDS];
	uint8_t factor[RS_MAX_SHARDS][RS_MAX_SHARDS]; // of unknown c in equation r
	uint8_t *sum[RS_MAX_SHARDS]; // of equation r; lies in the memory of unknown r
};

// inverses[a] * a = 1; that of 0 is not used
static const uint8_t inverses[256] = {0x00, 0x01, 0x8e, 0xf4, 0x47, 0xa7, 0x7a, 0xba, 0xad, 0x9d,
		0xdd, 0x98, 0x3d, 0xaa, 0x5d, 0x96, 0xd8, 0x72, 0xc0, 0x58, 0xe0, 0x3e, 0x4c, 0x66, 0x90,
		0xde, 0x55, 0x80, 0xa0, 0x83, 0x4b, 0x2a, 0x6c, 0xed, 0x39, 0x51, 0x60, 0x56, 0x2c, 0x8a,
		0x70, 0xd0, 0x1f, 0x4a, 0x26, 0x8b, 0x33, 0x6e, 0x48, 0x89, 0x6f, 0x2e, 0xa4, 0xc3, 0x40,
		0x5e, 0x50, 0x22, 0xcf, 0xa9, 0xab, 0x0c, 0x15, 0xe1, 0x36, 0x5f, 0xf8, 0xd5, 0x92, 0x4e,
		0xa6, 0x04, 0x30, 0x88, 0x2b, 0x1e, 0x16, 0x67, 0x45, 0x93, 0x38, 0x23, 0x68, 0x8c, 0x81,
		0x1a, 0x25, 0x61, 0x13, 0xc1, 0xcb, 0x63, 0x97, 0x0e, 0x37, 0x41, 0x24, 0x57, 0xca, 0x5b,
		0xb9, 0xc4, 0x17, 0x4d, 0x52, 0x8d, 0xef, 0xb3, 0x20, 0xec, 0x2f, 0x32, 0x28, 0xd1, 0x11,
		0xd9, 0xe9, 0xfb, 0xda, 0x79, 0xdb, 0x77, 0x06, 0xbb, 0x84, 0xcd, 0xfe, 0xfc, 0x1b, 0x54,
		0xa1, 0x1d, 0x7c, 0xcc, 0xe4, 0xb0, 0x49, 0x31, 0x27, 0x2d, 0x53, 0x69, 0x02, 0xf5, 0x18,
		0xdf, 0x44, 0x4f, 0x9b, 0xbc, 0x0f, 0x5c, 0x0b, 0xdc, 0xbd, 0x94, 0xac, 0x09, 0xc7, 0xa2,
		0x1c, 0x82, 0x9f, 0xc6, 0x34, 0xc2, 0x46, 0x05, 0xce, 0x3b, 0x0d, 0x3c, 0x9c, 0x08, 0xbe,
		0xb7, 0x87, 0xe5, 0xee, 0x6b, 0xeb, 0xf2, 0xbf, 0xaf, 0xc5, 0x64, 0x07, 0x7b, 0x95, 0x9a,
		0xae, 0xb6, 0x12, 0x59, 0xa5, 0x35, 0x65, 0xb8, 0xa3, 0x9e, 0xd2, 0xf7, 0x62, 0x5a, 0x85,
		0x7d, 0xa8, 0x3a, 0x29, 0x71, 0xc8, 0xf6, 0xf9, 0x43, 0xd7, 0xd6, 0x10, 0x73, 0x76, 0x78,
		0x99, 0x0a, 0x19, 0x91, 0x14, 0x3f, 0xe6, 0xf0, 0x86, 0xb1, 0xe2, 0xf1, 0xfa, 0x74, 0xf3,
		0xb4, 0x6d, 0x21, 0xb2, 0x6a, 0xe3, 0xe7, 0xb5, 0xea, 0x03, 0x8f, 0xd3, 0xc9, 0x42, 0xd4,
		0xe8, 0x75, 0x7f, 0xff, 0x7e, 0xfd};

static uint8_t twice(uint8_t a) {
	return (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1d : 0));
}

uint8_t rs_multiply(uint8_t a, uint8_t b) {
	uint8_t product = 0;
	for (; b != 0; b >>= 1) {
		product ^= b & 1 ? a : 0;
		a = twice(a);
	}
	return product;
}

uint8_t rs_inverse(uint8_t a) {
	return inverses[a];
}

static uint8_t coefficient(size_t n_parity, size_t row, size_t column) {
	return rs_inverse((uint8_t)((n_parity + column) ^ row));
}

static struct product product_of(uint8_t factor) {
	struct product product = {{0}, {0}};
	for (unsigned bit = 1; bit < 16; bit *= 2) {
		product.low[bit] = bit == 1 ? factor : twice(product.low[bit / 2]);
	}
	for (unsigned bit = 1; bit < 16; bit *= 2) {
		product.high[bit] = twice(bit == 1 ? product.low[8] : product.high[bit / 2]);
	}
	for (unsigned i = 1; i < 16; i++) {
		product.low[i] = product.low[i & (i - 1)] ^ product.low[i & (~i + 1)];
		product.high[i] = product.high[i & (i - 1)] ^ product.high[i & (~i + 1)];
	}
	return product;
}

static void add_multiple(uint8_t *to, const uint8_t *from, size_t size, uint8_t factor) {
	struct product product = product_of(factor);
	for (size_t i = 0; factor != 0 && i < size; i++) {
		to[i] ^= product.low[from[i] & 15] ^ product.high[from[i] >> 4];
	}
}

static void multiply_all(uint8_t *data, size_t size, uint8_t factor) {
	struct product product = product_of(factor);
	for (size_t i = 0; i < size; i++) {
		data[i] = product.low[data[i] & 15] ^ product.high[data[i] >> 4];
	}
}

void rs_encode(size_t n_data, size_t n_parity, size_t size, uint8_t *const *shards) {
	for (size_t row = 0; row < n_parity; row++) {
		memset(shards[n_data + row], 0, size);
		for (size_t column = 0; column < n_data; column++) {
			add_multiple(
					shards[n_data + row], shards[column], size, coefficient(n_parity, row, column));
		}
	}
}

// Equation `r` from parity row `row`: what is known goes to the side of the sum.
static void add_equation(struct equations *equations, size_t r, size_t row, size_t n_data,
		size_t n_parity, size_t size, uint8_t *const *shards, const bool *present) {
	equations->sum[r] = shards[equations->unknown[r]];
	memcpy(equations->sum[r], shards[n_data + row], size);
	for (size_t column = 0; column < n_data; column++) {
		if (present[column]) {
			add_multiple(
					equations->sum[r], shards[column], size, coefficient(n_parity, row, column));
		}
	}
	for (size_t i = 0; i < equations->n; i++) {
		equations->factor[r][i] = coefficient(n_parity, row, equations->unknown[i]);
	}
}

// Gauss and Jordan. Every square part of a Cauchy matrix is regular, and so are its leading parts: no
// pivot is 0, and unknown r ends in the memory of sum r.
static void solve(struct equations *equations, size_t size) {
	for (size_t r = 0; r < equations->n; r++) {
		uint8_t inverse = rs_inverse(equations->factor[r][r]);
		multiply_all(equations->factor[r], equations->n, inverse);
		multiply_all(equations->sum[r], size, inverse);
		for (size_t other = 0; other < equations->n; other++) {
			uint8_t factor = equations->factor[other][r];
			if (other != r && factor != 0) {
				add_multiple(equations->factor[other], equations->factor[r], equations->n, factor);
				add_multiple(equations->sum[other], equations->sum[r], size, factor);
			}
		}
	}
}

bool rs_decode(
		size_t n_data, size_t n_parity, size_t size, uint8_t *const *shards, const bool *present) {
	struct equations equations;
	equations.n = 0;
	for (size_t i = 0; i < n_data; i++) {
		if (!present[i]) {
			equations.unknown[equations.n++] = i;
		}
	}
	size_t n_rows = 0, rows[RS_MAX_SHARDS];
	for (size_t row = 0; row < n_parity && n_rows < equations.n; row++) {
		if (present[n_data + row]) {
			rows[n_rows++] = row;
		}
	}
	if (n_rows < equations.n) {
		return false;
	}
	for (size_t r = 0; r < equations.n; r++) {
		add_equation(&equations, r, rows[r], n_data, n_parity, size, shards, present);
	}
	solve(&equations, size);
	return true;
}
