// Real DMA-BUFs as images of Vulkan, against the same pixels copied there. It needs /dev/udmabuf, and
// a Vulkan that knows modifiers: the virtual machine has both. Else it is skipped.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include "encode/vulkan_convert.h"
#include "encode/vulkan_import.h"
#include "tests/clients/dma_memory.h"

#define SKIPPED 77 // exit status that meson takes as "skipped"
#define WIDTH 130
#define HEIGHT 35
#define PITCH 256
#define ROWS (36 + 18)

static uint32_t random_state = 4711;

static uint32_t random_u32(void) {
	random_state = random_state * 1664525u + 1013904223u;
	return random_state ^ random_state >> 15;
}

static struct es_frame_buffer describe(uint32_t fourcc, uint32_t padding, uint32_t offset) {
	return (struct es_frame_buffer){
			.id = 1,
			.kind = ES_BUFFER_DMABUF,
			.width = WIDTH,
			.height = HEIGHT,
			.fourcc = fourcc,
			.modifier = DRM_FORMAT_MOD_LINEAR,
			.n_planes = 1,
			.offset = {offset},
			.stride = {WIDTH * 4 + padding},
	};
}

static void create_memory(struct es_dma_memory *memory, const struct es_frame_buffer *buffer) {
	size_t needed = buffer->offset[0] + (size_t)buffer->stride[0] * HEIGHT;
	assert_true(
			dma_memory_init(memory, "udmabuf", buffer->stride[0], (needed + 4095) & ~(size_t)4095));
}

static void paint(struct es_dma_memory *memory) {
	assert_true(dma_memory_begin(memory));
	for (size_t i = 0; i + 4 <= memory->size; i += 4) {
		uint32_t v = random_u32();
		memcpy(memory->map + i, &v, 4);
	}
	assert_true(dma_memory_end(memory));
}

static void convert(struct es_vulkan_gpu *gpu, struct es_vulkan_converter *converter,
		struct es_vulkan_source *source, struct es_vulkan_buffer *out) {
	struct es_vulkan_view view = {0};
	struct es_cursor_view hidden = {0};
	struct es_vulkan_target target = {
			.buffer = out->buffer,
			.offset = {0, PITCH * 36},
			.pitch = PITCH,
	};
	const char *why = "";
	int release_fd;
	if (!vulkan_converter_convert(converter, source, &view, -1, &release_fd, &why)) {
		fail_msg("%s", why);
	}
	if (release_fd >= 0) {
		close(release_fd);
	}
	assert_true(vulkan_converter_write(converter, &hidden, &target, NULL));
	assert_true(vulkan_gpu_wait(gpu, gpu->submitted));
}

// Twice, so that what is drawn after the import is seen, too.
static void check_same(struct es_vulkan_gpu *gpu, struct es_vulkan_converter *converter,
		const struct es_frame_buffer *buffer) {
	struct es_vulkan_source imported, staged;
	struct es_vulkan_buffer out[2];
	struct es_dma_memory memory;
	const char *why = "";
	create_memory(&memory, buffer);
	if (!vulkan_import(gpu, buffer, &memory.fd, &imported, &why)) {
		fail_msg("%.4s: %s", (const char *)&buffer->fourcc, why);
	}
	assert_true(vulkan_source_init_staged(gpu, &staged, buffer->fourcc, WIDTH, HEIGHT, &why));
	for (int i = 0; i < 2; i++) {
		assert_true(vulkan_buffer_init(
				gpu, &out[i], PITCH * ROWS, VK_BUFFER_USAGE_TRANSFER_DST_BIT, ES_VULKAN_MAPPED));
		memset(out[i].map, 0, PITCH * ROWS);
	}
	for (int round = 0; round < 2; round++) {
		paint(&memory);
		struct es_pixels pixels = {
				memory.map + buffer->offset[0], buffer->stride[0], WIDTH, HEIGHT, buffer->fourcc};
		assert_true(vulkan_gpu_wait(gpu, staged.used));
		vulkan_source_fill(&staged, &pixels);
		convert(gpu, converter, &imported, &out[0]);
		convert(gpu, converter, &staged, &out[1]);
		assert_memory_equal(out[0].map, out[1].map, PITCH * ROWS);
	}
	vulkan_buffer_finish(gpu, &out[0]);
	vulkan_buffer_finish(gpu, &out[1]);
	vulkan_source_finish(gpu, &staged);
	vulkan_source_finish(gpu, &imported);
	dma_memory_finish(&memory);
}

static void test_imports(void **state) {
	static const uint32_t fourccs[] = {DRM_FORMAT_XRGB8888, DRM_FORMAT_ABGR8888,
			DRM_FORMAT_XRGB2101010, DRM_FORMAT_XBGR2101010};
	struct es_mode mode = {WIDTH, HEIGHT, 60000};
	struct es_colour colour = colour_sdr();
	const char *why = "";
	struct es_vulkan_converter *converter = vulkan_converter_create(*state, &mode, &colour, &why);
	assert_non_null(converter);
	for (size_t i = 0; i < sizeof(fourccs) / sizeof(fourccs[0]); i++) {
		struct es_frame_buffer buffer = describe(fourccs[i], i & 1 ? 248 : 120, i & 2 ? 4096 : 0);
		check_same(*state, converter, &buffer);
	}
	vulkan_converter_destroy(converter);
}

static void test_formats(void **state) {
	struct es_frame_format formats[ES_FRAME_MAX_FORMATS];
	size_t n = vulkan_import_formats(*state, formats, ES_FRAME_MAX_FORMATS);
	bool linear = false;
	for (size_t i = 0; i < n; i++) {
		linear = linear ||
				(formats[i].fourcc == DRM_FORMAT_XRGB8888 &&
						formats[i].modifier == DRM_FORMAT_MOD_LINEAR);
	}
	assert_true(linear);
	assert_int_equal(vulkan_import_formats(*state, formats, 1), 1);
}

static void expect_refused(
		struct es_vulkan_gpu *gpu, const struct es_frame_buffer *buffer, const int *fds) {
	struct es_vulkan_source source;
	const char *why = NULL;
	assert_false(vulkan_import(gpu, buffer, fds, &source, &why));
	assert_non_null(why);
}

static void test_refusals(void **state) {
	struct es_frame_buffer good = describe(DRM_FORMAT_XRGB8888, 0, 0), bad;
	struct es_dma_memory memory, other;
	create_memory(&memory, &good);
	create_memory(&other, &good);
	int fds[2] = {memory.fd, other.fd};
	bad = good;
	bad.modifier = DRM_FORMAT_MOD_INVALID;
	expect_refused(*state, &bad, fds);
	bad.modifier = fourcc_mod_code(VIVANTE, 77);
	expect_refused(*state, &bad, fds);
	bad = good;
	bad.fourcc = DRM_FORMAT_NV12;
	expect_refused(*state, &bad, fds);
	bad = good;
	bad.n_planes = 2;
	bad.stride[1] = bad.stride[0];
	expect_refused(*state, &bad, fds);
	bad = good;
	bad.height = 4000;
	expect_refused(*state, &bad, fds);
	bad = good;
	bad.offset[0] = 1 << 20;
	expect_refused(*state, &bad, fds);
	bad = good;
	bad.stride[0] = WIDTH * 4 - 4;
	expect_refused(*state, &bad, fds);
	bad = good;
	bad.kind = ES_BUFFER_MEMORY;
	expect_refused(*state, &bad, fds);
	dma_memory_finish(&memory);
	dma_memory_finish(&other);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_formats),
			cmocka_unit_test(test_imports),
			cmocka_unit_test(test_refusals),
	};
	char why[256] = "it does not import DMA-BUFs with their modifiers";
	if (access("/dev/udmabuf", R_OK | W_OK) != 0) {
		printf("not here: no /dev/udmabuf\n");
		return SKIPPED;
	}
	struct es_vulkan_gpu *gpu = vulkan_gpu_open("", true, why, sizeof(why));
	if (gpu == NULL || !gpu->imports_dmabufs) {
		printf("not here: %s\n", why);
		vulkan_gpu_close(gpu);
		return SKIPPED;
	}
	printf("on %s\n", gpu->name);
	struct CMUnitTest with_gpu[sizeof(tests) / sizeof(tests[0])];
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		with_gpu[i] = tests[i];
		with_gpu[i].initial_state = gpu;
	}
	int failed = cmocka_run_group_tests(with_gpu, NULL, NULL);
	vulkan_gpu_close(gpu);
	return failed;
}
