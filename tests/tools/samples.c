// Compares the samples that an encoder is given with the app's picture: plays the host of one
// earthshine-display, and the encoder up to its codec with the encoder's own parts. What the app shows in
// DMA-BUFs of its own is imported from the frame link, mapped and converted for encoders of 8 and of 10
// bits, whose "units" are the samples; each is held against what it shall be by definition. The pixels are
// not those of the buffer but drawn once more, from the number that is seen in it.
//
// One JSON line for the first picture of each way to lay a buffer out, when all were seen: comparing takes
// long, and the app shall not run ahead meanwhile.
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <drm_fourcc.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "encode/encoder_impls.h"
#include "encode/frame_source.h"
#include "encode/pipeline.h"
#include "encode/sigbus_guard.h"
#include "tests/clients/mark.h"
#include "tests/clients/paint_picture.h"
#include "tests/tools/display_process.h"
#include "tests/unit/yuv_reference.h"

#define QUIET_MS 60000
#define MAX_VARIANTS 64

// --- an encoder whose access units are the samples

static bool raw_takes(const struct es_colour *colour, enum es_picture_layout *layout) {
	*layout = colour->depth == 8 ? ES_PICTURE_NV12 : ES_PICTURE_P010;
	return true;
}

static struct es_encoder *raw_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
	struct es_encoder *encoder = calloc(1, sizeof(*encoder));
	if (encoder != NULL) {
		encoder->impl = impl;
	}
	return encoder;
}

static void raw_destroy(struct es_encoder *encoder) {
	free(encoder);
}

static size_t size_of(const struct es_picture *picture) {
	size_t luma = (size_t)picture->stride[0] * picture_coded_height(picture);
	return luma + (size_t)picture->stride[1] * picture_coded_height(picture) / 2;
}

static bool raw_encode(struct es_encoder *encoder, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	*encoded = (struct es_encoded){.size = size_of(picture), .idr = true};
	if (encoded->size > cap) {
		return false;
	}
	memcpy(out, picture->plane[0], encoded->size); // one allocation
	return true;
}

static const struct es_encoder_impl encoder_raw = {
		.name = "raw",
		.codec = ES_CODEC_H264,
		.takes = raw_takes,
		.create = raw_create,
		.destroy = raw_destroy,
		.encode = raw_encode,
};

// --- what is shown

// The first picture of a way to lay a buffer out.
struct shot {
	struct es_frame_buffer buffer;
	uintmax_t inode;
	struct es_picture samples[2]; // of 8 and 10 bits
};

struct samples {
	struct es_display_process display;
	struct es_device_impl mapping; // the tests' device, that leaves converting to the pipeline
	struct es_encoder_impl raw; // on it
	struct es_device *device;
	struct es_frame_source *source;
	struct es_mode mode;
	struct es_pipeline *pipelines[2]; // for 8 and 10 bits
	struct shot shots[MAX_VARIANTS];
	size_t n_shots;
	uint64_t sequence;
};

static void fail(const char *what) {
	fprintf(stderr, "samples: %s\n", what);
	exit(EXIT_FAILURE);
}

static bool alike(const struct es_frame_buffer *a, const struct es_frame_buffer *b) {
	return a->fourcc == b->fourcc && a->modifier == b->modifier && a->stride[0] == b->stride[0] &&
			a->offset[0] == b->offset[0];
}

static bool is_new(const struct samples *samples, const struct es_frame_buffer *buffer) {
	for (size_t i = 0; i < samples->n_shots; i++) {
		if (alike(&samples->shots[i].buffer, buffer)) {
			return false;
		}
	}
	return true;
}

// --- judging

struct drawn {
	const uint32_t *px; // XRGB8888
	const struct es_mode *mode;
	bool ten_bits; // by the app: each value's upper bits are repeated below it
};

static double component(const struct drawn *drawn, uint32_t value) {
	value &= 255;
	return drawn->ten_bits ? (value << 2 | value >> 6) / 1023. : value / 255.;
}

static struct rgba drawn_pixel(const void *data, int64_t x, int64_t y) {
	const struct drawn *drawn = data;
	x = x < 0 ? 0 : x < drawn->mode->width ? x : (int64_t)drawn->mode->width - 1;
	y = y < drawn->mode->height ? y : (int64_t)drawn->mode->height - 1;
	uint32_t v = drawn->px[(size_t)y * drawn->mode->width + (size_t)x];
	return (struct rgba){
			component(drawn, v >> 16), component(drawn, v >> 8), component(drawn, v), 1};
}

static double worst_of(const struct es_picture *picture, const struct drawn *drawn) {
	double worst = 0;
	for (uint32_t plane = 0; plane < 3; plane++) {
		uint32_t step = plane == 0 ? 1 : 2;
		for (uint32_t y = 0; y < picture->height; y += step) {
			for (uint32_t x = 0; x < picture->width; x += step) {
				worst = fmax(worst, reference_error(picture, plane, drawn_pixel, drawn, x, y));
			}
		}
	}
	return worst;
}

static void judge(const struct shot *shot, const struct es_mode *mode,
		const struct es_paint_picture *picture, uint32_t *px) {
	const struct es_frame_buffer *buffer = &shot->buffer;
	const struct es_picture *nv12 = &shot->samples[0];
	uint32_t number = 0;
	if (mark_read(nv12->plane[0], nv12->stride[0], nv12->width, nv12->height, 0, 0, picture->cell,
				&number) != ES_MARK_OK) {
		number = 0; // which the app never draws: nothing of it fits
	}
	paint_picture_draw(picture, px, 0, number);
	struct drawn drawn = {px, mode, buffer->fourcc == DRM_FORMAT_XRGB2101010};
	printf("{\"inode\":%ju,\"format\":\"%.4s\",\"modifier\":%" PRIu64
		   ",\"stride\":%u,\"offset\":%u,\"number\":%u,\"nv12\":%.3f,\"p010\":%.3f}\n",
			shot->inode, (const char *)&buffer->fourcc, buffer->modifier, buffer->stride[0],
			buffer->offset[0], number, worst_of(nv12, &drawn), worst_of(&shot->samples[1], &drawn));
}

static void judge_all(const struct samples *samples) {
	const struct es_mode *mode = &samples->mode;
	struct es_paint_picture picture; // as the app draws it
	uint32_t *px = malloc((size_t)mode->width * mode->height * sizeof(*px));
	if (px == NULL ||
			!paint_picture_init(&picture, ES_PAINT_TEXT, ES_PAINT_FULL, (int32_t)mode->width,
					(int32_t)mode->height, 0, 0)) {
		fail("no memory for a picture");
	}
	for (size_t i = 0; i < samples->n_shots; i++) {
		judge(&samples->shots[i], mode, &picture, px);
	}
	paint_picture_finish(&picture);
	free(px);
}

// --- the encoder's way

static struct es_encoder_params params_of(const struct samples *samples, size_t i) {
	struct es_encoder_params params = {.codec = ES_CODEC_H264,
			.mode = samples->mode,
			.colour = *frame_source_colour(samples->source)};
	params.colour.depth = i == 0 ? 8 : 10;
	return params;
}

static void adopt_mode(struct samples *samples) {
	uint32_t serial;
	const struct es_mode *mode = frame_source_mode(samples->source, &serial);
	if (mode == NULL || samples->pipelines[0] != NULL) {
		return;
	}
	samples->mode = *mode;
	for (size_t i = 0; i < 2; i++) {
		struct es_encoder_params params = params_of(samples, i);
		samples->pipelines[i] = pipeline_create(&samples->raw, samples->device, &params);
		if (samples->pipelines[i] == NULL) {
			fail("no memory for a pipeline");
		}
	}
}

// Into a picture of the layout that encoders have it in.
static void encode(struct samples *samples, size_t i, struct es_picture *out) {
	struct es_encode_request request = {.sequence = ++samples->sequence};
	struct es_encoder_params params = params_of(samples, i);
	struct es_encoded encoded;
	enum es_picture_layout layout;
	if (!raw_takes(&params.colour, &layout) ||
			!picture_init(out, layout, params.mode.width, params.mode.height) ||
			!pipeline_encode(samples->pipelines[i], frame_source_cursor(samples->source),
					ES_PIPELINE_CHANGE, &request, out->plane[0], size_of(out), &encoded)) {
		fail("a picture has no samples");
	}
	out->colour = params.colour;
}

static void shoot(struct samples *samples, const struct es_import *import) {
	struct shot *shot = &samples->shots[samples->n_shots++];
	struct stat info = {0};
	fstat(import->fd, &info);
	shot->buffer = import->buffer;
	shot->inode = info.st_ino;
	encode(samples, 0, &shot->samples[0]);
	encode(samples, 1, &shot->samples[1]);
}

// As for a session, but that there are two.
static bool convert(
		struct samples *samples, struct es_source_frame *taken, const struct es_import *import) {
	struct es_convert_request request = {
			.import = import,
			.src = taken->frame.src,
			.dst = taken->frame.dst,
			.acquire_fd = taken->acquire_fd,
			.damage = taken->damage.rects,
			.n_damage = taken->damage.n,
	};
	bool ok = true;
	for (size_t i = 0; i < 2; i++) {
		const char *why = NULL;
		int release_fd = -1;
		if (!pipeline_convert(samples->pipelines[i], &request, &release_fd, &why)) {
			fprintf(stderr, "samples: a frame cannot be read: %s\n", why);
			ok = false;
		}
	}
	return ok;
}

// The picture is looked at after its buffer was given back, as an encoder does.
static void take_frame(struct samples *samples, struct es_source_frame *taken) {
	const struct es_import *import = frame_source_import(samples->source, taken->frame.buffer_id);
	bool direct = taken->frame.direct;
	if (taken->frame.buffer_id != 0 && (import == NULL || !convert(samples, taken, import))) {
		fail("what the display announced cannot be imported or converted");
	}
	if (!frame_source_release(samples->source, taken, -1)) {
		fail("the display has hung up");
	}
	if (direct && is_new(samples, &import->buffer)) {
		shoot(samples, import);
	}
	if (!frame_source_want(samples->source)) {
		fail("the display has hung up");
	}
}

// --- the host's

static void read_session(struct samples *samples) {
	struct es_link_packet packet;
	struct es_session_msg msg;
	if (link_recv(samples->display.session, &packet) != ES_LINK_OK) {
		fail("the display is gone too early");
	}
	if (!session_msg_decode(&msg, packet.data, packet.size, packet.n_fds)) {
		fail("the display sent a malformed message to its host");
	}
	link_packet_finish(&packet);
	if (msg.type == ES_SESSION_END) {
		fail("the display has ended before all was seen");
	}
}

static void pump(struct samples *samples) {
	struct pollfd items[] = {
			{.fd = samples->display.session, .events = POLLIN},
			{.fd = frame_source_fd(samples->source), .events = POLLIN},
	};
	if (poll(items, 2, QUIET_MS) <= 0) {
		fail("the display says nothing any more");
	}
	if (items[0].revents != 0) {
		read_session(samples);
	}
	if (items[1].revents != 0 && frame_source_dispatch(samples->source) != ES_LINK_OK) {
		fail("the display has hung up");
	}
}

static void run(struct samples *samples, size_t n_variants) {
	struct es_source_frame taken;
	if (!frame_source_want(samples->source)) {
		fail("the display has hung up");
	}
	while (samples->n_shots < n_variants) {
		pump(samples);
		adopt_mode(samples);
		if (frame_source_take(samples->source, clock_now_ns(), &taken)) {
			take_frame(samples, &taken);
		}
	}
}

// Frames come when they can be read, and in the screen's size.
static bool open_device(struct samples *samples) {
	char why[128] = "";
	samples->device = device_create(&device_fake, "", why, sizeof(why));
	if (samples->device == NULL) {
		return false;
	}
	samples->mapping = device_fake;
	samples->mapping.maps = true;
	samples->mapping.scales = samples->mapping.takes_fences = false;
	samples->device->impl = &samples->mapping;
	samples->raw = encoder_raw;
	samples->raw.device = &samples->mapping;
	return true;
}

static void hang_up(struct samples *samples) {
	frame_source_destroy(samples->source);
	samples->source = NULL;
	display_process_finish(&samples->display);
}

static void finish(struct samples *samples) {
	for (size_t i = 0; i < 2; i++) {
		pipeline_destroy(samples->pipelines[i]);
	}
	for (size_t i = 0; i < samples->n_shots; i++) {
		picture_finish(&samples->shots[i].samples[0]);
		picture_finish(&samples->shots[i].samples[1]);
	}
	device_destroy(samples->device);
}

int main(int argc, char *argv[]) {
	struct samples samples = {.display = {.session = -1}};
	struct es_mode mode = {128, 96, 20000};
	uint32_t n_variants = 1;
	int key;
	while ((key = getopt(argc, argv, "+m:n:")) != -1) {
		bool ok = key == 'm' ? mode_parse(optarg, &mode)
							 : key == 'n' && sscanf(optarg, "%u", &n_variants) == 1;
		if (!ok || n_variants > MAX_VARIANTS) {
			fail("usage: samples [-m WxH@HZ] [-n VARIANTS] DISPLAY APP...");
		}
	}
	if (argc - optind < 2) {
		fail("which display, which app?");
	}
	log_init("samples", ES_LOG_WARN);
	if (!sigbus_guard_install() || !open_device(&samples)) {
		fail("nothing to import on");
	}
	if (!display_process_start(&samples.display, argv[optind], argv + optind + 1, &mode, 8)) {
		fail("cannot start the display");
	}
	int fd = display_process_attach_frames(&samples.display, 1, true);
	if (fd < 0 || (samples.source = frame_source_create(fd, samples.device)) == NULL) {
		fail("the display cannot be attached to");
	}
	run(&samples, n_variants);
	hang_up(&samples);
	judge_all(&samples);
	finish(&samples);
	return EXIT_SUCCESS;
}
