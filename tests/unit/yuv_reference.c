#include "tests/unit/yuv_reference.h"

#include <math.h>
#include <string.h>

struct rgba reference_rgba(
		pixel_func *pixel, const void *data, bool subsampled, int64_t x, int64_t y) {
	if (!subsampled) {
		return pixel(data, x, y);
	}
	struct rgba sum = {0};
	x &= ~INT64_C(1);
	y &= ~INT64_C(1);
	for (int i = 0; i < 6; i++) {
		struct rgba p = pixel(data, x - 1 + i % 3, y + i / 3);
		double weight = (i % 3 == 1 ? 2 : 1) / 8.;
		sum = (struct rgba){sum.r + weight * p.r, sum.g + weight * p.g, sum.b + weight * p.b,
				sum.a + weight * p.a};
	}
	return sum;
}

double reference_code(const struct es_colour *colour, struct rgba p, uint32_t plane) {
	bool wide = colour->matrix == 9;
	double kr = wide ? 0.2627 : 0.2126, kb = wide ? 0.0593 : 0.0722;
	double max = (1 << colour->depth) - 1, unit = 1 << (colour->depth - 8);
	double y = kr * p.r + (1 - kr - kb) * p.g + kb * p.b;
	double c = colour->full_range ? max : 224 * unit;
	return plane == 0	 ? y * (colour->full_range ? max : 219 * unit)
			: plane == 1 ? (p.b - y) / (2 - 2 * kb) * c
						 : (p.r - y) / (2 - 2 * kr) * c;
}

double reference_offset(const struct es_colour *colour, uint32_t plane) {
	double unit = 1 << (colour->depth - 8);
	return plane > 0 ? 128 * unit : colour->full_range ? 0 : 16 * unit;
}

uint32_t picture_sample(const struct es_picture *picture, uint32_t plane, uint32_t x, uint32_t y) {
	struct es_layout layout = picture_layout(picture->layout);
	uint32_t from = layout.interleaved && plane == 2 ? 1 : plane;
	if (plane > 0 && layout.subsampled) {
		x = layout.interleaved ? x & ~1u : x / 2;
		y /= 2;
	}
	x += layout.interleaved && plane == 2;
	const uint8_t *row = picture->plane[from] + (size_t)y * picture->stride[from];
	if (layout.sample_size == 1) {
		return row[x];
	}
	uint16_t word;
	memcpy(&word, row + 2 * (size_t)x, 2);
	return (uint32_t)word >> layout.shift;
}

double reference_error(const struct es_picture *picture, uint32_t plane, pixel_func *pixel,
		const void *data, uint32_t x, uint32_t y) {
	const struct es_colour *colour = &picture->colour;
	bool subsampled = plane > 0 && picture_layout(picture->layout).subsampled;
	struct rgba p = reference_rgba(pixel, data, subsampled, x, y);
	double wanted = reference_code(colour, p, plane) + reference_offset(colour, plane);
	wanted = fmin(wanted, (1 << colour->depth) - 1);
	return fabs(wanted - picture_sample(picture, plane, x, y));
}
