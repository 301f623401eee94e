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

// a^254, as a^255 = 1
uint8_t rs_inverse(uint8_t a) {
	uint8_t inverse = 1;
	for (int i = 0; i < 7; i++) {
		a = rs_multiply(a, a);
		inverse = rs_multiply(inverse, a);
	}
	return inverse;
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
