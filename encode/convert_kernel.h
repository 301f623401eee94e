// The inner loops of the colour conversion: a pair of rows at a time, in whole numbers, so that all of
// them give the same bits. Private to convert*.c, their test and their benchmark.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "encode/convert.h"
#include "encode/picture.h"

// Pixels that kernels convert at once; a pair's length is a multiple of it.
#define ES_KERNEL_BLOCK 16

// How the fields of a pixel are found, from the lowest bits up.
enum es_unpack {
	ES_UNPACK_BYTES, // four fields
	ES_UNPACK_TENS, // three, of ten bits
	ES_UNPACK_565, // three
};

// Of a sample: (the sum of factor times field + add) >> shift, at most max_code.
struct es_convert_part {
	int16_t factor[4]; // of the fields
	int32_t add, shift;
};

struct es_convert_plan {
	enum es_unpack unpack;
	uint32_t bytes_per_pixel;
	struct es_layout layout;
	// u and v: where chroma is subsampled, of the weighed sum of six pixels, that is eight times one.
	struct es_convert_part y, u, v;
	int32_t max_code;
};

struct es_row_pair {
	const uint8_t *src[2]; // of an even column
	// The pixels left of these; in the picture's first column the first ones again.
	uint32_t left[2];
	uint8_t *luma[2];
	// By row where chroma is not subsampled; else the first is used, of U and V or of both.
	uint8_t *u[2], *v[2];
};

struct es_convert_kernel {
	const char *name;
	void (*convert)(const struct es_convert_plan *plan, const struct es_row_pair *pair, uint32_t n);
};

extern const struct es_convert_kernel convert_plain;
#ifdef __x86_64__
extern const struct es_convert_kernel convert_sse2, convert_avx2;
#endif

// Those that this processor can run, the fastest first. `out` has room for three.
size_t convert_kernels(const struct es_convert_kernel *out[3]);

struct es_convert_plan convert_make_plan(
		const struct es_pixel_format *format, const struct es_picture *dst);
// `r` is aligned to even pixels, but for the end of an odd picture, whose last column and row are
// repeated in `dst`.
void convert_rows(const struct es_convert_kernel *kernel, const struct es_convert_plan *plan,
		const struct es_pixels *src, struct es_picture *dst, const struct es_rect *r);
