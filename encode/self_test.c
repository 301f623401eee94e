#include "encode/self_test.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <drm_fourcc.h>

#include "base/clock.h"
#include "base/fd.h"
#include "encode/decode_back.h"
#include "encode/import_cache.h"
#include "encode/pipeline.h"

#define COLUMNS 8
#define ROWS 4
#define BORDER 16 // at the right and the bottom: finds a wrong crop or alignment
#define N_FRAMES 10
#define FORCED_IDR 5
#define NEW_BITRATE 8
#define N_BUFFERS 2
#define MAX_LUMA_ERROR 6
#define MAX_CHROMA_ERROR 8
#define BORDER_COLOUR 0xff2060c0
#define MOVING_COLOUR 0xffe0a010

// The moving cell goes along the last row, which is grey.
static const uint32_t cell_colours[ROWS][COLUMNS] = {
		{0xff000000, 0xffffffff, 0xffff0000, 0xff00ff00, 0xff0000ff, 0xff00ffff, 0xffff00ff,
				0xffffff00},
		{0xff404040, 0xff808080, 0xffc0c0c0, 0xffe0ac90, 0xffc68642, 0xff5c3a21, 0xff202020,
				0xfff0f0f0},
		{0xff103050, 0xff907030, 0xff30a070, 0xff7030a0, 0xff0b6623, 0xffb22222, 0xff4682b4,
				0xffffe4b5},
		{0xff606060, 0xff606060, 0xff606060, 0xff606060, 0xff606060, 0xff606060, 0xff606060,
				0xff606060},
};

struct buffer {
	struct es_frame_buffer description;
	int fd;
	uint32_t *pixels;
	size_t size;
};

struct self_test {
	struct es_mode mode;
	const struct es_encoder_impl *impl;
	struct es_pipeline *pipeline;
	struct es_device *device;
	struct es_import_cache *imports;
	struct es_decode_back *decoder;
	struct buffer buffers[N_BUFFERS];
	uint8_t *unit;
	size_t unit_cap;
	int64_t busy_ns;
	size_t idr_size;
	struct es_self_test_result result;
};

__attribute__((format(printf, 2, 3))) static bool failed(
		struct self_test *test, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(test->result.reason, sizeof(test->result.reason), format, args);
	va_end(args);
	return false;
}

static struct es_rect cell_rect(const struct es_mode *mode, uint32_t column, uint32_t row) {
	uint32_t width = (mode->width - BORDER) / COLUMNS, height = (mode->height - BORDER) / ROWS;
	struct es_rect r = {column * width, row * height, width, height};
	if (column == COLUMNS - 1) {
		r.width = mode->width - BORDER - r.x;
	}
	if (row == ROWS - 1) {
		r.height = mode->height - BORDER - r.y;
	}
	return r;
}

static void fill(struct buffer *buffer, const struct es_rect *r, uint32_t colour) {
	uint32_t stride = buffer->description.stride[0] / 4;
	for (uint32_t y = r->y; y < r->y + r->height; y++) {
		for (uint32_t x = r->x; x < r->x + r->width; x++) {
			buffer->pixels[(size_t)y * stride + x] = colour;
		}
	}
}

static uint32_t moving_column(uint32_t frame) {
	return frame % COLUMNS;
}

static uint32_t colour_at(uint32_t frame, uint32_t column, uint32_t row) {
	bool moving = row == ROWS - 1 && column == moving_column(frame);
	return moving ? MOVING_COLOUR : cell_colours[row][column];
}

static void draw(struct self_test *test, struct buffer *buffer, uint32_t frame) {
	fill(buffer, &(struct es_rect){0, 0, test->mode.width, test->mode.height}, BORDER_COLOUR);
	for (uint32_t row = 0; row < ROWS; row++) {
		for (uint32_t column = 0; column < COLUMNS; column++) {
			struct es_rect r = cell_rect(&test->mode, column, row);
			fill(buffer, &r, colour_at(frame, column, row));
		}
	}
}

static bool create_buffer(struct self_test *test, struct buffer *buffer, uint64_t id) {
	uint32_t stride = test->mode.width * 4;
	buffer->size = (size_t)stride * test->mode.height;
	buffer->fd = fd_create_sealed_memfd("earthshine-self-test", buffer->size);
	if (buffer->fd < 0) {
		return failed(test, "no memory for a picture");
	}
	void *map = mmap(NULL, buffer->size, PROT_READ | PROT_WRITE, MAP_SHARED, buffer->fd, 0);
	if (map == MAP_FAILED) {
		return failed(test, "no memory for a picture");
	}
	buffer->pixels = map;
	buffer->description = (struct es_frame_buffer){
			.id = id,
			.kind = ES_BUFFER_MEMORY,
			.width = test->mode.width,
			.height = test->mode.height,
			.fourcc = DRM_FORMAT_XRGB8888,
			.modifier = DRM_FORMAT_MOD_LINEAR,
			.n_planes = 1,
			.stride = {stride},
	};
	const char *why;
	if (!import_cache_add(test->imports, &buffer->description, &buffer->fd, &why)) {
		return failed(test, "the buffer was refused: %s", why);
	}
	return true;
}

static bool set_up(struct self_test *test) {
	struct es_encoder_params params = {
			.codec = test->impl->codec,
			.mode = test->mode,
			.colour = colour_sdr(),
			.bitrate_kbps = 20000,
	};
	test->unit_cap = (size_t)test->mode.width * test->mode.height * 2 + 65536;
	test->unit = malloc(test->unit_cap);
	char why[96] = "out of memory";
	test->device = device_create(test->impl->device, "", why, sizeof(why));
	if (test->device == NULL) {
		return failed(test, "%s", why);
	}
	test->imports = import_cache_create(test->device);
	test->decoder = decode_back_create(test->impl->codec);
	if (test->unit == NULL || test->imports == NULL) {
		return failed(test, "out of memory");
	}
	if (test->decoder == NULL) {
		return failed(test, "libavcodec has no decoder to look at the result");
	}
	for (size_t i = 0; i < N_BUFFERS; i++) {
		if (!create_buffer(test, &test->buffers[i], i + 1)) {
			return false;
		}
	}
	test->pipeline = pipeline_create(test->impl, test->device, &params);
	return test->pipeline != NULL || failed(test, "the encoder does not open");
}

static void tear_down(struct self_test *test) {
	pipeline_destroy(test->pipeline);
	import_cache_destroy(test->imports);
	device_destroy(test->device);
	decode_back_destroy(test->decoder);
	for (size_t i = 0; i < N_BUFFERS; i++) {
		if (test->buffers[i].pixels != NULL) {
			munmap(test->buffers[i].pixels, test->buffers[i].size);
		}
		fd_close(&test->buffers[i].fd);
	}
	free(test->unit);
}

static bool encode_frame(struct self_test *test, uint32_t frame, struct es_encoded *encoded) {
	struct buffer *buffer = &test->buffers[frame % N_BUFFERS];
	draw(test, buffer, frame);
	struct es_rect damage[2] = {
			cell_rect(&test->mode, moving_column(frame), ROWS - 1),
			cell_rect(&test->mode, moving_column(frame + COLUMNS - 1), ROWS - 1),
	};
	struct es_encode_request request = {.sequence = frame + 1, .force_idr = frame == FORCED_IDR};
	const char *why = "it is unknown";
	int64_t start = clock_now_ns();
	struct es_convert_request convert = {
			.import = import_cache_find(test->imports, buffer->description.id),
			.acquire_fd = -1,
			.damage = damage,
			.n_damage = 2,
	};
	int release_fd = -1;
	if (convert.import == NULL || !pipeline_convert(test->pipeline, &convert, &release_fd, &why)) {
		return failed(test, "the buffer was not converted: %s", why);
	}
	if (!pipeline_encode(test->pipeline, NULL, ES_PIPELINE_CHANGE, &request, test->unit,
				test->unit_cap, encoded)) {
		return failed(test, "picture %u was not encoded", frame);
	}
	fd_close(&release_fd);
	test->busy_ns += clock_now_ns() - start;
	return true;
}

static double mean(const struct es_decoded *picture, int plane, struct es_rect r) {
	uint64_t sum = 0;
	int shift = plane == 0 ? 0 : 1;
	uint32_t left = r.x >> shift, top = r.y >> shift;
	uint32_t right = (r.x + r.width) >> shift, bottom = (r.y + r.height) >> shift;
	for (uint32_t y = top; y < bottom; y++) {
		for (uint32_t x = left; x < right; x++) {
			sum += picture->plane[plane][(size_t)y * picture->stride[plane] + x];
		}
	}
	return (double)sum / ((double)(right - left) * (bottom - top));
}

// The middle half of a box, away from what neighbours do at its edges.
static struct es_rect centre(struct es_rect r) {
	return (struct es_rect){r.x + r.width / 4, r.y + r.height / 4, r.width / 2, r.height / 2};
}

static bool check_colour(struct self_test *test, const struct es_decoded *picture,
		struct es_rect box, uint32_t colour, const char *what, uint32_t frame) {
	double r = colour >> 16 & 255, g = colour >> 8 & 255, b = colour & 255;
	double y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
	double wanted[3] = {16 + y * 219 / 255, 128 + (b - y) / 1.8556 * 224 / 255,
			128 + (r - y) / 1.5748 * 224 / 255};
	double found[3];
	bool good = true;
	for (int i = 0; i < 3; i++) {
		found[i] = mean(picture, i, box);
		good = good && fabs(found[i] - wanted[i]) <= (i == 0 ? MAX_LUMA_ERROR : MAX_CHROMA_ERROR);
	}
	return good ||
			failed(test, "picture %u, %s at %u,%u: YUV %.0f %.0f %.0f instead of %.0f %.0f %.0f",
					frame, what, box.x, box.y, found[0], found[1], found[2], wanted[0], wanted[1],
					wanted[2]);
}

static bool check_picture(
		struct self_test *test, const struct es_decoded *picture, uint32_t frame) {
	uint32_t width = test->mode.width, height = test->mode.height;
	if (picture->width != ((width + 1) & ~1u) || picture->height != ((height + 1) & ~1u)) {
		return failed(test, "the picture is %ux%u, not %ux%u", picture->width, picture->height,
				width, height);
	}
	for (uint32_t row = 0; row < ROWS; row++) {
		for (uint32_t column = 0; column < COLUMNS; column++) {
			struct es_rect box = centre(cell_rect(&test->mode, column, row));
			if (!check_colour(test, picture, box, colour_at(frame, column, row), "cell", frame)) {
				return false;
			}
		}
	}
	struct es_rect right = {width - BORDER + 4, BORDER, BORDER - 4, height - 2 * BORDER};
	struct es_rect bottom = {BORDER, height - BORDER + 4, width - 2 * BORDER, BORDER - 4};
	return check_colour(test, picture, right, BORDER_COLOUR, "right border", frame) &&
			check_colour(test, picture, bottom, BORDER_COLOUR, "bottom border", frame);
}

static bool check_unit(struct self_test *test, const struct es_encoded *encoded, uint32_t frame) {
	bool wants_idr = frame == 0 || frame == FORCED_IDR;
	if (frame == NEW_BITRATE && encoded->idr && test->impl->set_bitrate == NULL) {
		wants_idr = true; // it was reopened
	}
	if (encoded->idr != wants_idr) {
		return failed(test, "picture %u is %san IDR", frame, wants_idr ? "not " : "");
	}
	if (frame == 0) {
		test->idr_size = encoded->size;
	}
	if (frame == 1 && encoded->size >= test->idr_size) {
		return failed(test, "a picture that hardly changed takes %zu bytes, the IDR before %zu",
				encoded->size, test->idr_size);
	}
	if (frame == FORCED_IDR) {
		// It must be readable by one who saw nothing before.
		decode_back_destroy(test->decoder);
		test->decoder = decode_back_create(test->impl->codec);
	}
	struct es_decoded picture;
	if (test->decoder == NULL ||
			!decode_back_unit(test->decoder, test->unit, encoded->size, &picture) ||
			picture.complaint) {
		return failed(test, "picture %u cannot be decoded", frame);
	}
	return check_picture(test, &picture, frame);
}

static bool run(struct self_test *test) {
	if (!set_up(test)) {
		return false;
	}
	for (uint32_t frame = 0; frame < N_FRAMES; frame++) {
		struct es_encoded encoded;
		if (frame == NEW_BITRATE && !pipeline_set_bitrate(test->pipeline, 10000)) {
			return failed(test, "the bitrate cannot be changed");
		}
		if (!encode_frame(test, frame, &encoded) || !check_unit(test, &encoded, frame)) {
			return false;
		}
	}
	return true;
}

struct es_self_test_result self_test_run(
		const struct es_encoder_impl *impl, const struct es_mode *mode) {
	struct self_test test = {.mode = *mode, .impl = impl};
	for (size_t i = 0; i < N_BUFFERS; i++) {
		test.buffers[i].fd = -1;
	}
	test.result.passed = run(&test);
	if (test.result.passed) {
		test.result.fps = N_FRAMES * (double)ES_NS_PER_S / (double)test.busy_ns;
	}
	tear_down(&test);
	return test.result;
}
