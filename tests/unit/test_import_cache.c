// Buffers that lie about their size, are used twice, flood the cache, or lose their memory.
#define _GNU_SOURCE // memfd_create
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include "encode/encoder_impls.h"
#include "encode/import_cache.h"
#include "encode/pipeline.h"
#include "encode/sigbus_guard.h"

#define WIDTH 64
#define HEIGHT 48
#define STRIDE (WIDTH * 4)
#define SIZE (STRIDE * HEIGHT)

static int make_memory(size_t size) {
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_return_code(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static struct es_device *make_device(void) {
	char why[96];
	struct es_device *device = device_create(&device_cpu, "", why, sizeof(why));
	assert_non_null(device);
	return device;
}

static struct es_frame_buffer describe(uint64_t id) {
	return (struct es_frame_buffer){
			.id = id,
			.kind = ES_BUFFER_MEMORY,
			.width = WIDTH,
			.height = HEIGHT,
			.fourcc = DRM_FORMAT_XRGB8888,
			.modifier = DRM_FORMAT_MOD_LINEAR,
			.n_planes = 1,
			.stride = {STRIDE},
	};
}

static bool add(struct es_import_cache *cache, const struct es_frame_buffer *buffer, int fd) {
	const char *why = NULL;
	bool ok = import_cache_add(cache, buffer, &fd, &why);
	assert_true(ok || why != NULL);
	return ok;
}

static void test_maps_once_and_counts(void **state) {
	struct es_device *device = make_device();
	struct es_import_cache *cache = import_cache_create(device);
	int fd = make_memory(SIZE);
	struct es_frame_buffer buffer = describe(7);
	assert_true(add(cache, &buffer, fd));
	assert_false(add(cache, &buffer, fd)); // the id is taken
	assert_int_equal(pwrite(fd, "abcd", 4, 8), 4);
	close(fd); // the mapping needs it no more

	const struct es_import *import = import_cache_find(cache, 7);
	assert_non_null(import);
	assert_memory_equal(import->pixels.data + 8, "abcd", 4);
	assert_ptr_equal(import_cache_find(cache, 7), import);
	assert_null(import_cache_find(cache, 8));
	assert_true(device_begin_read(import));
	device_end_read(import);

	assert_true(import_cache_forget(cache, 7));
	assert_false(import_cache_forget(cache, 7));
	assert_null(import_cache_find(cache, 7));
	struct es_import_stats stats = import_cache_stats(cache);
	assert_int_equal(stats.misses, 1);
	assert_int_equal(stats.hits, 1);
	assert_int_equal(stats.evictions, 1);
	import_cache_destroy(cache);
	device_destroy(device);
}

static void test_refuses_what_does_not_fit(void **state) {
	struct es_device *device = make_device();
	struct es_import_cache *cache = import_cache_create(device);
	int fd = make_memory(SIZE - 1);
	struct es_frame_buffer buffer = describe(1);
	assert_false(add(cache, &buffer, fd));
	buffer.height--;
	assert_true(add(cache, &buffer, fd));

	buffer = describe(2);
	buffer.height--;
	buffer.offset[0] = UINT32_MAX;
	assert_false(add(cache, &buffer, fd));
	buffer.offset[0] = 0;
	buffer.stride[0] = STRIDE - 1;
	assert_false(add(cache, &buffer, fd));
	buffer.stride[0] = UINT32_MAX;
	assert_false(add(cache, &buffer, fd));
	buffer.stride[0] = STRIDE;
	buffer.width = 0;
	assert_false(add(cache, &buffer, fd));
	buffer = describe(2);
	buffer.modifier = DRM_FORMAT_MOD_INVALID;
	buffer.height--;
	assert_false(add(cache, &buffer, fd));
	buffer.modifier = DRM_FORMAT_MOD_LINEAR;
	buffer.fourcc = DRM_FORMAT_NV12;
	assert_false(add(cache, &buffer, fd));
	close(fd);

	int pipes[2];
	assert_return_code(pipe(pipes), 0);
	buffer = describe(3);
	assert_false(add(cache, &buffer, pipes[0]));
	close(pipes[0]);
	close(pipes[1]);
	import_cache_destroy(cache);
	device_destroy(device);
}

// A last row that ends with its last pixel, and pixels behind an offset.
static void test_offset_and_short_last_row(void **state) {
	struct es_device *device = make_device();
	struct es_import_cache *cache = import_cache_create(device);
	int fd = make_memory(4096 + 300 * (HEIGHT - 1) + STRIDE);
	struct es_frame_buffer buffer = describe(1);
	buffer.offset[0] = 4096;
	buffer.stride[0] = 300;
	assert_true(add(cache, &buffer, fd));
	assert_int_equal(pwrite(fd, "xyz", 3, 4096), 3);
	assert_memory_equal(import_cache_find(cache, 1)->pixels.data, "xyz", 3);
	close(fd);
	import_cache_destroy(cache);
	device_destroy(device);
}

static void test_flood_evicts_the_oldest(void **state) {
	struct es_device *device = make_device();
	struct es_import_cache *cache = import_cache_create(device);
	int fd = make_memory(SIZE);
	for (uint64_t id = 1; id <= 200; id++) {
		struct es_frame_buffer buffer = describe(id);
		assert_true(add(cache, &buffer, fd));
		assert_non_null(import_cache_find(cache, id));
	}
	close(fd);
	assert_null(import_cache_find(cache, 1));
	assert_non_null(import_cache_find(cache, 200));
	assert_true(import_cache_stats(cache).evictions > 100);
	import_cache_destroy(cache);
	device_destroy(device);
}

static void touch(void *data) {
	volatile const uint8_t *bytes = data;
	for (size_t i = 0; i < SIZE; i += 64) {
		(void)bytes[i];
	}
}

// cmocka has a SIGBUS handler of its own, set before each test.
static void test_guard_survives_truncation(void **state) {
	assert_true(sigbus_guard_install());
	int fd = make_memory(SIZE);
	void *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	for (int round = 0; round < 3; round++) {
		assert_return_code(ftruncate(fd, SIZE), 0);
		assert_true(sigbus_guard_run(touch, map));
		assert_return_code(ftruncate(fd, 100), 0);
		assert_false(sigbus_guard_run(touch, map));
	}
	munmap(map, SIZE);
	close(fd);
}

// An encoder that takes anything.
static bool fake_encode(struct es_encoder *encoder, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	encoded->size = 1;
	return true;
}

static void fake_destroy(struct es_encoder *encoder) {
	free(encoder);
}

static bool fake_takes(const struct es_colour *colour, enum es_picture_layout *layout) {
	*layout = ES_PICTURE_NV12;
	return true;
}

static struct es_encoder *fake_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params);

static const struct es_encoder_impl fake = {.name = "fake",
		.device = &device_cpu,
		.takes = fake_takes,
		.create = fake_create,
		.destroy = fake_destroy,
		.encode = fake_encode};

static struct es_encoder *fake_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
	struct es_encoder *encoder = calloc(1, sizeof(*encoder));
	if (encoder != NULL) {
		encoder->impl = &fake;
	}
	return encoder;
}

// A corner of a buffer.
static bool convert(struct es_pipeline *pipeline, struct es_import_cache *cache, uint64_t id) {
	struct es_rect corner = {0, 0, 2, 2};
	struct es_convert_request request = {
			.import = import_cache_find(cache, id),
			.acquire_fd = -1,
			.damage = &corner,
			.n_damage = 1,
	};
	const char *why = NULL;
	int release_fd;
	bool ok = pipeline_convert(pipeline, &request, &release_fd, &why);
	assert_int_equal(release_fd, -1);
	assert_true(ok || why != NULL);
	return ok;
}

// The next buffer after one that was truncated is converted whole.
static void test_pipeline_survives_truncation(void **state) {
	assert_true(sigbus_guard_install());
	struct es_encoder_params params = {.mode = {WIDTH, HEIGHT, 60000}, .colour = colour_sdr()};
	struct es_device *device = make_device();
	struct es_pipeline *pipeline = pipeline_create(&fake, device, &params);
	struct es_import_cache *cache = import_cache_create(device);
	int cut = make_memory(SIZE), whole = make_memory(SIZE);
	struct es_frame_buffer a = describe(1), b = describe(2);
	assert_true(add(cache, &a, cut) && add(cache, &b, whole));
	assert_false(pipeline_has_picture(pipeline));
	assert_true(convert(pipeline, cache, 1));
	assert_int_equal(pipeline_converted_px(pipeline), WIDTH * HEIGHT);
	assert_true(convert(pipeline, cache, 1));
	assert_int_equal(pipeline_converted_px(pipeline), WIDTH * HEIGHT + 8);

	assert_return_code(ftruncate(cut, 0), 0);
	assert_false(convert(pipeline, cache, 1));
	assert_false(pipeline_has_picture(pipeline));
	assert_true(convert(pipeline, cache, 2));
	assert_int_equal(pipeline_converted_px(pipeline), 2 * WIDTH * HEIGHT + 8);
	assert_true(pipeline_has_picture(pipeline));

	struct es_frame_buffer other = describe(3);
	other.width /= 2;
	assert_true(add(cache, &other, whole));
	assert_false(convert(pipeline, cache, 3));
	close(cut);
	close(whole);
	import_cache_destroy(cache);
	pipeline_destroy(pipeline);
	device_destroy(device);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_maps_once_and_counts),
			cmocka_unit_test(test_refuses_what_does_not_fit),
			cmocka_unit_test(test_offset_and_short_last_row),
			cmocka_unit_test(test_flood_evicts_the_oldest),
			cmocka_unit_test(test_guard_survives_truncation),
			cmocka_unit_test(test_pipeline_survives_truncation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
