// Encoders of GPUs through VA-API, by libavcodec; import and conversion are ours. No invalidation and no
// rate without reopening: it knows neither.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <libavutil/opt.h>
#include <linux/dma-buf.h>

#include "base/log.h"
#include "encode/device_vaapi.h"
#include "encode/encoder_impls.h"
#include "encode/lavc.h"
#include "encode/vaapi_convert.h"
#include "encode/vaapi_surface.h"
#include "encode/vaapi_tune.h"

// No IDR but those that are asked for; some drivers do not take more.
#define GOP_SIZE 32767
#define FENCE_MS 1000 // of a fence that the kernel does not take from us

struct vaapi_encoder {
	struct es_encoder base;
	struct es_vaapi *vaapi; // borrowed
	struct es_vaapi_converter *converter; // owned
	AVBufferRef *frames; // owned
	AVCodecContext *context; // owned
	AVFrame *picture; // owned: converted last, for repeats; no buffer: none yet
	AVFrame *next; // owned, scratch
	AVFrame *sent; // owned, scratch
	AVPacket *packet; // owned
};

static const char *lavc_name(enum es_codec codec) {
	switch (codec) {
	case ES_CODEC_H264:
		return "h264_vaapi";
	case ES_CODEC_HEVC:
		return "hevc_vaapi";
	default:
		return "av1_vaapi";
	}
}

static void vaapi_destroy(struct es_encoder *base) {
	struct vaapi_encoder *encoder = (struct vaapi_encoder *)base;
	if (encoder == NULL) {
		return;
	}
	avcodec_free_context(&encoder->context);
	av_packet_free(&encoder->packet);
	av_frame_free(&encoder->picture);
	av_frame_free(&encoder->next);
	av_frame_free(&encoder->sent);
	av_buffer_unref(&encoder->frames);
	vaapi_converter_destroy(encoder->converter);
	free(encoder);
}

// --- its start

static AVBufferRef *make_frames(struct es_vaapi *vaapi, const struct es_encoder_params *params) {
	AVBufferRef *frames = av_hwframe_ctx_alloc(vaapi->device);
	if (frames == NULL) {
		return NULL;
	}
	AVHWFramesContext *context = (AVHWFramesContext *)frames->data;
	context->format = AV_PIX_FMT_VAAPI;
	context->sw_format = params->colour.depth > 8 ? AV_PIX_FMT_P010 : AV_PIX_FMT_NV12;
	context->width = (int)((params->mode.width + 1) & ~UINT32_C(1));
	context->height = (int)((params->mode.height + 1) & ~UINT32_C(1));
	if (av_hwframe_ctx_init(frames) != 0) {
		av_buffer_unref(&frames);
	}
	return frames;
}

static void fill_context(AVCodecContext *context, const struct es_encoder_params *params,
		const struct es_vaapi_tune *tune) {
	lavc_fill_context(context, params, AV_PIX_FMT_VAAPI);
	context->rc_buffer_size = (int)(tune->buffer_bits < INT32_MAX ? tune->buffer_bits : INT32_MAX);
	context->gop_size = GOP_SIZE;
	context->slices = (int)tune->slices;
	context->flags |= AV_CODEC_FLAG_CLOSED_GOP | AV_CODEC_FLAG_LOW_DELAY;
}

static void fill_options(
		AVCodecContext *context, enum es_codec codec, const struct es_vaapi_tune *tune) {
	void *options = context->priv_data;
	av_opt_set_int(options, "async_depth", 1, 0);
	av_opt_set_int(options, "idr_interval", 0, 0);
	av_opt_set_int(options, "low_power", tune->low_power, 0);
	av_opt_set(options, "rc_mode", tune->rc_mode, 0);
	if (codec != ES_CODEC_AV1) {
		av_opt_set(options, "sei", "0", 0);
		av_opt_set_int(options, "aud", 0, 0);
	}
}

static bool open_context(struct vaapi_encoder *encoder, const AVCodec *codec,
		const struct es_encoder_params *params, const struct es_vaapi_tune *tune) {
	encoder->context = avcodec_alloc_context3(codec);
	encoder->picture = av_frame_alloc();
	encoder->next = av_frame_alloc();
	encoder->sent = av_frame_alloc();
	encoder->packet = av_packet_alloc();
	if (encoder->context == NULL || encoder->picture == NULL || encoder->next == NULL ||
			encoder->sent == NULL || encoder->packet == NULL) {
		return false;
	}
	fill_context(encoder->context, params, tune);
	fill_options(encoder->context, params->codec, tune);
	encoder->context->hw_frames_ctx = av_buffer_ref(encoder->frames);
	return encoder->context->hw_frames_ctx != NULL &&
			avcodec_open2(encoder->context, codec, NULL) == 0;
}

// False after a logged error: the driver does not encode that.
static bool look_at_driver(struct es_vaapi *vaapi, const struct es_encoder_params *params,
		struct es_vaapi_driver *driver) {
	VAProfile profile;
	bool known = vaapi_profile(params->codec, &params->colour, &profile);
	bool full = known && vaapi_has_entrypoint(vaapi, profile, VAEntrypointEncSlice);
	bool low = known && vaapi_has_entrypoint(vaapi, profile, VAEntrypointEncSliceLP);
	if (!full && !low) {
		es_log(ES_LOG_ERROR, "the driver \"%s\" does not encode %s of %u bits", vaapi->vendor,
				codec_name(params->codec), params->colour.depth);
		return false;
	}
	VAEntrypoint entrypoint = low ? VAEntrypointEncSliceLP : VAEntrypointEncSlice;
	unsigned width = vaapi_attribute(vaapi, profile, entrypoint, VAConfigAttribMaxPictureWidth);
	unsigned height = vaapi_attribute(vaapi, profile, entrypoint, VAConfigAttribMaxPictureHeight);
	if ((width > 0 && params->mode.width > width) || (height > 0 && params->mode.height > height)) {
		es_log(ES_LOG_ERROR, "the driver \"%s\" encodes %s up to %ux%u, not %ux%u", vaapi->vendor,
				codec_name(params->codec), width, height, params->mode.width, params->mode.height);
		return false;
	}
	*driver = (struct es_vaapi_driver){
			.intel = vaapi->intel,
			.low_power = low,
			.max_slices = vaapi_attribute(vaapi, profile, entrypoint, VAConfigAttribEncMaxSlices),
	};
	return true;
}

static struct es_encoder *vaapi_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
	struct es_vaapi *vaapi = device_vaapi_of(device);
	struct es_vaapi_driver driver;
	const AVCodec *codec = avcodec_find_encoder_by_name(lavc_name(impl->codec));
	if (codec == NULL) {
		es_log(ES_LOG_ERROR, "libavcodec here has no %s", lavc_name(impl->codec));
		return NULL;
	}
	struct vaapi_encoder *encoder =
			look_at_driver(vaapi, params, &driver) ? calloc(1, sizeof(*encoder)) : NULL;
	if (encoder == NULL) {
		return NULL;
	}
	const char *why;
	encoder->base.impl = impl;
	encoder->vaapi = vaapi;
	encoder->converter = vaapi_converter_create(vaapi, &params->mode, &params->colour, &why);
	if (encoder->converter == NULL) {
		es_log(ES_LOG_ERROR, "cannot convert to %ux%u: %s", params->mode.width, params->mode.height,
				why);
		goto fail;
	}
	struct es_vaapi_tune tune = vaapi_tune(&driver, params);
	encoder->frames = make_frames(vaapi, params);
	if (encoder->frames == NULL || !open_context(encoder, codec, params, &tune)) {
		es_log(ES_LOG_ERROR, "cannot open %s for %ux%u on \"%s\"", lavc_name(impl->codec),
				params->mode.width, params->mode.height, vaapi->vendor);
		goto fail;
	}
	return &encoder->base;

fail:
	vaapi_destroy(&encoder->base);
	return NULL;
}

// --- conversion

// The driver's next job on the buffer waits for it in the kernel; where that is too old, we do.
static bool wait_for_producer(const struct es_import *import, int acquire_fd) {
	if (acquire_fd < 0) {
		return true;
	}
	struct dma_buf_import_sync_file sync = {.flags = DMA_BUF_SYNC_WRITE, .fd = acquire_fd};
	if (import->fd >= 0 && ioctl(import->fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &sync) == 0) {
		return true;
	}
	struct pollfd item = {.fd = acquire_fd, .events = POLLIN};
	int n;
	do {
		n = poll(&item, 1, FENCE_MS);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

// All that the GPU still does with the buffer, our reading included; -1: it is done.
static int release_fence(
		struct vaapi_encoder *encoder, const struct es_import *import, VASurfaceID target) {
	struct dma_buf_export_sync_file sync = {.flags = DMA_BUF_SYNC_WRITE, .fd = -1};
	if (import->fd >= 0 && ioctl(import->fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &sync) == 0) {
		return sync.fd;
	}
	vaSyncSurface(encoder->vaapi->display, target);
	return -1;
}

static VASurfaceID surface_of(const AVFrame *frame) {
	return (VASurfaceID)(uintptr_t)frame->data[3];
}

static bool vaapi_convert(struct es_encoder *base, const struct es_convert_request *request,
		int *release_fd, const char **why) {
	struct vaapi_encoder *encoder = (struct vaapi_encoder *)base;
	struct es_vaapi_surface *source = request->import->handle;
	if (!wait_for_producer(request->import, request->acquire_fd)) {
		*why = "its fence does not signal";
		return false;
	}
	if (source->image.image_id != VA_INVALID_ID &&
			!vaapi_surface_fill(encoder->vaapi, source, request->import, why)) {
		return false;
	}
	// A fresh surface of the pool: the encoder may still read the one before.
	AVFrame *next = encoder->next;
	if (av_hwframe_get_buffer(encoder->frames, next, 0) != 0) {
		*why = "the GPU has no memory left";
		return false;
	}
	if (!vaapi_converter_run(encoder->converter, source->id, surface_of(next))) {
		av_frame_unref(next);
		*why = "the driver does not convert it";
		return false;
	}
	*release_fd = release_fence(encoder, request->import, surface_of(next));
	av_frame_unref(encoder->picture);
	av_frame_move_ref(encoder->picture, next);
	return true;
}

// --- encoding

static bool send_picture(struct vaapi_encoder *encoder, const struct es_encode_request *request) {
	AVFrame *frame = encoder->sent;
	if (encoder->picture->buf[0] == NULL || av_frame_ref(frame, encoder->picture) != 0) {
		return false;
	}
	lavc_fill_frame(frame, encoder->context, request);
	bool ok = avcodec_send_frame(encoder->context, frame) == 0;
	av_frame_unref(frame);
	return ok;
}

// libavcodec waits for the GPU without an end: what watches this process has one.
static bool vaapi_encode(struct es_encoder *base, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct vaapi_encoder *encoder = (struct vaapi_encoder *)base;
	if (!send_picture(encoder, request)) {
		es_log(ES_LOG_ERROR, "%s takes no picture any more", lavc_name(base->impl->codec));
		return false;
	}
	return lavc_receive(encoder->context, encoder->packet, out, cap, encoded);
}

static size_t vaapi_headers(struct es_encoder *base, uint8_t *out, size_t cap) {
	return lavc_headers(((struct vaapi_encoder *)base)->context, out, cap);
}

// --- the table

const struct es_encoder_impl encoder_vaapi_h264 = {
		.name = "vaapi",
		.codec = ES_CODEC_H264,
		.device = &device_vaapi,
		.takes = gpu_takes_8_bits,
		.create = vaapi_create,
		.destroy = vaapi_destroy,
		.convert = vaapi_convert,
		.encode = vaapi_encode,
		.headers = vaapi_headers,
};

const struct es_encoder_impl encoder_vaapi_hevc = {
		.name = "vaapi",
		.codec = ES_CODEC_HEVC,
		.device = &device_vaapi,
		.takes = gpu_takes_10_bits,
		.create = vaapi_create,
		.destroy = vaapi_destroy,
		.convert = vaapi_convert,
		.encode = vaapi_encode,
		.headers = vaapi_headers,
};

const struct es_encoder_impl encoder_vaapi_av1 = {
		.name = "vaapi",
		.codec = ES_CODEC_AV1,
		.device = &device_vaapi,
		.takes = gpu_takes_10_bits,
		.create = vaapi_create,
		.destroy = vaapi_destroy,
		.convert = vaapi_convert,
		.encode = vaapi_encode,
		.headers = vaapi_headers,
};
