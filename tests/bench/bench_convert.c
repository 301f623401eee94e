// Colour conversion of 1080p: only the damaged rectangles, the full frame, and the full frame by
// swscale where it is there. CPU time; one JSON object on one line.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <drm_fourcc.h>

#include "encode/convert.h"

#if BENCH_SWSCALE
#include <libswscale/swscale.h>
#endif

#define WIDTH 1920
#define HEIGHT 1080
#define WARM_UP 10
#define ROUNDS 200

struct bench {
	struct es_pixels pixels, deep; // 8 bits, 10 bits
	struct es_picture nv12, i420, i444, p010;
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

static double us_per_round(struct bench *bench, void (*convert)(struct bench *, uint32_t)) {
	for (uint32_t round = 0; round < WARM_UP; round++) {
		convert(bench, round);
	}
	int64_t before = cpu_ns();
	for (uint32_t round = 0; round < ROUNDS; round++) {
		convert(bench, round);
	}
	return (double)(cpu_ns() - before) / 1e3 / ROUNDS;
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

int main(void) {
	struct bench bench = {0};
	if (!init(&bench)) {
		fprintf(stderr, "bench_convert: out of memory\n");
		return 1;
	}
	double full = us_per_round(&bench, nv12_full);
	printf("{\"width\":%d,\"height\":%d,\"nv12_full_us\":%.1f,\"i420_full_us\":%.1f,"
		   "\"nv12_256x256_us\":%.1f,\"nv12_16x63x63_us\":%.1f,\"i444_full_us\":%.1f,"
		   "\"10bit_nv12_full_us\":%.1f,\"10bit_p010_full_us\":%.1f",
			WIDTH, HEIGHT, full, us_per_round(&bench, i420_full), us_per_round(&bench, nv12_box),
			us_per_round(&bench, nv12_scattered), us_per_round(&bench, i444_full),
			us_per_round(&bench, deep_nv12_full), us_per_round(&bench, deep_p010_full));
#if BENCH_SWSCALE
	double swscale = us_per_round(&bench, swscale_full);
	printf(",\"swscale_full_us\":%.1f,\"swscale_to_ours\":%.1f", swscale, swscale / full);
#endif
	printf("}\n");
	finish(&bench);
	return 0;
}
