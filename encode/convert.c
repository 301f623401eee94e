#include "encode/convert.h"

#include <assert.h>
#include <stddef.h>

#include <drm_fourcc.h>

#include "encode/convert_kernel.h"

struct format {
	uint32_t fourcc;
	struct es_pixel_format pixel;
};

#define RGB_888(r, g, b) {4, {r, 8}, {g, 8}, {b, 8}}
#define RGB_101010(r, g, b) {4, {r, 10}, {g, 10}, {b, 10}}

static const struct format formats[] = {
		{DRM_FORMAT_XRGB8888, RGB_888(16, 8, 0)},
		{DRM_FORMAT_ARGB8888, RGB_888(16, 8, 0)},
		{DRM_FORMAT_XBGR8888, RGB_888(0, 8, 16)},
		{DRM_FORMAT_ABGR8888, RGB_888(0, 8, 16)},
		{DRM_FORMAT_RGBX8888, RGB_888(24, 16, 8)},
		{DRM_FORMAT_RGBA8888, RGB_888(24, 16, 8)},
		{DRM_FORMAT_BGRX8888, RGB_888(8, 16, 24)},
		{DRM_FORMAT_BGRA8888, RGB_888(8, 16, 24)},
		{DRM_FORMAT_XRGB2101010, RGB_101010(20, 10, 0)},
		{DRM_FORMAT_ARGB2101010, RGB_101010(20, 10, 0)},
		{DRM_FORMAT_XBGR2101010, RGB_101010(0, 10, 20)},
		{DRM_FORMAT_ABGR2101010, RGB_101010(0, 10, 20)},
		{DRM_FORMAT_RGB565, {2, {11, 5}, {5, 6}, {0, 5}}},
};

static const struct format *find_format(uint32_t fourcc) {
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i].fourcc == fourcc) {
			return &formats[i];
		}
	}
	return NULL;
}

static struct es_rect align_out(const struct es_rect *rect, uint32_t width, uint32_t height) {
	uint32_t left = rect->x & ~UINT32_C(1), top = rect->y & ~UINT32_C(1);
	uint32_t right = (rect->x + rect->width + 1) & ~UINT32_C(1);
	uint32_t bottom = (rect->y + rect->height + 1) & ~UINT32_C(1);
	right = right < width ? right : width;
	bottom = bottom < height ? bottom : height;
	return (struct es_rect){left, top, right - left, bottom - top};
}

struct es_rect convert_reach(
		const struct es_rect *rect, bool yuv444, uint32_t width, uint32_t height) {
	struct es_rect reach = *rect;
	if (!yuv444 && reach.x + reach.width < width) {
		reach.width++;
	}
	return align_out(&reach, width, height);
}

const struct es_pixel_format *convert_pixel_format(uint32_t fourcc) {
	const struct format *format = find_format(fourcc);
	return format == NULL ? NULL : &format->pixel;
}

uint32_t convert_bytes_per_pixel(uint32_t fourcc) {
	const struct format *format = find_format(fourcc);
	return format == NULL ? 0 : format->pixel.bytes_per_pixel;
}

uint64_t convert_rect(
		const struct es_pixels *src, struct es_picture *dst, const struct es_rect *rect) {
	const struct format *format = find_format(src->fourcc);
	assert(format != NULL);
	assert(src->width >= dst->width && src->height >= dst->height);
	assert(rect->x + rect->width <= dst->width && rect->y + rect->height <= dst->height);
	bool yuv444 = !picture_layout(dst->layout).subsampled;
	struct es_rect r = convert_reach(rect, yuv444, dst->width, dst->height);
	struct es_convert_plan plan = convert_make_plan(&format->pixel, dst);
	const struct es_convert_kernel *kernels[3];
	convert_kernels(kernels);
	convert_rows(kernels[0], &plan, src, dst, &r);
	return (uint64_t)r.width * r.height;
}
