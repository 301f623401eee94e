// Decodes access units in software, one at a time: for the self-test and for tests.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

struct es_decode_back;

// Planes in 4:2:0 or 4:4:4; samples of more than eight bits are words in the machine's order. Borrowed
// until the next call.
struct es_decoded {
	uint32_t width, height;
	uint8_t depth;
	bool yuv444;
	struct es_colour colour; // as the stream says; primaries, transfer and matrix 2: it does not
	const uint8_t *plane[3];
	uint32_t stride[3];
	bool complaint; // the decoder found something wrong or missing
};

// x and y are of the plane.
uint32_t decoded_sample(const struct es_decoded *picture, uint32_t plane, uint32_t x, uint32_t y);

// NULL if libavcodec has no decoder for it.
struct es_decode_back *decode_back_create(enum es_codec codec);
void decode_back_destroy(struct es_decode_back *decoder); // NULL is fine

// One unit in, its picture out, also when units before it are missing. False if it cannot be decoded or
// gives no picture at once.
bool decode_back_unit(
		struct es_decode_back *decoder, const uint8_t *data, size_t size, struct es_decoded *out);
