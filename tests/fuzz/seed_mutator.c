// Gives libFuzzer the seeds without files: now and then an input is replaced by a seed before
// it is mutated.
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/seeds.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

const char *__asan_default_options(void);

// Freed memory is kept from use for shorter than by default, so that it stays in the caches.
const char *__asan_default_options(void) {
	return "quarantine_size_mb=4:malloc_context_size=8";
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
	if (size <= 1 || seed % 16 == 0) {
		size_t seed_size;
		const uint8_t *bytes = seeds_get(seed / 16 % seeds_count(), &seed_size);
		if (seed_size <= max_size) {
			memcpy(data, bytes, seed_size);
			size = seed_size;
		}
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
