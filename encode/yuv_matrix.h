// From red, green and blue to the codes of a picture.
#pragma once

#include <stdint.h>

#include "protocol/mode.h"

struct es_yuv_matrix {
	float y[4], u[4], v[4]; // factors of red, green and blue in 0..1; offset; in codes
	int32_t max_code;
	int32_t shift; // samples are codes times 2 to this: more than 8 bits lie at the top of 16
};

// What the signal means (its transfer) stays as it is.
struct es_yuv_matrix yuv_matrix(const struct es_colour *colour);
