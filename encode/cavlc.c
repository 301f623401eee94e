#include "encode/cavlc.h"

#include <stdlib.h>

#define MAX_LEVELS 16
#define MAX_TRAILING_ONES 3
// Of suffixes of levels: what starts with a longer one, the longest, and how many bits an escape has.
#define FIRST_LONG_SUFFIX 10
#define MAX_SUFFIX 6
#define ESCAPE_PREFIX 15
#define ESCAPE_BITS 12

struct code {
	uint16_t bits;
	uint8_t n;
};

// Table 9-5, nC of 0 and 1, 2 and 3, 4 to 7; [coefficients][trailing ones]
static const struct code coeff_token[3][17][4] = {
		{
				{{1, 1}},
				{{5, 6}, {1, 2}},
				{{7, 8}, {4, 6}, {1, 3}},
				{{7, 9}, {6, 8}, {5, 7}, {3, 5}},
				{{7, 10}, {6, 9}, {5, 8}, {3, 6}},
				{{7, 11}, {6, 10}, {5, 9}, {4, 7}},
				{{15, 13}, {6, 11}, {5, 10}, {4, 8}},
				{{11, 13}, {14, 13}, {5, 11}, {4, 9}},
				{{8, 13}, {10, 13}, {13, 13}, {4, 10}},
				{{15, 14}, {14, 14}, {9, 13}, {4, 11}},
				{{11, 14}, {10, 14}, {13, 14}, {12, 13}},
				{{15, 15}, {14, 15}, {9, 14}, {12, 14}},
				{{11, 15}, {10, 15}, {13, 15}, {8, 14}},
				{{15, 16}, {1, 15}, {9, 15}, {12, 15}},
				{{11, 16}, {14, 16}, {13, 16}, {8, 15}},
				{{7, 16}, {10, 16}, {9, 16}, {12, 16}},
				{{4, 16}, {6, 16}, {5, 16}, {8, 16}},
		},
		{
				{{3, 2}},
				{{11, 6}, {2, 2}},
				{{7, 6}, {7, 5}, {3, 3}},
				{{7, 7}, {10, 6}, {9, 6}, {5, 4}},
				{{7, 8}, {6, 6}, {5, 6}, {4, 4}},
				{{4, 8}, {6, 7}, {5, 7}, {6, 5}},
				{{7, 9}, {6, 8}, {5, 8}, {8, 6}},
				{{15, 11}, {6, 9}, {5, 9}, {4, 6}},
				{{11, 11}, {14, 11}, {13, 11}, {4, 7}},
				{{15, 12}, {10, 11}, {9, 11}, {4, 9}},
				{{11, 12}, {14, 12}, {13, 12}, {12, 11}},
				{{8, 12}, {10, 12}, {9, 12}, {8, 11}},
				{{15, 13}, {14, 13}, {13, 13}, {12, 12}},
				{{11, 13}, {10, 13}, {9, 13}, {12, 13}},
				{{7, 13}, {11, 14}, {6, 13}, {8, 13}},
				{{9, 14}, {8, 14}, {10, 14}, {1, 13}},
				{{7, 14}, {6, 14}, {5, 14}, {4, 14}},
		},
		{
				{{15, 4}},
				{{15, 6}, {14, 4}},
				{{11, 6}, {15, 5}, {13, 4}},
				{{8, 6}, {12, 5}, {14, 5}, {12, 4}},
				{{15, 7}, {10, 5}, {11, 5}, {11, 4}},
				{{11, 7}, {8, 5}, {9, 5}, {10, 4}},
				{{9, 7}, {14, 6}, {13, 6}, {9, 4}},
				{{8, 7}, {10, 6}, {9, 6}, {8, 4}},
				{{15, 8}, {14, 7}, {13, 7}, {13, 5}},
				{{11, 8}, {14, 8}, {10, 7}, {12, 6}},
				{{15, 9}, {10, 8}, {13, 8}, {12, 7}},
				{{11, 9}, {14, 9}, {9, 8}, {12, 8}},
				{{8, 9}, {10, 9}, {13, 9}, {8, 8}},
				{{13, 10}, {7, 9}, {9, 9}, {12, 9}},
				{{9, 10}, {12, 10}, {11, 10}, {10, 10}},
				{{5, 10}, {8, 10}, {7, 10}, {6, 10}},
				{{1, 10}, {4, 10}, {3, 10}, {2, 10}},
		},
};
// Table 9-5, nC of -1
static const struct code coeff_token_of_chroma_dc[5][4] = {
		{{1, 2}},
		{{7, 6}, {1, 1}},
		{{4, 6}, {6, 6}, {1, 3}},
		{{3, 6}, {3, 7}, {2, 7}, {5, 6}},
		{{2, 6}, {3, 8}, {2, 8}, {0, 7}},
};
// Tables 9-7 and 9-8; [coefficients - 1][zeros]
static const struct code total_zeros[15][16] = {
		{{1, 1}, {3, 3}, {2, 3}, {3, 4}, {2, 4}, {3, 5}, {2, 5}, {3, 6}, {2, 6}, {3, 7}, {2, 7},
				{3, 8}, {2, 8}, {3, 9}, {2, 9}, {1, 9}},
		{{7, 3}, {6, 3}, {5, 3}, {4, 3}, {3, 3}, {5, 4}, {4, 4}, {3, 4}, {2, 4}, {3, 5}, {2, 5},
				{3, 6}, {2, 6}, {1, 6}, {0, 6}},
		{{5, 4}, {7, 3}, {6, 3}, {5, 3}, {4, 4}, {3, 4}, {4, 3}, {3, 3}, {2, 4}, {3, 5}, {2, 5},
				{1, 6}, {1, 5}, {0, 6}},
		{{3, 5}, {7, 3}, {5, 4}, {4, 4}, {6, 3}, {5, 3}, {4, 3}, {3, 4}, {3, 3}, {2, 4}, {2, 5},
				{1, 5}, {0, 5}},
		{{5, 4}, {4, 4}, {3, 4}, {7, 3}, {6, 3}, {5, 3}, {4, 3}, {3, 3}, {2, 4}, {1, 5}, {1, 4},
				{0, 5}},
		{{1, 6}, {1, 5}, {7, 3}, {6, 3}, {5, 3}, {4, 3}, {3, 3}, {2, 3}, {1, 4}, {1, 3}, {0, 6}},
		{{1, 6}, {1, 5}, {5, 3}, {4, 3}, {3, 3}, {3, 2}, {2, 3}, {1, 4}, {1, 3}, {0, 6}},
		{{1, 6}, {1, 4}, {1, 5}, {3, 3}, {3, 2}, {2, 2}, {2, 3}, {1, 3}, {0, 6}},
		{{1, 6}, {0, 6}, {1, 4}, {3, 2}, {2, 2}, {1, 3}, {1, 2}, {1, 5}},
		{{1, 5}, {0, 5}, {1, 3}, {3, 2}, {2, 2}, {1, 2}, {1, 4}},
		{{0, 4}, {1, 4}, {1, 3}, {2, 3}, {1, 1}, {3, 3}},
		{{0, 4}, {1, 4}, {1, 2}, {1, 1}, {1, 3}},
		{{0, 3}, {1, 3}, {1, 1}, {1, 2}},
		{{0, 2}, {1, 2}, {1, 1}},
		{{0, 1}, {1, 1}},
};
// Table 9-9 (a)
static const struct code total_zeros_of_chroma_dc[3][4] = {
		{{1, 1}, {1, 2}, {1, 3}, {0, 3}},
		{{1, 1}, {1, 2}, {0, 2}},
		{{1, 1}, {0, 1}},
};
// Table 9-10; [zeros left - 1][run]
static const struct code run_before[7][15] = {
		{{1, 1}, {0, 1}},
		{{1, 1}, {1, 2}, {0, 2}},
		{{3, 2}, {2, 2}, {1, 2}, {0, 2}},
		{{3, 2}, {2, 2}, {1, 2}, {1, 3}, {0, 3}},
		{{3, 2}, {2, 2}, {3, 3}, {2, 3}, {1, 3}, {0, 3}},
		{{3, 2}, {0, 3}, {1, 3}, {3, 3}, {2, 3}, {5, 3}, {4, 3}},
		{{7, 3}, {6, 3}, {5, 3}, {4, 3}, {3, 3}, {2, 3}, {1, 3}, {1, 4}, {1, 5}, {1, 6}, {1, 7},
				{1, 8}, {1, 9}, {1, 10}, {1, 11}},
};

static void put(struct es_nal_bits *bits, struct code code) {
	nal_bits_put(bits, code.bits, code.n);
}

static void put_coeff_token(
		struct es_nal_bits *bits, int context, unsigned int total, unsigned int ones) {
	if (context == ES_CAVLC_CHROMA_DC) {
		put(bits, coeff_token_of_chroma_dc[total][ones]);
	} else if (context >= 8) {
		nal_bits_put(bits, total == 0 ? 3 : (total - 1) << 2 | ones, 6);
	} else {
		put(bits, coeff_token[context >= 4 ? 2 : context >= 2][total][ones]);
	}
}

// 9.2.2.1, backwards: a prefix of zeros and a one, then a suffix.
static void put_level(struct es_nal_bits *bits, uint32_t code, unsigned int suffix_length) {
	if (suffix_length == 0 && code < 14) {
		nal_bits_put(bits, 1, code + 1);
	} else if (suffix_length == 0 && code < 30) {
		nal_bits_put(bits, 1 << 4 | (code - 14), 15 + 4);
	} else if (suffix_length > 0 && code < (uint32_t)ESCAPE_PREFIX << suffix_length) {
		uint32_t suffix = code & ((UINT32_C(1) << suffix_length) - 1);
		nal_bits_put(bits, UINT32_C(1) << suffix_length | suffix,
				(code >> suffix_length) + 1 + suffix_length);
	} else {
		uint32_t first = suffix_length == 0 ? 30 : (uint32_t)ESCAPE_PREFIX << suffix_length;
		nal_bits_put(bits, 1, ESCAPE_PREFIX + 1);
		nal_bits_put(bits, code - first, ESCAPE_BITS);
	}
}

// All but the trailing ones, the highest frequency first.
static void put_levels(
		struct es_nal_bits *bits, const int16_t *levels, unsigned int total, unsigned int ones) {
	unsigned int suffix_length = total > FIRST_LONG_SUFFIX && ones < MAX_TRAILING_ONES ? 1 : 0;
	for (unsigned int i = ones; i < total; i++) {
		int level = levels[i], size = abs(level);
		uint32_t code = (uint32_t)size * 2 - (level > 0 ? 2 : 1);
		// It is no one, or it would be a trailing one.
		put_level(bits, i == ones && ones < MAX_TRAILING_ONES ? code - 2 : code, suffix_length);
		if (suffix_length == 0) {
			suffix_length = 1;
		}
		if (size > 3 << (suffix_length - 1) && suffix_length < MAX_SUFFIX) {
			suffix_length++;
		}
	}
}

static void put_runs(
		struct es_nal_bits *bits, const uint8_t *runs, unsigned int total, unsigned int zeros) {
	for (unsigned int i = 0; i + 1 < total && zeros > 0; i++) {
		put(bits, run_before[zeros > 6 ? 6 : zeros - 1][runs[i]]);
		zeros -= runs[i];
	}
}

void cavlc_put_block(
		struct es_nal_bits *bits, const int16_t *levels, unsigned int n_levels, int context) {
	int16_t found[MAX_LEVELS]; // the highest frequency first
	uint8_t runs[MAX_LEVELS]; // of zeros before each
	unsigned int total = 0, zeros = 0;
	for (unsigned int i = n_levels; i-- > 0;) {
		if (levels[i] != 0) {
			runs[total] = 0;
			found[total++] = levels[i];
		} else if (total > 0) {
			runs[total - 1]++;
			zeros++;
		}
	}
	unsigned int ones = 0;
	while (ones < total && ones < MAX_TRAILING_ONES && abs(found[ones]) == 1) {
		ones++;
	}
	put_coeff_token(bits, context, total, ones);
	for (unsigned int i = 0; i < ones; i++) {
		nal_bits_put(bits, found[i] < 0, 1);
	}
	put_levels(bits, found, total, ones);
	if (total > 0 && total < n_levels) {
		put(bits,
				n_levels == 4 ? total_zeros_of_chroma_dc[total - 1][zeros]
							  : total_zeros[total - 1][zeros]);
	}
	put_runs(bits, runs, total, zeros);
}
