// Runs a fuzzer without libFuzzer: on the files that are named, or on inputs that are seeds
// changed at random, the same ones for the same -seed.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/seeds.h"

#define MAX_CHANGES 8

// splitmix64
static uint64_t next_random(uint64_t *state) {
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static size_t below(uint64_t *random, size_t limit) {
	return limit > 0 ? (size_t)(next_random(random) % limit) : 0;
}

// One change; returns the new size.
static size_t change(uint8_t *data, size_t size, size_t cap, uint64_t *random) {
	static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x10, 0x40};
	size_t place = below(random, size);
	switch (below(random, 6)) {
	case 0:
		data[place] ^= (uint8_t)(1u << below(random, 8));
		return size;
	case 1:
		data[place] = (uint8_t)next_random(random);
		return size;
	case 2:
		data[place] = edges[below(random, sizeof(edges))];
		return size;
	case 3: // cut
		return place > 0 ? place : size;
	case 4: // remove a byte, but not the last one
		if (size < 2) {
			return size;
		}
		memmove(data + place, data + place + 1, size - place - 1);
		return size - 1;
	default: // insert a byte
		if (size == cap) {
			return size;
		}
		memmove(data + place + 1, data + place, size - place);
		data[place] = (uint8_t)next_random(random);
		return size + 1;
	}
}

static void run_random(uint64_t runs, uint64_t seed) {
	static uint8_t data[ES_VECTOR_MAX_SIZE];
	uint64_t random = seed;
	for (uint64_t i = 0; i < runs; i++) {
		size_t size;
		const uint8_t *bytes = seeds_get(below(&random, seeds_count()), &size);
		memcpy(data, bytes, size);
		size_t n_changes = below(&random, MAX_CHANGES + 1);
		for (size_t k = 0; k < n_changes; k++) {
			size = change(data, size, sizeof(data), &random);
		}
		// memory of its own size, so that a sanitizer sees what is read beyond
		uint8_t *exact = malloc(size);
		if (exact == NULL) {
			abort();
		}
		memcpy(exact, data, size);
		LLVMFuzzerTestOneInput(exact, size);
		free(exact);
	}
	printf("%" PRIu64 " inputs\n", runs);
}

static bool run_file(const char *path) {
	FILE *file = fopen(path, "rbe");
	if (file == NULL) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		return false;
	}
	static uint8_t data[1 << 20];
	size_t size = fread(data, 1, sizeof(data), file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	return true;
}

int main(int argc, char **argv) {
	uint64_t runs = 0, seed = 1;
	bool ok = true;
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "-runs=", 6) == 0) {
			runs = strtoull(argv[i] + 6, NULL, 10);
		} else if (strncmp(argv[i], "-seed=", 6) == 0) {
			seed = strtoull(argv[i] + 6, NULL, 10);
		} else if (argv[i][0] == '-') {
			fprintf(stderr, "usage: %s [-runs=N] [-seed=S] [FILE...]\n", argv[0]);
			return 2;
		} else {
			ok = run_file(argv[i]) && ok;
		}
	}
	run_random(runs, seed);
	return ok ? 0 : 1;
}
