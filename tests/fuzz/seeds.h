// The valid inputs of a fuzzer, from its fuzz_seed, made once: some take longer to make than what is
// done with an input.
#pragma once

#include <stddef.h>
#include <stdint.h>

// How many there are, one at least.
size_t seeds_count(void);
// Those bytes, until the end of the process. index below seeds_count.
const uint8_t *seeds_get(size_t index, size_t *size);
