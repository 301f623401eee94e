#include "encode/self_test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drm_fourcc.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "encode/decode_back.h"
#include "encode/format_class.h"
#include "encode/import_cache.h"
#include "encode/pipeline.h"
#include "encode/self_test_pattern.h"
#include "encode/self_test_verdict.h"
#include "encode/test_buffer.h"

#define N_FRAMES 10
#define FORCED_IDR 5
#define NEW_BITRATE 8
#define N_BUFFERS 2
// Of the picture that each format is tried with: as small as all encoders take.
#define FORMAT_WIDTH 384
#define FORMAT_HEIGHT 216

struct self_test {
	const struct es_self_test_request *request;
	struct es_device *device;
	struct es_pipeline *pipeline;
	struct es_import_cache *imports;
	struct es_decode_back *decoder;
	struct es_test_buffer buffers[N_BUFFERS];
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

static void add_word(char *words, size_t cap, const char *word) {
	size_t at = strlen(words);
	if (at + strlen(word) + 2 <= cap) {
		snprintf(words + at, cap - at, "%s%s", at > 0 ? " " : "", word);
	}
}

static bool unavailable(struct self_test *test, const char *why) {
	test->result.unavailable = true;
	return failed(test, "%s", why);
}

// --- what it takes

static bool allocate(struct self_test *test, struct es_test_buffer *buffer) {
	const struct es_self_test_request *request = test->request;
	struct es_test_buffer_request wanted = {
			.width = request->mode.width,
			.height = request->mode.height,
			.fourcc = request->fourcc != 0 ? request->fourcc : DRM_FORMAT_XRGB8888,
			.modifier = request->fourcc != 0 ? request->modifier : DRM_FORMAT_MOD_LINEAR,
			.dmabuf = !device_maps(test->device),
			.node = request->node,
	};
	const char *why = NULL;
	if (test_buffer_init(buffer, &wanted, &why)) {
		return true;
	}
	test_buffer_finish(buffer);
	wanted.dmabuf = false;
	if (request->fourcc == 0 && test_buffer_init(buffer, &wanted, &why)) {
		return true;
	}
	return unavailable(test, why);
}

static bool create_buffer(struct self_test *test, struct es_test_buffer *buffer, uint64_t id) {
	if (!allocate(test, buffer)) {
		return false;
	}
	buffer->description.id = id;
	const char *why;
	if (!import_cache_add(test->imports, &buffer->description, buffer->fds, &why)) {
		return failed(test, "the buffer was refused: %s", why);
	}
	return true;
}

static bool create_pipeline(struct self_test *test) {
	const struct es_self_test_request *request = test->request;
	struct es_encoder_params params = {
			.codec = request->impl->codec,
			.mode = request->mode,
			.colour = request->colour,
			.bitrate_kbps = 20000,
	};
	enum es_picture_layout layout;
	if (!encoder_takes(request->impl, &request->colour, &layout)) {
		return unavailable(test, "it does not encode pictures of that colour");
	}
	test->pipeline = pipeline_create(request->impl, test->device, &params);
	if (test->pipeline == NULL && request->device != NULL) {
		return unavailable(test, "the encoder does not do such a small picture");
	}
	return test->pipeline != NULL || failed(test, "the encoder does not open");
}

static bool set_up(struct self_test *test) {
	const struct es_self_test_request *request = test->request;
	char why[160] = "out of memory";
	test->unit_cap = (size_t)request->mode.width * request->mode.height * 4 + 65536;
	test->unit = malloc(test->unit_cap);
	test->device = request->device != NULL
			? request->device
			: device_create(request->impl->device, request->node, why, sizeof(why));
	if (test->device == NULL) {
		return unavailable(test, why);
	}
	test->imports = import_cache_create(test->device);
	test->decoder = decode_back_create(request->impl->codec);
	if (test->unit == NULL || test->imports == NULL) {
		return failed(test, "out of memory");
	}
	if (test->decoder == NULL) {
		return unavailable(test, "libavcodec has no decoder to look at the result");
	}
	for (size_t i = 0; i < N_BUFFERS; i++) {
		if (!create_buffer(test, &test->buffers[i], i + 1)) {
			return false;
		}
	}
	return create_pipeline(test);
}

static void tear_down(struct self_test *test) {
	pipeline_destroy(test->pipeline);
	import_cache_destroy(test->imports);
	if (test->request->device == NULL) {
		device_destroy(test->device);
	}
	decode_back_destroy(test->decoder);
	for (size_t i = 0; i < N_BUFFERS; i++) {
		test_buffer_finish(&test->buffers[i]);
	}
	free(test->unit);
}

// --- the pictures

static bool convert(struct self_test *test, const struct es_test_buffer *buffer, uint32_t frame) {
	const struct es_mode *mode = &test->request->mode;
	struct es_rect damage[2] = {
			pattern_cell(mode, pattern_moving_cell(frame)),
			pattern_cell(mode, pattern_moving_cell(frame + ES_PATTERN_COLUMNS - 1)),
	};
	struct es_convert_request request = {
			.import = import_cache_find(test->imports, buffer->description.id),
			.acquire_fd = -1,
			.damage = damage,
			.n_damage = 2,
	};
	const char *why = "it is unknown";
	int release_fd = -1;
	bool ok =
			request.import != NULL && pipeline_convert(test->pipeline, &request, &release_fd, &why);
	fd_close(&release_fd); // what is written next is written after the unit is there
	return ok || failed(test, "the buffer was not converted: %s", why);
}

static bool encode_frame(struct self_test *test, uint32_t frame, struct es_encoded *encoded) {
	struct es_test_buffer *buffer = &test->buffers[frame % N_BUFFERS];
	if (!pattern_draw(buffer, &test->request->mode, frame)) {
		return unavailable(test, "the buffer cannot be written by the CPU");
	}
	struct es_encode_request request = {.sequence = frame + 1, .force_idr = frame == FORCED_IDR};
	int64_t start = clock_now_ns();
	if (!convert(test, buffer, frame)) {
		return false;
	}
	if (!pipeline_encode(test->pipeline, NULL, ES_PIPELINE_CHANGE, &request, test->unit,
				test->unit_cap, encoded)) {
		return failed(test, "picture %u was not encoded", frame);
	}
	test->busy_ns += clock_now_ns() - start;
	return true;
}

static bool check_kind(struct self_test *test, const struct es_encoded *encoded, uint32_t frame) {
	bool wants_idr = frame == 0 || frame == FORCED_IDR;
	if (frame == NEW_BITRATE && encoded->idr && test->request->impl->set_bitrate == NULL) {
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
	return true;
}

static bool check_unit(struct self_test *test, const struct es_encoded *encoded, uint32_t frame) {
	const struct es_self_test_request *request = test->request;
	if (!check_kind(test, encoded, frame)) {
		return false;
	}
	if (frame == FORCED_IDR) {
		// It must be readable by one who saw nothing before.
		decode_back_destroy(test->decoder);
		test->decoder = decode_back_create(request->impl->codec);
	}
	struct es_decoded picture;
	if (test->decoder == NULL ||
			!decode_back_unit(test->decoder, test->unit, encoded->size, &picture) ||
			picture.complaint) {
		return failed(test, "picture %u cannot be decoded", frame);
	}
	struct es_verdict_request wanted = {
			&request->mode, &request->colour, frame, request->tolerance};
	return verdict_of(&picture, &wanted, test->result.reason, sizeof(test->result.reason));
}

static bool run(struct self_test *test) {
	if (!set_up(test)) {
		return false;
	}
	uint32_t n = test->request->n_frames != 0 ? test->request->n_frames : N_FRAMES;
	for (uint32_t frame = 0; frame < n; frame++) {
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

static struct es_self_test_result run_format(
		const struct self_test *test, const struct es_frame_format *format) {
	struct es_self_test_request request = *test->request;
	request.device = test->device;
	request.mode.width = FORMAT_WIDTH;
	request.mode.height = FORMAT_HEIGHT;
	request.fourcc = format->fourcc;
	request.modifier = format->modifier;
	request.n_frames = 1;
	return self_test_run(&request);
}

// The first of each class stands for all of it.
static void try_formats(struct self_test *test) {
	struct es_frame_format formats[ES_FRAME_MAX_FORMATS];
	char seen[ES_FRAME_MAX_FORMATS * ES_FORMAT_CLASS_MAX] = "", name[ES_FORMAT_CLASS_MAX];
	char *without = test->result.without;
	size_t n = device_formats(test->device, formats, ES_FRAME_MAX_FORMATS);
	for (size_t i = 0; i < n; i++) {
		if (format_class_in(&formats[i], seen)) {
			continue;
		}
		format_class_name(&formats[i], name);
		add_word(seen, sizeof(seen), name);
		struct es_self_test_result result = run_format(test, &formats[i]);
		if (!result.passed && !result.unavailable) {
			es_log(ES_LOG_DEBUG, "%s: %s", name, result.reason);
			add_word(without, sizeof(test->result.without), name);
		}
	}
}

struct es_self_test_result self_test_run(const struct es_self_test_request *request) {
	struct self_test test = {.request = request};
	for (size_t i = 0; i < N_BUFFERS; i++) {
		test.buffers[i] = (struct es_test_buffer){.fds = {-1, -1, -1, -1}, .node_fd = -1};
	}
	test.result.passed = run(&test);
	if (test.result.passed) {
		test.result.fps = N_FRAMES * (double)ES_NS_PER_S / (double)test.busy_ns;
	}
	if (test.result.passed && request->fourcc == 0 && !device_maps(test.device)) {
		try_formats(&test);
	}
	tear_down(&test);
	return test.result;
}
