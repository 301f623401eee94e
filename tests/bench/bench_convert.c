// Colour conversion of 1080p: only the damaged rectangles, the full frame by each of our kernels, and the
// full frame by libyuv (whose factors have eight bits) and swscale where they are there. The least CPU
// time of many rounds, in turns; one JSON object on one line.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <drm_fourcc.h>

#include "encode/convert_kernel.h"

#if BENCH_SWSCALE
#include <libswscale/swscale.h>
#endif

#if BENCH_LIBYUV
#include <libyuv.h>
#endif

#define WIDTH 1920
#define HEIGHT 1080
#define ROUNDS 100

struct bench {
	struct es_pixels pixels, deep; // 8 bits, 10 bits
	struct es_picture nv12, i420, i444, p010;
	const struct es_convert_kernel *kernel;
#if BENCH_SWSCALE
	struct SwsContext *swscale;
#endif
};

static int64_t cpu_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void nv12_full(struct bench *bench, uint32_t round) {
	convert_rect(&bench->pixels, &bench->nv12, &(struct es_rect){0, 0, WIDTH, HEIGHT});
}

static void i420_full(struct bench *bench, uint32_t round) {
	convert_rect(&bench->pixels, &bench->i420, &(struct es_rect){0, 0, WIDTH, HEIGHT});
}

static void deep_nv12_full(struct bench *bench, uint32_t round) {
	convert_rect(&bench->deep, &bench->nv12, &(struct es_rect){0, 0, WIDTH, HEIGHT});
}

static void deep_p010_full(struct bench *bench, uint32_t round) {
	convert_rect(&bench->deep, &bench->p010, &(struct es_rect){0, 0, WIDTH, HEIGHT});
}

static void i444_full(struct bench *bench, uint32_t round) {
	convert_rect(&bench->pixels, &bench->i444, &(struct es_rect){0, 0, WIDTH, HEIGHT});
}

static void nv12_box(struct bench *bench, uint32_t round) {
	struct es_rect box = {round * 37 % (WIDTH - 256), round * 23 % (HEIGHT - 256), 256, 256};
	convert_rect(&bench->pixels, &bench->nv12, &box);
}

// As many small ones as a frame message carries.
static void nv12_scattered(struct bench *bench, uint32_t round) {
	for (uint32_t i = 0; i < ES_FRAME_MAX_RECTS; i++) {
		struct es_rect box = {(round * 37 + i * 113) % (WIDTH - 64),
				(round * 23 + i * 61) % (HEIGHT - 64), 63, 63};
		convert_rect(&bench->pixels, &bench->nv12, &box);
	}
}

#if BENCH_SWSCALE
static void swscale_full(struct bench *bench, uint32_t round) {
	const uint8_t *from[1] = {bench->pixels.data};
	const int from_stride[1] = {(int)bench->pixels.stride};
	int to_stride[2] = {(int)bench->nv12.stride[0], (int)bench->nv12.stride[1]};
	sws_scale(bench->swscale, from, from_stride, 0, HEIGHT, bench->nv12.plane, to_stride);
}
#endif

#if BENCH_LIBYUV
static void libyuv_nv12_full(struct bench *bench, uint32_t round) {
	ARGBToNV12Matrix(bench->pixels.data, (int)bench->pixels.stride, bench->nv12.plane[0],
			(int)bench->nv12.stride[0], bench->nv12.plane[1], (int)bench->nv12.stride[1],
			&kArgbH709Constants, WIDTH, HEIGHT);
}

static void libyuv_i420_full(struct bench *bench, uint32_t round) {
	ARGBToI420Matrix(bench->pixels.data, (int)bench->pixels.stride, bench->i420.plane[0],
			(int)bench->i420.stride[0], bench->i420.plane[1], (int)bench->i420.stride[1],
			bench->i420.plane[2], (int)bench->i420.stride[2], &kArgbH709Constants, WIDTH, HEIGHT);
}
#endif

static void kernel_nv12_full(struct bench *bench, uint32_t round) {
	const struct es_pixel_format *format = convert_pixel_format(bench->pixels.fourcc);
	struct es_convert_plan plan = convert_make_plan(format, &bench->nv12);
	convert_rows(bench->kernel, &plan, &bench->pixels, &bench->nv12,
			&(struct es_rect){0, 0, WIDTH, HEIGHT});
}

struct entry {
	const char *name;
	void (*convert)(struct bench *, uint32_t);
	double us; // the least so far
};

static double us_of(struct bench *bench, const struct entry *entry, uint32_t round) {
	int64_t before = cpu_ns();
	entry->convert(bench, round);
	return (double)(cpu_ns() - before) / 1e3;
}

static void measure(struct bench *bench, struct entry *entries, size_t n) {
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < n; i++) {
			double us = us_of(bench, &entries[i], round);
			entries[i].us = round == 0 || us < entries[i].us ? us : entries[i].us;
		}
	}
}

static bool init(struct bench *bench) {
	size_t size = (size_t)WIDTH * 4 * HEIGHT;
	uint8_t *data = malloc(size);
	if (data == NULL || !picture_init(&bench->nv12, ES_PICTURE_NV12, WIDTH, HEIGHT) ||
			!picture_init(&bench->i420, ES_PICTURE_I420, WIDTH, HEIGHT) ||
			!picture_init(&bench->i444, ES_PICTURE_I444, WIDTH, HEIGHT) ||
			!picture_init(&bench->p010, ES_PICTURE_P010, WIDTH, HEIGHT)) {
		return false;
	}
	uint32_t state = 1;
	for (size_t i = 0; i < size; i++) {
		state = state * 1664525u + 1013904223u;
		data[i] = (uint8_t)(state >> 24);
	}
	bench->pixels = (struct es_pixels){data, WIDTH * 4, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888};
	bench->deep = (struct es_pixels){data, WIDTH * 4, WIDTH, HEIGHT, DRM_FORMAT_XRGB2101010};
#if BENCH_SWSCALE
	bench->swscale = sws_getContext(WIDTH, HEIGHT, AV_PIX_FMT_BGR0, WIDTH, HEIGHT, AV_PIX_FMT_NV12,
			SWS_BILINEAR, NULL, NULL, NULL);
	return bench->swscale != NULL;
#else
	return true;
#endif
}

static void finish(struct bench *bench) {
	free((void *)bench->pixels.data);
	picture_finish(&bench->nv12);
	picture_finish(&bench->i420);
	picture_finish(&bench->i444);
	picture_finish(&bench->p010);
#if BENCH_SWSCALE
	sws_freeContext(bench->swscale);
#endif
}

static void print_kernels(struct bench *bench) {
	const struct es_convert_kernel *kernels[3];
	size_t n = convert_kernels(kernels);
	for (size_t i = 0; i < n; i++) {
		struct entry entry = {.convert = kernel_nv12_full};
		bench->kernel = kernels[i];
		measure(bench, &entry, 1);
		printf(",\"%s_nv12_full_us\":%.1f", kernels[i]->name, entry.us);
	}
}

int main(void) {
	struct bench bench = {0};
	if (!init(&bench)) {
		fprintf(stderr, "bench_convert: out of memory\n");
		return 1;
	}
	struct entry entries[] = {
			{.name = "nv12_full", .convert = nv12_full},
#if BENCH_LIBYUV
			{.name = "libyuv_nv12_full", .convert = libyuv_nv12_full},
#endif
			{.name = "i420_full", .convert = i420_full},
#if BENCH_LIBYUV
			{.name = "libyuv_i420_full", .convert = libyuv_i420_full},
#endif
#if BENCH_SWSCALE
			{.name = "swscale_nv12_full", .convert = swscale_full},
#endif
			{.name = "nv12_256x256", .convert = nv12_box},
			{.name = "nv12_16x63x63", .convert = nv12_scattered},
			{.name = "i444_full", .convert = i444_full},
			{.name = "10bit_nv12_full", .convert = deep_nv12_full},
			{.name = "10bit_p010_full", .convert = deep_p010_full},
	};
	size_t n = sizeof(entries) / sizeof(entries[0]);
	measure(&bench, entries, n);
	printf("{\"width\":%d,\"height\":%d", WIDTH, HEIGHT);
	for (size_t i = 0; i < n; i++) {
		printf(",\"%s_us\":%.1f", entries[i].name, entries[i].us);
	}
	print_kernels(&bench);
	printf("}\n");
	finish(&bench);
	return 0;
}
