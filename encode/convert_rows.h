// Colour conversion in plain C, for what libyuv has no exact function for: any format, matrix, range,
// depth and layout.
#pragma once

#include <stdint.h>

#include "encode/convert.h"

// As convert_rect; `r` is aligned to even pixels, but for the end of an odd picture, whose last column
// and row are repeated.
void convert_rows(const struct es_pixel_format *format, const struct es_pixels *src,
		struct es_picture *dst, const struct es_rect *r);
