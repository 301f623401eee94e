// The conversion on a GPU against the same in double precision, sample by sample: Vulkan in software
// is enough. Without any Vulkan the test is skipped.
#define _GNU_SOURCE // memfd_create
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include <libavutil/hwcontext.h>

#include "base/fd.h"
#include "encode/sigbus_guard.h"
#include "encode/vulkan_frames.h"
#include "encode/vulkan_take.h"
#include "tests/unit/yuv_reference.h"

#define SKIPPED 77 // exit status that meson takes as "skipped"
#define MAX_ERROR 1
#define MAX_SIZE 160

static uint32_t random_state = 12345;

static uint32_t random_u32(void) {
	random_state = random_state * 1664525u + 1013904223u;
	return random_state ^ random_state >> 15;
}

static const struct es_colour sdr = {1, 1, 1, false, 8, false};
static const struct es_colour sdr_full = {1, 1, 1, true, 8, false};
static const struct es_colour sdr_10 = {1, 1, 1, false, 10, false};
static const struct es_colour hdr = {9, 16, 9, false, 10, false};

struct scene {
	struct es_vulkan_gpu *gpu;
	struct es_colour colour;
	struct es_mode mode;
	struct es_vulkan_converter *converter;
	struct es_vulkan_source source;
	uint32_t fourcc;
	uint32_t *pixels; // rows of source_width + padding
	uint32_t stride; // pixels
	struct es_vulkan_view view;
	struct es_cursor_view cursor;
	struct es_vulkan_buffer out;
	uint32_t pitch, chroma_at;
};

// --- the reference

static struct rgba source_pixel(const struct scene *scene, int64_t x, int64_t y) {
	uint32_t v = scene->pixels[(size_t)y * scene->stride + (size_t)x];
	switch (scene->fourcc) {
	case DRM_FORMAT_XRGB8888:
		return (struct rgba){(v >> 16 & 255) / 255., (v >> 8 & 255) / 255., (v & 255) / 255., 1};
	case DRM_FORMAT_ABGR8888:
		return (struct rgba){(v & 255) / 255., (v >> 8 & 255) / 255., (v >> 16 & 255) / 255., 1};
	case DRM_FORMAT_XRGB2101010:
		return (struct rgba){
				(v >> 20 & 1023) / 1023., (v >> 10 & 1023) / 1023., (v & 1023) / 1023., 1};
	default: // DRM_FORMAT_XBGR2101010
		return (struct rgba){
				(v & 1023) / 1023., (v >> 10 & 1023) / 1023., (v >> 20 & 1023) / 1023., 1};
	}
}

static struct rgba mixed(struct rgba p, struct rgba q, double part) {
	return (struct rgba){p.r + (q.r - p.r) * part, p.g + (q.g - p.g) * part,
			p.b + (q.b - p.b) * part, p.a + (q.a - p.a) * part};
}

static int64_t clamp(int64_t v, int64_t least, int64_t most) {
	return v < least ? least : v > most ? most : v;
}

static struct rgba shown_pixel(
		const struct scene *scene, const struct es_box *src, double x, double y) {
	struct rgba p[4];
	int64_t left = (int64_t)floor(x), top = (int64_t)floor(y);
	for (int i = 0; i < 4; i++) {
		int64_t px = clamp(left + (i & 1), src->x / 256, (src->x + src->width + 255) / 256 - 1);
		int64_t py = clamp(top + (i >> 1), src->y / 256, (src->y + src->height + 255) / 256 - 1);
		p[i] = source_pixel(scene, px, py);
	}
	double dx = x - (double)left;
	return mixed(mixed(p[0], p[1], dx), mixed(p[2], p[3], dx), y - (double)top);
}

// Of the screen, as linear combinations need it.
static struct rgba screen_pixel(const void *data, int64_t x, int64_t y) {
	const struct scene *scene = data;
	struct es_box src = scene->view.src;
	struct es_rect dst = scene->view.dst;
	if (src.width == 0) {
		src = (struct es_box){
				0, 0, scene->source.image.width * 256, scene->source.image.height * 256};
	}
	if (dst.width == 0) {
		dst = (struct es_rect){0, 0, scene->mode.width, scene->mode.height};
	}
	x = clamp(x, 0, scene->mode.width - 1) - dst.x;
	y = clamp(y, 0, scene->mode.height - 1) - dst.y;
	if (x < 0 || y < 0 || x >= dst.width || y >= dst.height) {
		return (struct rgba){0, 0, 0, 1};
	}
	return shown_pixel(scene, &src,
			((double)x + 0.5) * src.width / 256 / dst.width + src.x / 256. - 0.5,
			((double)y + 0.5) * src.height / 256 / dst.height + src.y / 256. - 0.5);
}

static double pq(double light) {
	double m = pow(light > 0 ? light : 0, 2610. / 16384);
	return pow((3424. / 4096 + 2413. / 128 * m) / (1 + 2392. / 128 * m), 2523. / 32);
}

static double linear(double v) {
	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static struct rgba to_pq(struct rgba c) {
	double r = linear(fmin(c.r / c.a, 1)), g = linear(fmin(c.g / c.a, 1));
	double b = linear(fmin(c.b / c.a, 1)), white = 203. / 10000;
	return (struct rgba){pq((0.6274 * r + 0.3293 * g + 0.0433 * b) * white) * c.a,
			pq((0.0691 * r + 0.9195 * g + 0.0114 * b) * white) * c.a,
			pq((0.0164 * r + 0.0880 * g + 0.8956 * b) * white) * c.a, c.a};
}

static struct rgba cursor_pixel(const void *data, int64_t x, int64_t y) {
	const struct scene *scene = data;
	const struct es_cursor_view *cursor = &scene->cursor;
	x = clamp(x, 0, scene->mode.width - 1) - cursor->x;
	y = clamp(y, 0, scene->mode.height - 1) - cursor->y;
	if (cursor->argb == NULL || x < 0 || y < 0 || x >= cursor->width || y >= cursor->height) {
		return (struct rgba){0};
	}
	uint32_t v = cursor->argb[(size_t)y * cursor->width + (size_t)x];
	struct rgba c = {
			(v >> 16 & 255) / 255., (v >> 8 & 255) / 255., (v & 255) / 255., (v >> 24) / 255.};
	return scene->colour.transfer == 16 && c.a > 0 ? to_pq(c) : c;
}

static double expected(const struct scene *scene, uint32_t plane, int64_t x, int64_t y) {
	const struct es_colour *colour = &scene->colour;
	struct rgba below = reference_rgba(screen_pixel, scene, plane > 0, x, y);
	struct rgba over = reference_rgba(cursor_pixel, scene, plane > 0, x, y);
	return reference_code(colour, below, plane) * (1 - over.a) +
			reference_code(colour, over, plane) + reference_offset(colour, plane);
}

// --- what comes out

static uint32_t result(const struct scene *scene, uint32_t plane, uint32_t x, uint32_t y) {
	uint32_t bytes = scene->colour.depth > 8 ? 2 : 1;
	size_t at = plane == 0 ? (size_t)y * scene->pitch + (size_t)x * bytes
						   : scene->chroma_at + (size_t)(y / 2) * scene->pitch +
					((size_t)(x & ~1u) + plane - 1) * bytes;
	const uint8_t *p = (const uint8_t *)scene->out.map + at;
	return bytes == 1 ? p[0] : ((uint32_t)p[0] | (uint32_t)p[1] << 8) >> 6;
}

static void compare(const struct scene *scene, const char *what) {
	uint32_t width = (scene->mode.width + 1) & ~1u, height = (scene->mode.height + 1) & ~1u;
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			for (uint32_t plane = 0; plane < 3; plane++) {
				double wanted = expected(scene, plane, x, y);
				double is = result(scene, plane, x, y);
				if (fabs(wanted - is) > MAX_ERROR) {
					fail_msg("%s, %ux%u: plane %u at %u,%u is %.0f instead of %.2f", what,
							scene->mode.width, scene->mode.height, plane, x, y, is, wanted);
				}
			}
		}
	}
}

static void convert(struct scene *scene, int acquire_fd) {
	const char *why = "";
	int release_fd;
	struct es_pixels pixels = {(const uint8_t *)scene->pixels, scene->stride * 4,
			scene->source.image.width, scene->source.image.height, scene->fourcc};
	assert_true(vulkan_gpu_wait(scene->gpu, scene->source.used));
	vulkan_source_fill(&scene->source, &pixels);
	if (!vulkan_converter_convert(
				scene->converter, &scene->source, &scene->view, acquire_fd, &release_fd, &why)) {
		fail_msg("%s", why);
	}
	if (release_fd >= 0) {
		struct pollfd ready = {.fd = release_fd, .events = POLLIN};
		assert_int_equal(poll(&ready, 1, 60000), 1);
		fd_close(&release_fd);
	}
}

static void write_out(struct scene *scene) {
	struct es_vulkan_target target = {
			.buffer = scene->out.buffer,
			.offset = {0, scene->chroma_at},
			.pitch = scene->pitch,
	};
	assert_true(vulkan_converter_write(scene->converter, &scene->cursor, &target, NULL));
	assert_true(vulkan_gpu_wait(scene->gpu, scene->gpu->submitted));
}

static void check(struct scene *scene, const char *what) {
	convert(scene, -1);
	write_out(scene);
	compare(scene, what);
}

// --- scenes

static void open_scene(struct scene *scene, void *gpu, const struct es_colour *colour,
		uint32_t fourcc, uint32_t width, uint32_t height) {
	const char *why = "";
	*scene = (struct scene){.gpu = gpu, .colour = *colour, .fourcc = fourcc};
	scene->mode = (struct es_mode){width, height, 60000};
	scene->converter = vulkan_converter_create(gpu, &scene->mode, colour, &why);
	if (scene->converter == NULL) {
		fail_msg("%s", why);
	}
	scene->pitch = 512;
	scene->chroma_at = scene->pitch * (MAX_SIZE + 4);
	assert_true(vulkan_buffer_init(gpu, &scene->out,
			scene->chroma_at + (VkDeviceSize)scene->pitch * (MAX_SIZE / 2 + 2),
			VK_BUFFER_USAGE_TRANSFER_DST_BIT, ES_VULKAN_MAPPED));
}

static void fill_source(struct scene *scene, uint32_t width, uint32_t height) {
	const char *why = "";
	if (!vulkan_source_init_staged(
				scene->gpu, &scene->source, scene->fourcc, width, height, &why)) {
		fail_msg("%s", why);
	}
	scene->stride = width + 13;
	scene->pixels = malloc((size_t)scene->stride * height * 4);
	assert_non_null(scene->pixels);
	for (size_t i = 0; i < (size_t)scene->stride * height; i++) {
		scene->pixels[i] = random_u32();
	}
}

static void close_scene(struct scene *scene) {
	vulkan_source_finish(scene->gpu, &scene->source);
	vulkan_converter_destroy(scene->converter);
	vulkan_buffer_finish(scene->gpu, &scene->out);
	free(scene->pixels);
}

static const uint32_t sizes[][2] = {{64, 48}, {63, 48}, {64, 47}, {17, 19}, {131, 35}, {16, 16}};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void check_sizes(
		void *gpu, const struct es_colour *colour, uint32_t fourcc, const char *what) {
	for (size_t i = 0; i < N_SIZES; i++) {
		struct scene scene;
		open_scene(&scene, gpu, colour, fourcc, sizes[i][0], sizes[i][1]);
		fill_source(&scene, sizes[i][0], sizes[i][1]);
		check(&scene, what);
		close_scene(&scene);
	}
}

static void test_bt709(void **state) {
	check_sizes(*state, &sdr, DRM_FORMAT_XRGB8888, "BT.709 limited from XRGB8888");
	check_sizes(*state, &sdr, DRM_FORMAT_ABGR8888, "BT.709 limited from ABGR8888");
	check_sizes(*state, &sdr, DRM_FORMAT_XRGB2101010, "BT.709 limited from XRGB2101010");
	check_sizes(*state, &sdr_full, DRM_FORMAT_XRGB8888, "BT.709 full from XRGB8888");
	check_sizes(*state, &sdr_10, DRM_FORMAT_XRGB8888, "BT.709 with 10 bits from XRGB8888");
}

static void test_bt2020_pq(void **state) {
	check_sizes(*state, &hdr, DRM_FORMAT_XRGB2101010, "BT.2020 PQ from XRGB2101010");
	check_sizes(*state, &hdr, DRM_FORMAT_XBGR2101010, "BT.2020 PQ from XBGR2101010");
}

static void test_known_colours(void **state) {
	static const struct {
		uint32_t argb;
		uint8_t y, u, v;
	} colours[] = {{0xff000000, 16, 128, 128}, {0xffffffff, 235, 128, 128},
			{0xffff0000, 63, 102, 240}, {0xff00ff00, 173, 42, 26}, {0xff0000ff, 32, 240, 118}};
	struct scene scene;
	open_scene(&scene, *state, &sdr, DRM_FORMAT_XRGB8888, 32, 32);
	fill_source(&scene, 32, 32);
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		for (size_t k = 0; k < (size_t)scene.stride * 32; k++) {
			scene.pixels[k] = colours[i].argb;
		}
		convert(&scene, -1);
		write_out(&scene);
		assert_uint_in_range(result(&scene, 0, 9, 5), colours[i].y - 1, colours[i].y + 1);
		assert_uint_in_range(result(&scene, 1, 9, 5), colours[i].u - 1, colours[i].u + 1);
		assert_uint_in_range(result(&scene, 2, 9, 5), colours[i].v - 1, colours[i].v + 1);
	}
	close_scene(&scene);
}

// Parts of the buffer, on parts of the screen, larger and smaller; black around.
static void test_scaling(void **state) {
	static const struct es_vulkan_view views[] = {
			{{0, 0, 0, 0}, {0, 0, 0, 0}},
			{{0, 0, 80 * 256, 60 * 256}, {10, 5, 80, 50}},
			{{256 * 8, 256 * 4, 256 * 20, 256 * 30}, {0, 0, 0, 0}},
			{{100, 77, 5000, 7001}, {31, 7, 33, 21}},
			{{0, 0, 0, 0}, {3, 0, 1, 59}},
			{{256 * 79, 256 * 59, 256, 256}, {50, 50, 13, 9}},
	};
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		struct scene scene;
		open_scene(&scene, *state, i & 1 ? &hdr : &sdr,
				i & 1 ? DRM_FORMAT_XRGB2101010 : DRM_FORMAT_XRGB8888, 101, 59);
		fill_source(&scene, 80, 60);
		scene.view = views[i];
		check(&scene, "scaled");
		close_scene(&scene);
	}
}

static void test_bad_views(void **state) {
	static const struct es_vulkan_view views[] = {
			{{0, 0, 33 * 256, 32 * 256}, {0, 0, 0, 0}},
			{{1, 0, 32 * 256, 32 * 256}, {0, 0, 0, 0}},
			{{0, 0, 256, 0}, {0, 0, 0, 0}},
			{{0, 0, 0, 0}, {0, 0, 33, 32}},
			{{0, 0, 0, 0}, {UINT32_MAX, 0, 8, 8}},
			{{UINT32_MAX, UINT32_MAX, 256, 256}, {0, 0, 8, 8}},
	};
	struct scene scene;
	open_scene(&scene, *state, &sdr, DRM_FORMAT_XRGB8888, 32, 32);
	fill_source(&scene, 32, 32);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		const char *why = NULL;
		int release_fd;
		assert_false(vulkan_converter_convert(
				scene.converter, &scene.source, &views[i], -1, &release_fd, &why));
		assert_non_null(why);
		assert_int_equal(release_fd, -1);
	}
	check(&scene, "after refusals");
	close_scene(&scene);
}

static uint32_t premultiplied(uint32_t argb) {
	uint32_t a = argb >> 24, v = a << 24;
	for (int shift = 0; shift < 24; shift += 8) {
		v |= ((argb >> shift & 255) * a / 255) << shift;
	}
	return v;
}

static void fill_cursor(uint32_t *argb, size_t n) {
	for (size_t i = 0; i < n; i++) {
		uint32_t v = random_u32();
		argb[i] = premultiplied(i % 3 == 0 ? v | 0xff000000 : i % 3 == 1 ? v : v & 0xffffff);
	}
}

// The cursor where it is, also half outside, and the clean picture again when it has gone.
static void check_cursor(void *gpu, const struct es_colour *colour, uint32_t fourcc) {
	static const int32_t places[][2] = {{4, 6}, {5, 7}, {-3, -4}, {-11, 10}, {60, 40}, {51, 36},
			{40, -12}, {200, 10}, {-40, 0}, {0, 0}, {62, 46}};
	uint32_t argb[12 * 15];
	struct scene scene;
	fill_cursor(argb, 12 * 15);
	open_scene(&scene, gpu, colour, fourcc, 63, 47);
	fill_source(&scene, 63, 47);
	convert(&scene, -1);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		scene.cursor = (struct es_cursor_view){argb, 12, 15, places[i][0], places[i][1], 1 + i / 4};
		write_out(&scene);
		compare(&scene, "with a cursor");
		if (i % 4 == 3) {
			fill_cursor(argb, 12 * 15);
		}
	}
	scene.cursor = (struct es_cursor_view){0};
	write_out(&scene);
	compare(&scene, "without cursor");
	close_scene(&scene);
}

static void test_cursor(void **state) {
	check_cursor(*state, &sdr, DRM_FORMAT_XRGB8888);
	check_cursor(*state, &sdr_full, DRM_FORMAT_XRGB8888);
	check_cursor(*state, &hdr, DRM_FORMAT_XRGB2101010);
}

// A cursor of the largest size, over everything.
static void test_large_cursor(void **state) {
	size_t n = (size_t)ES_CURSOR_MAX_SIZE * ES_CURSOR_MAX_SIZE;
	uint32_t *argb = malloc(n * 4);
	assert_non_null(argb);
	fill_cursor(argb, n);
	struct scene scene;
	open_scene(&scene, *state, &sdr, DRM_FORMAT_XRGB8888, 160, 64);
	fill_source(&scene, 160, 64);
	scene.cursor =
			(struct es_cursor_view){argb, ES_CURSOR_MAX_SIZE, ES_CURSOR_MAX_SIZE, -101, -300, 1};
	check(&scene, "under a large cursor");
	close_scene(&scene);
	free(argb);
}

// As the encoders of libavcodec get it, cursor and all.
static void check_frame(void *gpu, const struct es_colour *colour, uint32_t fourcc) {
	uint32_t argb[12 * 15];
	struct scene scene;
	fill_cursor(argb, 12 * 15);
	open_scene(&scene, gpu, colour, fourcc, 131, 35);
	fill_source(&scene, 131, 35);
	scene.cursor = (struct es_cursor_view){argb, 12, 15, 33, 11, 1};
	AVBufferRef *frames = vulkan_frames_create(gpu, &scene.mode, colour, 0);
	AVFrame *frame = av_frame_alloc(), *read = av_frame_alloc();
	assert_non_null(frames);
	assert_non_null(frame);
	assert_non_null(read);
	for (int i = 0; i < 3; i++) { // the second time the same memory
		convert(&scene, -1);
		assert_int_equal(av_hwframe_get_buffer(frames, frame, 0), 0);
		assert_true(vulkan_frames_write(scene.converter, &scene.cursor, frame));
		assert_int_equal(av_hwframe_transfer_data(read, frame, 0), 0);
		for (uint32_t y = 0; y < 36; y++) {
			uint8_t *out = (uint8_t *)scene.out.map + (size_t)y * scene.pitch;
			memcpy(out, read->data[0] + (ptrdiff_t)y * read->linesize[0], 264);
			if (y < 18) {
				memcpy(out + scene.chroma_at, read->data[1] + (ptrdiff_t)y * read->linesize[1],
						264);
			}
		}
		compare(&scene, "as a frame of libavutil");
		av_frame_unref(frame);
		av_frame_unref(read);
		scene.cursor.x += 7;
	}
	av_frame_free(&frame);
	av_frame_free(&read);
	av_buffer_unref(&frames);
	close_scene(&scene);
}

static void test_frames_of_libavutil(void **state) {
	check_frame(*state, &sdr, DRM_FORMAT_XRGB8888);
	check_frame(*state, &hdr, DRM_FORMAT_XRGB2101010);
}

// As an encoder is asked to: pixels in memory, which may be taken away while they are read.
static void test_memory_of_the_display(void **state) {
	struct scene scene;
	const char *why = NULL;
	int release_fd, fd = memfd_create("pixels", MFD_CLOEXEC);
	size_t size = (size_t)64 * 48 * 4;
	assert_true(sigbus_guard_install()); // cmocka has its own for each test
	open_scene(&scene, *state, &sdr, DRM_FORMAT_XRGB8888, 64, 48);
	assert_true(vulkan_source_init_staged(scene.gpu, &scene.source, scene.fourcc, 64, 48, &why));
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	scene.pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	scene.stride = 64;
	assert_true(scene.pixels != MAP_FAILED);
	for (size_t i = 0; i < size / 4; i++) {
		scene.pixels[i] = random_u32();
	}
	struct es_import import = {
			.fd = -1,
			.pixels = {(const uint8_t *)scene.pixels, 64 * 4, 64, 48, scene.fourcc},
			.handle = &scene.source,
	};
	struct es_convert_request request = {.import = &import, .acquire_fd = -1};
	assert_true(vulkan_take(scene.gpu, scene.converter, &request, &release_fd, &why));
	fd_close(&release_fd);
	write_out(&scene);
	compare(&scene, "from memory");
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_false(vulkan_take(scene.gpu, scene.converter, &request, &release_fd, &why));
	assert_string_equal(why, "its memory was taken away");
	munmap(scene.pixels, size);
	fd_close(&fd);
	scene.pixels = NULL;
	close_scene(&scene);
}

// What NVENC gets: memory and a semaphore that leave Vulkan as file descriptors.
static void test_exports(void **state) {
	const struct es_vulkan_gpu *gpu = *state;
	struct es_vulkan_buffer buffer;
	int fd = -1;
	if (!gpu->exports_memory) {
		skip();
	}
	assert_true(vulkan_buffer_init(
			gpu, &buffer, 512 * 300, VK_BUFFER_USAGE_TRANSFER_DST_BIT, ES_VULKAN_EXPORTED));
	assert_true(buffer.size >= 512 * 300);
	VkMemoryGetFdInfoKHR info = {
			.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
			.memory = buffer.memory,
			.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	assert_int_equal(gpu->vk.GetMemoryFdKHR(gpu->device, &info, &fd), VK_SUCCESS);
	assert_true(fd >= 0);
	fd_close(&fd);
	vulkan_buffer_finish(gpu, &buffer);
}

// Something that never signals costs that frame alone.
static void test_fence_that_never_signals(void **state) {
	int ends[2];
	struct scene scene;
	const char *why = NULL;
	int release_fd;
	open_scene(&scene, *state, &sdr, DRM_FORMAT_XRGB8888, 64, 48);
	fill_source(&scene, 64, 48);
	convert(&scene, -1);
	assert_int_equal(pipe(ends), 0);
	assert_false(vulkan_converter_convert(
			scene.converter, &scene.source, &scene.view, ends[0], &release_fd, &why));
	assert_string_equal(why, "its fence did not signal in time");
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	write_out(&scene);
	compare(&scene, "after a fence that never signalled");
	check(&scene, "and the next frame");
	close_scene(&scene);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_bt709),
			cmocka_unit_test(test_bt2020_pq),
			cmocka_unit_test(test_known_colours),
			cmocka_unit_test(test_scaling),
			cmocka_unit_test(test_bad_views),
			cmocka_unit_test(test_cursor),
			cmocka_unit_test(test_large_cursor),
			cmocka_unit_test(test_frames_of_libavutil),
			cmocka_unit_test(test_memory_of_the_display),
			cmocka_unit_test(test_exports),
			cmocka_unit_test(test_fence_that_never_signals),
	};
	char why[256];
	struct es_vulkan_gpu *gpu = vulkan_gpu_open("", true, why, sizeof(why));
	if (gpu == NULL) {
		printf("not here: %s\n", why);
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
