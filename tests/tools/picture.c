#include "tests/tools/picture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SIZE 16384

static uint8_t clamp(double v) {
	return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)(v + 0.5);
}

static void convert_pixel(double luma, double cb, double cr, bool full, uint8_t *out) {
	double y = full ? luma : (luma - 16) * 255 / 219;
	double scale = full ? 1 : 255.0 / 224;
	cb = (cb - 128) * scale;
	cr = (cr - 128) * scale;
	out[0] = clamp(y + 1.5748 * cr);
	out[1] = clamp(y - 0.1873 * cb - 0.4681 * cr);
	out[2] = clamp(y + 1.8556 * cb);
}

bool picture_from_frame(const AVFrame *frame, struct es_rgb *rgb) {
	*rgb = (struct es_rgb){.width = (uint32_t)frame->width, .height = (uint32_t)frame->height};
	if (frame->format != AV_PIX_FMT_YUV420P && frame->format != AV_PIX_FMT_YUVJ420P) {
		fprintf(stderr, "picture: pixel format %d is not 8-bit 4:2:0\n", frame->format);
		return false;
	}
	rgb->px = malloc((size_t)rgb->width * rgb->height * 3);
	if (rgb->px == NULL) {
		return false;
	}
	bool full = frame->color_range == AVCOL_RANGE_JPEG;
	uint8_t *out = rgb->px;
	for (uint32_t y = 0; y < rgb->height; y++) {
		const uint8_t *luma = frame->data[0] + (size_t)y * (size_t)frame->linesize[0];
		const uint8_t *cb = frame->data[1] + (size_t)(y / 2) * (size_t)frame->linesize[1];
		const uint8_t *cr = frame->data[2] + (size_t)(y / 2) * (size_t)frame->linesize[2];
		for (uint32_t x = 0; x < rgb->width; x++, out += 3) {
			convert_pixel(luma[x], cb[x / 2], cr[x / 2], full, out);
		}
	}
	return true;
}

bool picture_write(const struct es_rgb *rgb, const char *path) {
	FILE *file = fopen(path, "wbe");
	if (file == NULL) {
		fprintf(stderr, "picture: cannot write %s\n", path);
		return false;
	}
	fprintf(file, "P6\n%" PRIu32 " %" PRIu32 "\n255\n", rgb->width, rgb->height);
	fwrite(rgb->px, 3, (size_t)rgb->width * rgb->height, file);
	bool ok = !ferror(file);
	return fclose(file) == 0 && ok;
}

void picture_finish(struct es_rgb *rgb) {
	free(rgb->px);
	rgb->px = NULL;
}

static bool read_ppm(const char *path, struct es_rgb *rgb) {
	*rgb = (struct es_rgb){0};
	FILE *file = fopen(path, "rbe");
	if (file == NULL) {
		return false;
	}
	bool ok = fscanf(file, "P6 %" SCNu32 " %" SCNu32 " 255", &rgb->width, &rgb->height) == 2 &&
			rgb->width > 0 && rgb->width <= MAX_SIZE && rgb->height > 0 &&
			rgb->height <= MAX_SIZE && fgetc(file) != EOF;
	size_t size = (size_t)rgb->width * rgb->height * 3;
	rgb->px = ok ? malloc(size) : NULL;
	ok = rgb->px != NULL && fread(rgb->px, 1, size, file) == size;
	fclose(file);
	return ok;
}

static void print_difference(const struct es_rgb *a, const struct es_rgb *b, int64_t index) {
	uint32_t width = a->width < b->width ? a->width : b->width;
	uint32_t height = a->height < b->height ? a->height : b->height;
	uint64_t sum[3] = {0};
	for (uint32_t y = 0; y < height; y++) {
		const uint8_t *p = a->px + (size_t)y * a->width * 3, *q = b->px + (size_t)y * b->width * 3;
		for (uint32_t i = 0; i < width * 3; i++) {
			sum[i % 3] += (uint64_t)abs(p[i] - q[i]);
		}
	}
	double n = (double)width * height;
	printf("{\"compared\":%" PRId64 ",\"width\":%" PRIu32 ",\"height\":%" PRIu32
		   ",\"red\":%.3f,\"green\":%.3f,\"blue\":%.3f}\n",
			index, width, height, (double)sum[0] / n, (double)sum[1] / n, (double)sum[2] / n);
}

bool picture_compare(const AVFrame *frame, const char *path, int64_t index) {
	struct es_rgb decoded = {0}, drawn = {0};
	bool ok = read_ppm(path, &drawn);
	if (!ok) {
		fprintf(stderr, "picture: %s is not a PPM file\n", path);
	}
	ok = ok && picture_from_frame(frame, &decoded);
	if (ok) {
		print_difference(&decoded, &drawn, index);
	}
	picture_finish(&decoded);
	picture_finish(&drawn);
	return ok;
}
