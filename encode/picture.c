#include "encode/picture.h"

#include <stdlib.h>
#include <string.h>

#define PLANE_ALIGN UINT32_C(64)

static uint32_t even_up(uint32_t v) {
	return (v + 1) & ~UINT32_C(1);
}

static size_t align_up(size_t v) {
	return (v + PLANE_ALIGN - 1) & ~(size_t)(PLANE_ALIGN - 1);
}

struct es_layout picture_layout(enum es_picture_layout layout) {
	switch (layout) {
	case ES_PICTURE_NV12:
		return (struct es_layout){2, 1, 8, 0, true, true};
	case ES_PICTURE_I420:
		return (struct es_layout){3, 1, 8, 0, true, false};
	case ES_PICTURE_I444:
		return (struct es_layout){3, 1, 8, 0, false, false};
	case ES_PICTURE_P010:
		return (struct es_layout){2, 2, 10, 6, true, true};
	case ES_PICTURE_I010:
		return (struct es_layout){3, 2, 10, 0, true, false};
	default: // ES_PICTURE_I410
		return (struct es_layout){3, 2, 10, 0, false, false};
	}
}

size_t picture_row_size(const struct es_picture *picture, uint32_t plane, uint32_t width) {
	struct es_layout layout = picture_layout(picture->layout);
	bool halved = plane > 0 && layout.subsampled && !layout.interleaved;
	return (size_t)(halved ? width / 2 : width) * layout.sample_size;
}

uint32_t picture_rows(const struct es_picture *picture, uint32_t plane, uint32_t height) {
	return plane > 0 && picture_layout(picture->layout).subsampled ? height / 2 : height;
}

uint8_t *picture_at(const struct es_picture *picture, uint32_t plane, uint32_t x, uint32_t y) {
	return picture->plane[plane] +
			(size_t)picture_rows(picture, plane, y) * picture->stride[plane] +
			picture_row_size(picture, plane, x);
}

static void fill(uint8_t *out, size_t size, const struct es_layout *layout, uint32_t code) {
	code <<= layout->shift;
	if (layout->sample_size == 1) {
		memset(out, (int)code, size);
		return;
	}
	for (size_t i = 0; i + 1 < size; i += 2) {
		uint16_t sample = (uint16_t)code;
		memcpy(out + i, &sample, sizeof(sample));
	}
}

bool picture_init(struct es_picture *picture, enum es_picture_layout layout, uint32_t width,
		uint32_t height) {
	struct es_layout info = picture_layout(layout);
	*picture = (struct es_picture){
			.layout = layout, .colour = colour_sdr(), .width = width, .height = height};
	picture->colour.depth = (uint8_t)info.depth;
	picture->colour.yuv444 = !info.subsampled;
	size_t size[3], total = 0;
	for (uint32_t i = 0; i < info.n_planes; i++) {
		picture->stride[i] = (uint32_t)align_up(picture_row_size(picture, i, even_up(width)));
		size[i] = (size_t)picture->stride[i] * picture_rows(picture, i, even_up(height));
		total += size[i];
	}
	uint8_t *memory = aligned_alloc(PLANE_ALIGN, align_up(total));
	if (memory == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < info.n_planes; i++) {
		picture->plane[i] = memory;
		fill(memory, size[i], &info, (i == 0 ? 16u : 128u) << (info.depth - 8));
		memory += size[i];
	}
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
