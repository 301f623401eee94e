// A converted picture: planes of 4:2:0 or 4:4:4, in 8 bits or 10, sizes rounded up to even.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

enum es_picture_layout {
	ES_PICTURE_NV12, // plane 0 luma, plane 1 interleaved chroma
	ES_PICTURE_I420, // three planes
	ES_PICTURE_I444,
	ES_PICTURE_P010, // as NV12, 10 bits at the top of 16
	ES_PICTURE_I010, // as I420, 10 bits at the bottom of 16
	ES_PICTURE_I410, // as I444, 10 bits at the bottom of 16
};

struct es_layout {
	uint32_t n_planes;
	uint32_t sample_size; // bytes
	uint32_t depth, shift; // samples are codes of that depth, times 2 to the shift
	bool subsampled; // one chroma sample for 2x2 pixels
	bool interleaved; // U and V in one plane
};

struct es_picture {
	enum es_picture_layout layout;
	struct es_colour colour; // what the codes mean
	uint32_t width, height; // of the screen; the planes hold (width + 1) & ~1 by (height + 1) & ~1
	uint8_t *plane[3]; // one allocation, at plane[0]
	uint32_t stride[3]; // bytes
};

struct es_layout picture_layout(enum es_picture_layout layout);

// Black, in BT.709 limited range: set another colour before converting. False without memory;
// picture_finish is legal then too.
bool picture_init(
		struct es_picture *picture, enum es_picture_layout layout, uint32_t width, uint32_t height);
void picture_finish(struct es_picture *picture);

// Sizes as coded.
uint32_t picture_coded_width(const struct es_picture *picture);
uint32_t picture_coded_height(const struct es_picture *picture);

// Of pixels x (even) and y (even) in a plane; and how many bytes and rows so many (even) pixels are there.
uint8_t *picture_at(const struct es_picture *picture, uint32_t plane, uint32_t x, uint32_t y);
size_t picture_row_size(const struct es_picture *picture, uint32_t plane, uint32_t width);
uint32_t picture_rows(const struct es_picture *picture, uint32_t plane, uint32_t height);
