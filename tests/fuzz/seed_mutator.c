// Gives libFuzzer the seeds without files: now and then an input is replaced by a seed before
// it is mutated.
#include <string.h>

#include "tests/fuzz/fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static size_t count_seeds(uint8_t *scratch, size_t cap) {
	size_t n = 0;
	while (fuzz_seed(n, scratch, cap) > 0) {
		n++;
	}
	return n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	size_t n = count_seeds(bytes, sizeof(bytes));
	if (size <= 1 || seed % 16 == 0) {
		size_t seed_size = fuzz_seed(seed / 16 % n, bytes, sizeof(bytes));
		if (seed_size <= max_size) {
			memcpy(data, bytes, seed_size);
			size = seed_size;
		}
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
