// The client's decoder: frames in, the numbers that the paint client has drawn out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"
#include "tests/clients/mark.h"

struct es_moon_picture {
	uint32_t frame; // that was fed
	uint32_t width, height;
	enum es_mark_result mark;
	uint32_t number; // ES_MARK_OK
	uint8_t luma; // mean
	uint32_t n_found; // samples of the colour that is searched
	uint32_t x, y, found_width, found_height; // what they lie in, in pixels
};

struct es_moon_decoder;
// NULL: nobody wants to know
typedef void (*es_moon_picture_call)(void *data, const struct es_moon_picture *picture);

struct es_moon_decoder *decoder_create(
		enum es_codec codec, es_moon_picture_call picture, void *data); // NULL after a message
void decoder_destroy(struct es_moon_decoder *decoder); // NULL is fine
// Searches each picture for a colour, near enough, that the samples of both chroma planes tell.
void decoder_search(struct es_moon_decoder *decoder, const uint8_t yuv[3]);
// Whether both have shown the same frame last, and each pixel of it alike.
bool decoder_same_picture(const struct es_moon_decoder *a, const struct es_moon_decoder *b);
// data has BITSTREAM_PADDING zero bytes behind it. False: the decoder complains.
bool decoder_feed(
		struct es_moon_decoder *decoder, uint32_t frame, const uint8_t *data, size_t size);
