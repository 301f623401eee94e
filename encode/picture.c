#include "encode/picture.h"

#include <stdlib.h>
#include <string.h>

#define PLANE_ALIGN UINT32_C(64)

static uint32_t even_up(uint32_t v) {
	return (v + 1) & ~UINT32_C(1);
}

static uint32_t align_up(uint32_t v) {
	return (v + PLANE_ALIGN - 1) & ~(PLANE_ALIGN - 1);
}

bool picture_init(struct es_picture *picture, enum es_picture_layout layout, uint32_t width,
		uint32_t height) {
	*picture = (struct es_picture){.layout = layout, .width = width, .height = height};
	uint32_t rows = even_up(height);
	picture->stride[0] = align_up(even_up(width));
	picture->stride[1] =
			layout == ES_PICTURE_NV12 ? picture->stride[0] : align_up(even_up(width) / 2);
	picture->stride[2] = layout == ES_PICTURE_NV12 ? 0 : picture->stride[1];
	size_t luma = (size_t)picture->stride[0] * rows;
	size_t chroma = (size_t)picture->stride[1] * (rows / 2);
	size_t total = luma + chroma + (layout == ES_PICTURE_I420 ? chroma : 0);
	picture->plane[0] =
			aligned_alloc(PLANE_ALIGN, (total + PLANE_ALIGN - 1) & ~(size_t)(PLANE_ALIGN - 1));
	if (picture->plane[0] == NULL) {
		return false;
	}
	picture->plane[1] = picture->plane[0] + luma;
	picture->plane[2] = layout == ES_PICTURE_I420 ? picture->plane[1] + chroma : NULL;
	memset(picture->plane[0], 16, luma);
	memset(picture->plane[1], 128, total - luma);
	return true;
}

void picture_finish(struct es_picture *picture) {
	free(picture->plane[0]);
	*picture = (struct es_picture){0};
}

uint32_t picture_coded_width(const struct es_picture *picture) {
	return even_up(picture->width);
}

uint32_t picture_coded_height(const struct es_picture *picture) {
	return even_up(picture->height);
}
