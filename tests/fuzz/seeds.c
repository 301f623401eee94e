#include "tests/fuzz/seeds.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define MAX_SEEDS 256

struct seeds {
	struct {
		uint8_t *data;
		size_t size;
	} all[MAX_SEEDS];
	size_t n;
	bool complete;
};

// Of its own size, so that a sanitizer sees what is read beyond. False: there is no such one.
static bool add(struct seeds *seeds) {
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	size_t size = fuzz_seed(seeds->n, bytes, sizeof(bytes));
	if (size == 0) {
		return false;
	}
	uint8_t *copy = malloc(size);
	if (copy == NULL || seeds->n == MAX_SEEDS) {
		abort();
	}
	memcpy(copy, bytes, size);
	seeds->all[seeds->n].data = copy;
	seeds->all[seeds->n++].size = size;
	return true;
}

static const struct seeds *get_all(void) {
	static struct seeds seeds;
	while (!seeds.complete) {
		seeds.complete = !add(&seeds);
	}
	if (seeds.n == 0) {
		abort();
	}
	return &seeds;
}

size_t seeds_count(void) {
	return get_all()->n;
}

const uint8_t *seeds_get(size_t index, size_t *size) {
	const struct seeds *seeds = get_all();
	*size = seeds->all[index].size;
	return seeds->all[index].data;
}
