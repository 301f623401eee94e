#include "encode/speed_test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <drm_fourcc.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "encode/import_cache.h"
#include "encode/pipeline.h"

#define N_BUFFERS 6
#define WARM_UP 12 // pictures: the rate control learns, caches fill
#define LEAST_PICTURES 20
#define MEASURE_NS ES_NS_PER_S
// Of the texture; it moves on by this with each picture.
#define STEP_X 3
#define STEP_Y 1
// A usual share of bits for games: 20 Mbit/s at 1080p60.
#define BITS_PER_PIXEL 0.16

struct speed_test {
	const struct es_encoder_impl *impl;
	struct es_mode mode;
	struct es_device *device;
	struct es_import_cache *imports;
	struct es_pipeline *pipeline;
	uint8_t *unit;
	size_t unit_cap;
	uint64_t sequence;
};

static uint32_t hash(uint32_t x, uint32_t y) {
	uint32_t v = x * 0x9e3779b1u ^ y * 0x85ebca77u;
	v ^= v >> 15;
	v *= 0x2c1b3c6du;
	return v ^ v >> 13;
}

// Soft areas, edges every 64 pixels and a little grain: harder than a desktop, easier than noise.
static uint32_t texel(uint32_t x, uint32_t y) {
	uint32_t tile = hash(x / 64, y / 64), grain = hash(x, y) & 7;
	uint32_t red = (tile & 127) + (x & 63) + grain;
	uint32_t green = (tile >> 8 & 127) + (y & 63) + grain;
	uint32_t blue = (tile >> 16 & 127) + ((x + y) & 63) + grain;
	return 0xff000000u | red << 16 | green << 8 | blue;
}

static void draw(uint32_t *pixels, const struct es_mode *mode, uint32_t picture) {
	for (uint32_t y = 0; y < mode->height; y++) {
		for (uint32_t x = 0; x < mode->width; x++) {
			pixels[(size_t)y * mode->width + x] = texel(x + picture * STEP_X, y + picture * STEP_Y);
		}
	}
}

static bool add_buffer(struct speed_test *test, uint32_t index) {
	const struct es_mode *mode = &test->mode;
	size_t size = (size_t)mode->width * 4 * mode->height;
	int fd = fd_create_sealed_memfd("earthshine-speed-test", size);
	if (fd < 0) {
		return false;
	}
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	bool ok = map != MAP_FAILED;
	if (ok) {
		draw(map, mode, index);
		munmap(map, size);
		struct es_frame_buffer buffer = {
				.id = index + 1,
				.kind = ES_BUFFER_MEMORY,
				.width = mode->width,
				.height = mode->height,
				.fourcc = DRM_FORMAT_XRGB8888,
				.modifier = DRM_FORMAT_MOD_LINEAR,
				.n_planes = 1,
				.stride = {mode->width * 4},
		};
		const char *why;
		ok = import_cache_add(test->imports, &buffer, &fd, &why);
	}
	fd_close(&fd);
	return ok;
}

static bool set_up(struct speed_test *test) {
	const struct es_mode *mode = &test->mode;
	double kbps = (double)mode->width * mode->height * mode->refresh_mhz / 1e6 * BITS_PER_PIXEL;
	struct es_encoder_params params = {
			.codec = test->impl->codec,
			.mode = *mode,
			.colour = colour_sdr(),
			.bitrate_kbps = kbps < ES_MIN_KBPS ? ES_MIN_KBPS
					: kbps > ES_MAX_KBPS	   ? ES_MAX_KBPS
											   : (uint32_t)kbps,
			.strict = true,
	};
	test->unit_cap = (size_t)mode->width * mode->height * 2 + 65536;
	test->unit = malloc(test->unit_cap);
	char why[96] = "";
	test->device = device_create(test->impl->device, "", why, sizeof(why));
	if (test->unit == NULL || test->device == NULL) {
		return false;
	}
	test->imports = import_cache_create(test->device);
	if (test->imports == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < N_BUFFERS; i++) {
		if (!add_buffer(test, i)) {
			return false;
		}
	}
	test->pipeline = pipeline_create(test->impl, test->device, &params);
	return test->pipeline != NULL;
}

// To and fro through the buffers, so that each picture is a small move from the one before.
static uint64_t buffer_of(uint64_t sequence) {
	uint64_t at = sequence % (2 * (N_BUFFERS - 1));
	return 1 + (at < N_BUFFERS ? at : 2 * (N_BUFFERS - 1) - at);
}

static bool encode_one(struct speed_test *test) {
	struct es_rect all = {.width = test->mode.width, .height = test->mode.height};
	struct es_encode_request request = {.sequence = ++test->sequence};
	struct es_convert_request convert = {
			.import = import_cache_find(test->imports, buffer_of(test->sequence)),
			.acquire_fd = -1,
			.damage = &all,
			.n_damage = 1,
	};
	struct es_encoded encoded;
	const char *why;
	int release_fd = -1;
	bool converted =
			convert.import != NULL && pipeline_convert(test->pipeline, &convert, &release_fd, &why);
	fd_close(&release_fd);
	return converted &&
			pipeline_encode(test->pipeline, NULL, ES_PIPELINE_CHANGE, &request, test->unit,
					test->unit_cap, &encoded);
}

static double measure(struct speed_test *test) {
	int64_t start_ns = 0, now_ns = 0;
	uint64_t n = 0;
	for (uint64_t i = 0; i < WARM_UP + LEAST_PICTURES || now_ns - start_ns < MEASURE_NS; i++) {
		if (i == WARM_UP) {
			start_ns = clock_now_ns();
		}
		if (!encode_one(test)) {
			return 0;
		}
		now_ns = clock_now_ns();
		n += i >= WARM_UP;
	}
	return (double)n * (double)ES_NS_PER_S / (double)(now_ns - start_ns);
}

double speed_test_run(const struct es_encoder_impl *impl, const struct es_mode *mode) {
	struct speed_test test = {.impl = impl, .mode = *mode};
	double fps = set_up(&test) ? measure(&test) : 0;
	if (fps == 0) {
		es_log(ES_LOG_ERROR,
				"cannot measure %s at %ux%u: it does not encode that, or memory is short",
				impl->name, mode->width, mode->height);
	}
	pipeline_destroy(test.pipeline);
	import_cache_destroy(test.imports);
	device_destroy(test.device);
	free(test.unit);
	return fps;
}
