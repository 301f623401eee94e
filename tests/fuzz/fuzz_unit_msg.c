// Messages of the unit link.
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	return fuzz_family(&unit_family, data, size);
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	return fuzz_family_seed(&unit_family, index, out, cap);
}
