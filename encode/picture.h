// A converted picture: 8-bit 4:2:0 planes, sizes rounded up to even.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum es_picture_layout {
	ES_PICTURE_NV12, // plane 0 luma, plane 1 interleaved chroma
	ES_PICTURE_I420, // three planes
};

struct es_picture {
	enum es_picture_layout layout;
	uint32_t width, height; // of the screen; the planes hold (width + 1) & ~1 by (height + 1) & ~1
	uint8_t *plane[3]; // one allocation, at plane[0]
	uint32_t stride[3];
};

// Black (limited range). False without memory; picture_finish is legal then too.
bool picture_init(
		struct es_picture *picture, enum es_picture_layout layout, uint32_t width, uint32_t height);
void picture_finish(struct es_picture *picture);

// Sizes as coded.
uint32_t picture_coded_width(const struct es_picture *picture);
uint32_t picture_coded_height(const struct es_picture *picture);
