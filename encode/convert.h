// Colour conversion on the CPU: RGB pixels of a buffer into the picture's layout and colour, only
// where something changed. Transfer and primaries are what they are: only the matrix is applied.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/picture.h"
#include "protocol/frame_msg.h"

// Pixels in memory, borrowed.
struct es_pixels {
	const uint8_t *data;
	uint32_t stride; // bytes
	uint32_t width, height;
	uint32_t fourcc; // DRM_FORMAT_*
};

// Where a component lies in a pixel, read as a little-endian word.
struct es_component {
	uint8_t shift, bits;
};

struct es_pixel_format {
	uint32_t bytes_per_pixel;
	struct es_component r, g, b;
};

// NULL: this format cannot be converted.
const struct es_pixel_format *convert_pixel_format(uint32_t fourcc);
// Bytes of one pixel; 0: this format cannot be converted.
uint32_t convert_bytes_per_pixel(uint32_t fourcc);

// What changes in a picture of that size when `rect` changes in its source: more than it, because a
// sample of chroma lies at the left column of its 2x2 pixels, between the rows, and is made of the columns
// beside it, too.
struct es_rect convert_reach(
		const struct es_rect *rect, bool yuv444, uint32_t width, uint32_t height);

// Converts convert_reach of `rect` (which lies inside both sizes); nothing else of `dst` changes, but
// for the extra column and row of an odd size, which repeat their neighbours. The result is what
// converting everything gives there. The fourcc must be one that convert_bytes_per_pixel knows. Returns
// the pixels that were converted. Reads `src` only; a fault there may be left by siglongjmp.
uint64_t convert_rect(
		const struct es_pixels *src, struct es_picture *dst, const struct es_rect *rect);
