// The rung for tests: does on the CPU what one on a GPU does, and what a broken one does when told to.
// H.264 by the encoder of the CPU.
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <linux/dma-buf.h>

#include "base/log.h"
#include "encode/device_fake.h"
#include "encode/encoder_impls.h"
#include "encode/sigbus_guard.h"

#define FENCE_TIMEOUT_MS 1000
#define MAX_SLOW_MS 60000

struct fake_encoder {
	struct es_encoder base;
	const struct es_fake_commands *commands; // the device's
	struct es_device *cpu; // owned
	struct es_encoder *inside; // owned
	struct es_mode mode;
	struct es_picture picture; // clean
	uint8_t *canvas; // the screen in XRGB, of what is scaled; owned, NULL before the first
	struct es_cursor_blend *cursor; // our own, owned
	uint64_t cursor_serial; // of the session's, that ours is a copy of
	uint64_t n_encoded;
	uint64_t n_dmabuf, n_memory; // frames
};

static bool fake_takes(const struct es_colour *colour, enum es_picture_layout *layout) {
	return encoder_takes(&encoder_x264, colour, layout);
}

static void fake_destroy(struct es_encoder *base) {
	struct fake_encoder *encoder = (struct fake_encoder *)base;
	if (encoder == NULL) {
		return;
	}
	es_log(fake_level(encoder->commands), "fake: done dmabuf=%" PRIu64 " memory=%" PRIu64,
			encoder->n_dmabuf, encoder->n_memory);
	encoder_destroy(encoder->inside);
	device_destroy(encoder->cpu);
	picture_finish(&encoder->picture);
	cursor_blend_destroy(encoder->cursor);
	free(encoder->canvas);
	free(encoder);
}

static struct es_encoder *fake_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
	struct fake_encoder *encoder = calloc(1, sizeof(*encoder));
	enum es_picture_layout layout;
	char why[64];
	if (encoder == NULL) {
		return NULL;
	}
	encoder->base.impl = impl;
	encoder->commands = &((struct es_fake_device *)device)->commands;
	encoder->mode = params->mode;
	encoder->cursor = cursor_blend_create();
	encoder->cpu = device_create(&device_cpu, "", why, sizeof(why));
	if (encoder->cursor == NULL || encoder->cpu == NULL || !fake_takes(&params->colour, &layout) ||
			!picture_init(&encoder->picture, layout, params->mode.width, params->mode.height)) {
		goto fail;
	}
	encoder->picture.colour = params->colour;
	encoder->inside = encoder_create(&encoder_x264, encoder->cpu, params);
	if (encoder->inside == NULL) {
		goto fail;
	}
	return &encoder->base;

fail:
	fake_destroy(&encoder->base);
	return NULL;
}

// --- converting

static bool wait_for_fence(int fd) {
	struct pollfd item = {.fd = fd, .events = POLLIN};
	int n;
	do {
		n = poll(&item, 1, FENCE_TIMEOUT_MS);
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

struct job {
	struct fake_encoder *encoder;
	const struct es_convert_request *request;
	struct es_pixels pixels;
	struct es_box src; // in pixels
	struct es_rect dst;
};

// What of it is shown, rounded to whole pixels; false: nothing of it is in the buffer.
static bool source_box(const struct es_convert_request *request, struct es_box *out) {
	const struct es_pixels *pixels = &request->import->pixels;
	struct es_box src = request->src;
	if (src.width == 0) {
		*out = (struct es_box){0, 0, pixels->width, pixels->height};
		return true;
	}
	uint64_t x = (src.x + ES_BOX_UNIT / 2) / ES_BOX_UNIT,
			 y = (src.y + ES_BOX_UNIT / 2) / ES_BOX_UNIT;
	uint64_t width = (src.width + ES_BOX_UNIT / 2) / ES_BOX_UNIT;
	uint64_t height = (src.height + ES_BOX_UNIT / 2) / ES_BOX_UNIT;
	*out = (struct es_box){(uint32_t)x, (uint32_t)y, (uint32_t)(width > 0 ? width : 1),
			(uint32_t)(height > 0 ? height : 1)};
	return x + out->width <= pixels->width && y + out->height <= pixels->height;
}

static bool target_rect(
		const struct es_convert_request *request, const struct es_mode *mode, struct es_rect *out) {
	*out = request->dst.width != 0 ? request->dst
								   : (struct es_rect){0, 0, mode->width, mode->height};
	return (uint64_t)out->x + out->width <= mode->width &&
			(uint64_t)out->y + out->height <= mode->height;
}

static bool is_one_to_one(const struct job *job) {
	const struct es_mode *mode = &job->encoder->mode;
	const struct es_pixels *pixels = &job->pixels;
	return job->src.x == 0 && job->src.y == 0 && job->src.width == pixels->width &&
			job->src.height == pixels->height && job->dst.width == mode->width &&
			job->dst.height == mode->height && pixels->width == mode->width &&
			pixels->height == mode->height;
}

static void convert_whole(void *data) {
	struct job *job = data;
	for (size_t i = 0; i < job->request->n_damage; i++) {
		convert_rect(&job->pixels, &job->encoder->picture, &job->request->damage[i]);
	}
}

// The nearest pixel: good for every format of four bytes.
static void scale_onto_canvas(void *data) {
	struct job *job = data;
	const struct es_pixels *pixels = &job->pixels;
	uint32_t stride = job->encoder->mode.width * 4;
	for (uint32_t y = 0; y < job->dst.height; y++) {
		uint64_t from_y = job->src.y + (uint64_t)y * job->src.height / job->dst.height;
		const uint8_t *from = pixels->data + from_y * pixels->stride;
		uint8_t *to = job->encoder->canvas + (size_t)(job->dst.y + y) * stride;
		for (uint32_t x = 0; x < job->dst.width; x++) {
			uint64_t from_x = job->src.x + (uint64_t)x * job->src.width / job->dst.width;
			memcpy(to + (size_t)(job->dst.x + x) * 4, from + from_x * 4, 4);
		}
	}
}

static bool convert_scaled(struct job *job) {
	struct fake_encoder *encoder = job->encoder;
	size_t size = (size_t)encoder->mode.width * 4 * encoder->mode.height;
	if (encoder->canvas == NULL && (encoder->canvas = malloc(size)) == NULL) {
		return false;
	}
	memset(encoder->canvas, 0, size);
	if (!sigbus_guard_run(scale_onto_canvas, job)) {
		return false;
	}
	struct es_pixels canvas = {encoder->canvas, encoder->mode.width * 4, encoder->mode.width,
			encoder->mode.height, job->pixels.fourcc};
	convert_rect(&canvas, &encoder->picture,
			&(struct es_rect){0, 0, encoder->mode.width, encoder->mode.height});
	return true;
}

// One format taken for another.
static uint32_t swapped_fourcc(uint32_t fourcc) {
	switch (fourcc) {
	case DRM_FORMAT_XRGB8888:
	case DRM_FORMAT_ARGB8888:
		return DRM_FORMAT_XBGR8888;
	case DRM_FORMAT_XRGB2101010:
	case DRM_FORMAT_ARGB2101010:
		return DRM_FORMAT_XBGR2101010;
	case DRM_FORMAT_XBGR2101010:
	case DRM_FORMAT_ABGR2101010:
		return DRM_FORMAT_XRGB2101010;
	default:
		return DRM_FORMAT_XRGB8888;
	}
}

static bool read_buffer(
		struct fake_encoder *encoder, const struct es_convert_request *request, const char **why) {
	struct job job = {.encoder = encoder, .request = request, .pixels = request->import->pixels};
	if (encoder->n_encoded >= encoder->commands->swapped_after ||
			job.pixels.fourcc == encoder->commands->wrong_fourcc) {
		job.pixels.fourcc = swapped_fourcc(job.pixels.fourcc);
	}
	if (!source_box(request, &job.src) || !target_rect(request, &encoder->mode, &job.dst)) {
		*why = "what is to be shown lies outside it or the screen";
		return false;
	}
	bool read = device_begin_read(request->import) &&
			(is_one_to_one(&job) ? sigbus_guard_run(convert_whole, &job) : convert_scaled(&job));
	device_end_read(request->import);
	*why = read ? *why : "its memory was taken away";
	return read;
}

static int export_fence(const struct es_import *import) {
	struct dma_buf_export_sync_file request = {.flags = DMA_BUF_SYNC_WRITE, .fd = -1};
	if (import->fd < 0 || ioctl(import->fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &request) != 0) {
		return -1;
	}
	return request.fd;
}

static void dawdle(uint64_t ms) {
	ms = ms < MAX_SLOW_MS ? ms : MAX_SLOW_MS;
	if (ms != 0) {
		nanosleep(&(struct timespec){.tv_sec = (time_t)(ms / 1000),
						  .tv_nsec = (long)(ms % 1000) * 1000000},
				NULL);
	}
}

static bool fake_convert(struct es_encoder *base, const struct es_convert_request *request,
		int *release_fd, const char **why) {
	struct fake_encoder *encoder = (struct fake_encoder *)base;
	if (request->acquire_fd >= 0 && !wait_for_fence(request->acquire_fd)) {
		*why = "its fence has not signalled";
		return false;
	}
	bool dmabuf = request->import->buffer.kind == ES_BUFFER_DMABUF;
	es_log(fake_level(encoder->commands), "fake: read buffer=%" PRIu64 " kind=%s fence=%s",
			request->import->id, dmabuf ? "dmabuf" : "memory",
			request->acquire_fd >= 0 ? "yes" : "no");
	dawdle(encoder->commands->slow_read_ms); // and reads what is there then
	if (encoder->n_encoded < encoder->commands->stale_after &&
			!read_buffer(encoder, request, why)) {
		return false;
	}
	encoder->n_dmabuf += dmabuf;
	encoder->n_memory += !dmabuf;
	if (encoder->commands->release_fence) {
		*release_fd = export_fence(request->import);
	}
	return true;
}

// --- encoding

static void take_cursor(struct fake_encoder *encoder, const struct es_cursor_blend *theirs) {
	struct es_cursor_view view = cursor_blend_view(theirs);
	if (view.serial != encoder->cursor_serial) {
		cursor_blend_set_image(encoder->cursor, view.argb, view.width, view.height, 0, 0);
		encoder->cursor_serial = view.serial;
	}
	cursor_blend_move(encoder->cursor, view.x, view.y);
}

static void fill_planes(struct es_picture *picture, uint8_t luma, uint8_t chroma) {
	for (uint32_t i = 0; i < picture_layout(picture->layout).n_planes; i++) {
		size_t rows = picture_rows(picture, i, picture_coded_height(picture));
		memset(picture->plane[i], i == 0 ? luma : chroma, picture->stride[i] * rows);
	}
}

// True: it is not what was converted any more. The values are those of eight bits.
static bool spoil_picture(struct fake_encoder *encoder) {
	const struct es_fake_commands *commands = encoder->commands;
	bool green = encoder->n_encoded >= commands->green_after;
	bool black = encoder->n_encoded >= commands->black_after;
	if (green || black) {
		fill_planes(&encoder->picture, black ? 16 : 0, black ? 128 : 0);
	}
	return green || black;
}

// Before a picture is encoded. False: as asked for, it is not.
static bool misbehave(struct fake_encoder *encoder) {
	const struct es_fake_commands *commands = encoder->commands;
	dawdle(commands->slow_ms);
	if (encoder->n_encoded >= commands->crash_after) {
		es_log(ES_LOG_WARN, "the encoder for tests crashes, as asked for");
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	if (encoder->n_encoded >= commands->hang_after) {
		es_log(ES_LOG_WARN, "the encoder for tests hangs, as asked for");
		while (true) {
			pause();
		}
	}
	if (encoder->n_encoded >= commands->fail_after) {
		es_log(ES_LOG_ERROR, "the encoder for tests fails, as asked for");
		return false;
	}
	return true;
}

static void fill_noise(uint8_t *out, size_t size) {
	uint32_t state = 1;
	for (size_t i = 0; i < size; i++) {
		state = state * 1664525u + 1013904223u;
		out[i] = (uint8_t)(state >> 24);
	}
}

static bool encode_inside(struct fake_encoder *encoder, const struct es_encode_request *request,
		uint8_t *out, size_t cap, struct es_encoded *encoded) {
	struct es_encode_request own = *request;
	bool blend = request->cursor != NULL;
	own.cursor = NULL;
	if (spoil_picture(encoder)) {
		own.unchanged = NULL;
	}
	if (blend) {
		take_cursor(encoder, request->cursor);
		cursor_blend_apply(encoder->cursor, &encoder->picture);
	}
	bool ok = encoder_encode(encoder->inside, &encoder->picture, &own, out, cap, encoded);
	if (blend) {
		cursor_blend_restore(encoder->cursor, &encoder->picture);
	}
	return ok;
}

static bool fake_encode(struct es_encoder *base, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct fake_encoder *encoder = (struct fake_encoder *)base;
	assert(picture == NULL);
	if (!misbehave(encoder)) {
		return false;
	}
	if (!encode_inside(encoder, request, out, cap, encoded)) {
		return false;
	}
	if (encoder->n_encoded >= encoder->commands->garbage_after) {
		fill_noise(out, encoded->size);
	}
	encoder->n_encoded++;
	return true;
}

static size_t fake_headers(struct es_encoder *base, uint8_t *out, size_t cap) {
	return encoder_headers(((struct fake_encoder *)base)->inside, out, cap);
}

static bool fake_invalidate(struct es_encoder *base, uint64_t first, uint64_t last) {
	return encoder_invalidate(((struct fake_encoder *)base)->inside, first, last);
}

static bool fake_set_bitrate(struct es_encoder *base, uint32_t kbps) {
	return encoder_set_bitrate(((struct fake_encoder *)base)->inside, kbps);
}

const struct es_encoder_impl encoder_fake = {
		.name = "fake",
		.codec = ES_CODEC_H264,
		.device = &device_fake,
		.takes = fake_takes,
		.good_qp = 18,
		.create = fake_create,
		.destroy = fake_destroy,
		.convert = fake_convert,
		.encode = fake_encode,
		.headers = fake_headers,
		.invalidate = fake_invalidate,
		.set_bitrate = fake_set_bitrate,
};
