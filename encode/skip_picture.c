#include "encode/skip_picture.h"

#include <string.h>

// Slice of a picture that is not an IDR and not referred to.
#define NAL_HEADER 0x01
#define SLICE_TYPE_ALL_P 5

struct bits {
	uint8_t data[ES_SKIP_MAX_SIZE];
	size_t n;
};

static void put_bits(struct bits *bits, uint32_t value, unsigned n) {
	while (n-- > 0) {
		if ((value >> n & 1) != 0) {
			bits->data[bits->n / 8] |= (uint8_t)(0x80 >> bits->n % 8);
		}
		bits->n++;
	}
}

// Exponential Golomb
static void put_ue(struct bits *bits, uint32_t value) {
	unsigned n = 0;
	while ((value + 1) >> n > 1) {
		n++;
	}
	put_bits(bits, 0, n);
	put_bits(bits, value + 1, n + 1);
}

static void write_slice(struct bits *bits, uint32_t macroblocks, uint32_t frame_num) {
	put_ue(bits, 0); // first macroblock
	put_ue(bits, SLICE_TYPE_ALL_P);
	put_ue(bits, 0); // picture parameter set
	put_bits(bits, frame_num % ES_SKIP_FRAME_NUMS, 4);
	put_bits(bits, 1, 1); // the number of references is told here:
	put_ue(bits, 0); // one
	put_bits(bits, 0, 1); // the newest
	put_ue(bits, 0); // the quantiser stays
	put_ue(bits, 1); // no deblocking
	put_ue(bits, macroblocks); // skipped
	put_bits(bits, 1, 1); // the end
}

size_t skip_picture_write(uint32_t macroblocks, uint32_t frame_num, uint8_t *out, size_t cap) {
	static const uint8_t start[] = {0, 0, 0, 1, NAL_HEADER};
	struct bits bits = {.n = 0};
	write_slice(&bits, macroblocks, frame_num);
	size_t size = sizeof(start), zeros = 0;
	if (cap < ES_SKIP_MAX_SIZE) {
		return 0;
	}
	memcpy(out, start, sizeof(start));
	for (size_t i = 0; i < (bits.n + 7) / 8; i++) {
		if (zeros == 2 && bits.data[i] <= 3) {
			out[size++] = 3; // what follows is no start code
			zeros = 0;
		}
		out[size++] = bits.data[i];
		zeros = bits.data[i] == 0 ? zeros + 1 : 0;
	}
	return size;
}
