#include "tests/vectors/control_vectors.h"

#include "protocol/control_msg.h"
#include "tests/vectors/family.h"

const uint8_t vector_key[ES_KEY_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

const struct es_control_vector control_vectors[] = {
		{"IDR request", false, false, 0, ES_CONTROL_IDR, "0000",
				"01001a000000000022302723537811166cb9bfead7dad4575cd629f5cafe"},
		{"ping", false, false, 2, ES_CONTROL_PING, "0400000000000000",
				"0100200002000000cba7578964fa4fa8e7185416b33e29f8a54e75964ddf1abd0172cdfb"},
		{"absolute mouse", false, false, 0x10203, ES_CONTROL_INPUT,
				"0000000e05000000006400c8000004ff02cf",
				"01002a000302010045fbeaf27429d6bbd4f8a4529bcb8f4fcdb51f8e9485a66c4f6662f28817862648"
				"83d5a0b64c"},
		{"rumble", true, false, 0, ES_CONTROL_RUMBLE, "eeffc000000034127856",
				"01002200000000006d86c62d71e75c4f970cdd88219010f2f0dd40daa1c72822c88f91861cf7"},
		{"graceful end", true, false, 5, ES_CONTROL_TERMINATION, "80030023",
				"01001c0005000000259967ca86bc36b235dcb7fd8b94fcc335877b0b3822b684"},
		{"IDR request, legacy", false, true, 7, ES_CONTROL_IDR, "0000",
				"01001a0007000000a654ff3114122bdd1fcb7419f691bcc8333ec0e24a48"},
};
const size_t n_control_vectors = sizeof(control_vectors) / sizeof(control_vectors[0]);

size_t hex_bytes(const char *hex, uint8_t *out) {
	return vector_bytes(&(struct es_vector){.hex = hex}, out);
}
