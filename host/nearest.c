#include "host/nearest.h"

#include <string.h>

#define MAX_WORD 32

static size_t least(size_t a, size_t b) {
	return a < b ? a : b;
}

static char lower(char c) {
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

// Edits to get from a to b, row by row: inserting, removing and replacing a letter cost 1, and so
// does swapping two neighbours, the commonest slip of all. Case does not matter.
static size_t distance(const char *a, size_t len_a, const char *b, size_t len_b) {
	size_t rows[3][MAX_WORD + 1] = {0}; // row i lies in rows[i % 3]
	for (size_t j = 0; j <= len_b; j++) {
		rows[0][j] = j;
	}
	for (size_t i = 1; i <= len_a; i++) {
		size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			size_t replaced = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
			row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
					lower(a[i - 2]) == lower(b[j - 1])) {
				row[j] = least(row[j], before[j - 2] + 1);
			}
		}
	}
	return rows[len_a % 3][len_b];
}

const char *nearest_word(const char *text, const char *const *words, size_t n) {
	size_t len = strlen(text);
	if (len == 0 || len > MAX_WORD) {
		return NULL;
	}
	const char *best = NULL;
	// More edits than half of what was typed would be guessing.
	size_t best_distance = len / 2 + 1;
	for (size_t i = 0; i < n; i++) {
		size_t word_len = strlen(words[i]);
		if (word_len > MAX_WORD) {
			continue;
		}
		size_t d = distance(text, len, words[i], word_len);
		if (d < best_distance) {
			best_distance = d;
			best = words[i];
		}
	}
	return best;
}
