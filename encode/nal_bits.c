#include "encode/nal_bits.h"

static void put_byte(struct es_nal_bits *bits, uint8_t byte) {
	if (bits->zeros == 2 && byte <= 3) {
		bits->zeros = 0;
		put_byte(bits, 3); // what follows is no start code
	}
	if (bits->size == bits->cap) {
		bits->full = true;
		return;
	}
	bits->out[bits->size++] = byte;
	bits->zeros = byte == 0 ? bits->zeros + 1 : 0;
}

void nal_bits_put(struct es_nal_bits *bits, uint32_t value, unsigned int n) {
	bits->held = bits->held << n | value;
	bits->n_held += n;
	while (bits->n_held >= 8) {
		bits->n_held -= 8;
		put_byte(bits, (uint8_t)(bits->held >> bits->n_held));
	}
}

void nal_bits_begin(struct es_nal_bits *bits, uint8_t header, uint8_t *out, size_t cap) {
	*bits = (struct es_nal_bits){.out = out, .cap = cap};
	static const uint8_t start_code[] = {0, 0, 0, 1};
	for (size_t i = 0; i < sizeof(start_code); i++) {
		bits->zeros = 0; // this one is meant
		put_byte(bits, start_code[i]);
	}
	put_byte(bits, header);
}

void nal_bits_put_ue(struct es_nal_bits *bits, uint32_t value) {
	unsigned int n = 31 - (unsigned int)__builtin_clz(value + 1);
	nal_bits_put(bits, 0, n);
	nal_bits_put(bits, value + 1, n + 1);
}

void nal_bits_put_se(struct es_nal_bits *bits, int32_t value) {
	nal_bits_put_ue(bits, value > 0 ? (uint32_t)value * 2 - 1 : (uint32_t)-value * 2);
}

size_t nal_bits_end(struct es_nal_bits *bits) {
	nal_bits_put(bits, 1, 1);
	nal_bits_put(bits, 0, (8 - bits->n_held) % 8);
	return bits->full ? 0 : bits->size;
}
