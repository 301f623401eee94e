#include "tests/vectors/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int digit(char c) {
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t vector_bytes(const struct es_vector *vector, uint8_t *out) {
	size_t n_digits = 0;
	for (const char *p = vector->hex; *p != '\0'; p++) {
		if (*p == ' ') {
			continue;
		}
		int value = digit(*p);
		if (value < 0 || n_digits / 2 >= ES_VECTOR_MAX_SIZE) {
			fprintf(stderr, "%s: not hexadecimal at \"%s\"\n", vector->name, p);
			abort();
		}
		out[n_digits / 2] = (uint8_t)(n_digits % 2 == 0 ? value << 4 : out[n_digits / 2] | value);
		n_digits++;
	}
	return n_digits / 2;
}

const struct es_vector *family_find(const struct es_family *family, const char *name) {
	for (size_t i = 0; i < family->n_vectors; i++) {
		if (strcmp(family->vectors[i].name, name) == 0) {
			return &family->vectors[i];
		}
	}
	fprintf(stderr, "%s: no vector is called %s\n", family->name, name);
	abort();
}
