// What a conversion shall give, in double precision: the one definition that those of the CPU and of
// GPUs are tested against.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/picture.h"
#include "protocol/mode.h"

// In 0..1; premultiplied.
struct rgba {
	double r, g, b, a;
};

// Of the screen; x and y may lie one beyond its edges, which repeat.
typedef struct rgba pixel_func(const void *data, int64_t x, int64_t y);

// What a sample is made of. Chroma of 4:2:0 lies at the left column of its 2x2 pixels, between the rows.
struct rgba reference_rgba(
		pixel_func *pixel, const void *data, bool subsampled, int64_t x, int64_t y);

// Codes with fractions, without their offset.
double reference_code(const struct es_colour *colour, struct rgba p, uint32_t plane);
double reference_offset(const struct es_colour *colour, uint32_t plane);

// The code of plane 0, 1 or 2 for the pixel at x, y.
uint32_t picture_sample(const struct es_picture *picture, uint32_t plane, uint32_t x, uint32_t y);

// How far that code is from what it shall be for a screen of these pixels, in codes.
double reference_error(const struct es_picture *picture, uint32_t plane, pixel_func *pixel,
		const void *data, uint32_t x, uint32_t y);
