// What a fuzzer consists of. libFuzzer calls the first function (and seed_mutator.c the second
// one), or replay.c calls both, where there is no libFuzzer.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/vectors/family.h"

// Always 0. Aborts when something does not hold.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The index-th valid input into out[cap]; returns its size, 0 when index is past the last.
size_t fuzz_seed(size_t index, uint8_t *out, size_t cap);

// The two for the messages of a link. What is decoded must encode to the same bytes, whatever
// number of fds it is said to have come with.
int fuzz_family(const struct es_family *family, const uint8_t *data, size_t size);
size_t fuzz_family_seed(const struct es_family *family, size_t index, uint8_t *out, size_t cap);
