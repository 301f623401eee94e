#include "encode/convert.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <drm_fourcc.h>
#include <libyuv.h>

#include "encode/convert_rows.h"

#define SMALLEST_PAGE 4096

struct format {
	uint32_t fourcc;
	struct es_pixel_format pixel;
	// For BT.709 limited range by libyuv; NULL: it would lose bits on the way.
	const struct ArgbConstants *matrix;
};

#define RGB_888(r, g, b) {4, {r, 8}, {g, 8}, {b, 8}}
#define RGB_101010(r, g, b) {4, {r, 10}, {g, 10}, {b, 10}}

// libyuv names formats by their order in a little-endian word, as DRM does.
static const struct format formats[] = {
		{DRM_FORMAT_XRGB8888, RGB_888(16, 8, 0), &kArgbH709Constants},
		{DRM_FORMAT_ARGB8888, RGB_888(16, 8, 0), &kArgbH709Constants},
		{DRM_FORMAT_XBGR8888, RGB_888(0, 8, 16), &kAbgrH709Constants},
		{DRM_FORMAT_ABGR8888, RGB_888(0, 8, 16), &kAbgrH709Constants},
		{DRM_FORMAT_RGBX8888, RGB_888(24, 16, 8), &kRgbaH709Constants},
		{DRM_FORMAT_RGBA8888, RGB_888(24, 16, 8), &kRgbaH709Constants},
		{DRM_FORMAT_BGRX8888, RGB_888(8, 16, 24), &kBgraH709Constants},
		{DRM_FORMAT_BGRA8888, RGB_888(8, 16, 24), &kBgraH709Constants},
		{DRM_FORMAT_XRGB2101010, RGB_101010(20, 10, 0), NULL},
		{DRM_FORMAT_ARGB2101010, RGB_101010(20, 10, 0), NULL},
		{DRM_FORMAT_XBGR2101010, RGB_101010(0, 10, 20), NULL},
		{DRM_FORMAT_ABGR2101010, RGB_101010(0, 10, 20), NULL},
		{DRM_FORMAT_RGB565, {2, {11, 5}, {5, 6}, {0, 5}}, NULL},
};

static const struct format *find_format(uint32_t fourcc) {
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i].fourcc == fourcc) {
			return &formats[i];
		}
	}
	return NULL;
}

// x and y are even; the width and height may be odd only at the picture's edge, where libyuv makes
// the last chroma sample of what there is.
static void write_block(const uint8_t *argb, uint32_t stride, const struct ArgbConstants *matrix,
		struct es_picture *dst, uint32_t x, uint32_t y, uint32_t width, uint32_t height) {
	uint8_t *luma = dst->plane[0] + (size_t)y * dst->stride[0] + x;
	if (dst->layout == ES_PICTURE_NV12) {
		ARGBToNV12Matrix(argb, (int)stride, luma, (int)dst->stride[0],
				dst->plane[1] + (size_t)(y / 2) * dst->stride[1] + x, (int)dst->stride[1], matrix,
				(int)width, (int)height);
	} else {
		size_t at = (size_t)(y / 2) * dst->stride[1] + x / 2;
		ARGBToI420Matrix(argb, (int)stride, luma, (int)dst->stride[0], dst->plane[1] + at,
				(int)dst->stride[1], dst->plane[2] + at, (int)dst->stride[2], matrix, (int)width,
				(int)height);
	}
}

// What everyone has, and what libyuv has vectors for.
static bool is_usual(const struct format *format, const struct es_picture *dst) {
	struct es_colour sdr = colour_sdr();
	return format->matrix != NULL && memcmp(&dst->colour, &sdr, sizeof(sdr)) == 0 &&
			(dst->layout == ES_PICTURE_NV12 || dst->layout == ES_PICTURE_I420);
}

// 4:2:0 streams have even sizes; the column and row too much repeat the picture's last ones.
static void repeat_edges(struct es_picture *dst, const struct es_rect *r) {
	uint32_t right = r->x + r->width, bottom = r->y + r->height;
	if (right == dst->width && (dst->width & 1) != 0) {
		for (uint32_t y = r->y; y < bottom; y++) {
			uint8_t *row = dst->plane[0] + (size_t)y * dst->stride[0];
			row[right] = row[right - 1];
		}
	}
	if (bottom == dst->height && (dst->height & 1) != 0) {
		uint8_t *last = dst->plane[0] + (size_t)(bottom - 1) * dst->stride[0];
		uint32_t columns = ((right + 1) & ~UINT32_C(1)) - r->x;
		memcpy(last + dst->stride[0] + r->x, last + r->x, columns);
	}
}

static void convert_usual(const struct format *format, const struct es_pixels *src,
		struct es_picture *dst, const struct es_rect *r) {
	write_block(
			src->data + (size_t)r->y * src->stride + (size_t)r->x * format->pixel.bytes_per_pixel,
			src->stride, format->matrix, dst, r->x, r->y, r->width, r->height);
	repeat_edges(dst, r);
}

// libyuv holds memory while it converts, which a fault would leak: memory that was taken away before
// the conversion is noticed here.
static void touch(const struct es_pixels *src, const struct es_rect *r, uint32_t bytes_per_pixel) {
	size_t begin = (size_t)r->x * bytes_per_pixel;
	size_t last = (size_t)(r->x + r->width) * bytes_per_pixel - 1;
	for (uint32_t y = r->y; y < r->y + r->height; y++) {
		const volatile uint8_t *row = src->data + (size_t)y * src->stride;
		for (size_t x = begin; x < last; x += SMALLEST_PAGE) {
			(void)row[x];
		}
		(void)row[last];
	}
}

static struct es_rect align_out(const struct es_rect *rect, uint32_t width, uint32_t height) {
	uint32_t left = rect->x & ~UINT32_C(1), top = rect->y & ~UINT32_C(1);
	uint32_t right = (rect->x + rect->width + 1) & ~UINT32_C(1);
	uint32_t bottom = (rect->y + rect->height + 1) & ~UINT32_C(1);
	right = right < width ? right : width;
	bottom = bottom < height ? bottom : height;
	return (struct es_rect){left, top, right - left, bottom - top};
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
	struct es_rect r = align_out(rect, dst->width, dst->height);
	if (is_usual(format, dst)) {
		touch(src, &r, format->pixel.bytes_per_pixel);
		convert_usual(format, src, dst, &r);
	} else {
		convert_rows(&format->pixel, src, dst, &r);
	}
	return (uint64_t)r.width * r.height;
}
