// Encoders of GPUs through Vulkan Video, by libavcodec. No invalidation and no rate without reopening:
// it knows neither.
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <libavutil/opt.h>

#include "base/log.h"
#include "encode/device_vulkan.h"
#include "encode/encoder_impls.h"
#include "encode/lavc.h"
#include "encode/vulkan_frames.h"
#include "encode/vulkan_take.h"

// No IDR but those that are asked for; what drivers take for "never".
#define GOP_SIZE 32767

struct vulkan_encoder {
	struct es_encoder base;
	struct es_vulkan_gpu *gpu; // borrowed
	struct es_vulkan_converter *converter; // owned
	AVBufferRef *frames; // owned
	AVCodecContext *context; // owned
	AVFrame *frame; // owned
	AVPacket *packet; // owned
};

static const char *lavc_name(enum es_codec codec) {
	switch (codec) {
	case ES_CODEC_H264:
		return "h264_vulkan";
	case ES_CODEC_HEVC:
		return "hevc_vulkan";
	default:
		return "av1_vulkan";
	}
}

static void vulkan_destroy(struct es_encoder *base) {
	struct vulkan_encoder *encoder = (struct vulkan_encoder *)base;
	if (encoder == NULL) {
		return;
	}
	avcodec_free_context(&encoder->context);
	av_packet_free(&encoder->packet);
	av_frame_free(&encoder->frame);
	av_buffer_unref(&encoder->frames);
	vulkan_converter_destroy(encoder->converter);
	free(encoder);
}

static void fill_options(AVCodecContext *context) {
	void *options = context->priv_data;
	av_opt_set_int(options, "async_depth", 1, 0);
	av_opt_set(options, "tune", "ull", 0);
	av_opt_set(options, "usage", "stream", 0);
	av_opt_set(options, "content", "rendered", 0);
	av_opt_set(options, "rc_mode", "cbr", 0);
	av_opt_set_int(options, "quality", 0, 0);
	av_opt_set(options, "units", "0", 0); // no delimiters and no SEI; AV1 and HEVC have others
}

static bool open_context(struct vulkan_encoder *encoder, const AVCodec *codec,
		const struct es_encoder_params *params) {
	encoder->context = avcodec_alloc_context3(codec);
	encoder->frame = av_frame_alloc();
	encoder->packet = av_packet_alloc();
	if (encoder->context == NULL || encoder->frame == NULL || encoder->packet == NULL) {
		return false;
	}
	lavc_fill_context(encoder->context, params, AV_PIX_FMT_VULKAN);
	encoder->context->gop_size = GOP_SIZE;
	fill_options(encoder->context);
	encoder->context->hw_frames_ctx = av_buffer_ref(encoder->frames);
	return encoder->context->hw_frames_ctx != NULL &&
			avcodec_open2(encoder->context, codec, NULL) == 0;
}

static const char *missing_extension(const struct es_vulkan_gpu *gpu, enum es_codec codec) {
	static const char *const by_codec[] = {
			[ES_CODEC_H264] = VK_KHR_VIDEO_ENCODE_H264_EXTENSION_NAME,
			[ES_CODEC_HEVC] = VK_KHR_VIDEO_ENCODE_H265_EXTENSION_NAME,
			[ES_CODEC_AV1] = VK_KHR_VIDEO_ENCODE_AV1_EXTENSION_NAME,
	};
	const char *const needed[] = {VK_KHR_VIDEO_ENCODE_QUEUE_EXTENSION_NAME, by_codec[codec]};
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!vulkan_gpu_has(gpu, needed[i])) {
			return needed[i];
		}
	}
	return NULL;
}

static struct es_encoder *vulkan_create(const struct es_encoder_impl *impl,
		struct es_device *device, const struct es_encoder_params *params) {
	struct es_vulkan_gpu *gpu = device_vulkan_gpu(device);
	const AVCodec *codec = avcodec_find_encoder_by_name(lavc_name(impl->codec));
	if (codec == NULL) {
		es_log(ES_LOG_ERROR, "libavcodec here has no %s", lavc_name(impl->codec));
		return NULL;
	}
	const char *missing = missing_extension(gpu, impl->codec);
	if (missing != NULL) {
		es_log(ES_LOG_ERROR, "%s does not encode %s: its driver has no %s", gpu->name,
				codec_name(impl->codec), missing);
		return NULL;
	}
	struct vulkan_encoder *encoder = calloc(1, sizeof(*encoder));
	if (encoder == NULL) {
		return NULL;
	}
	const char *why;
	encoder->base.impl = impl;
	encoder->gpu = gpu;
	encoder->converter = vulkan_converter_create(gpu, &params->mode, &params->colour, &why);
	if (encoder->converter == NULL) {
		es_log(ES_LOG_ERROR, "cannot convert to %ux%u: %s", params->mode.width, params->mode.height,
				why);
		goto fail;
	}
	encoder->frames = vulkan_frames_create(
			gpu, &params->mode, &params->colour, VK_IMAGE_USAGE_VIDEO_ENCODE_SRC_BIT_KHR);
	if (encoder->frames == NULL || !open_context(encoder, codec, params)) {
		es_log(ES_LOG_ERROR, "cannot open %s for %ux%u", lavc_name(impl->codec), params->mode.width,
				params->mode.height);
		goto fail;
	}
	return &encoder->base;

fail:
	vulkan_destroy(&encoder->base);
	return NULL;
}

static bool vulkan_convert(struct es_encoder *base, const struct es_convert_request *request,
		int *release_fd, const char **why) {
	struct vulkan_encoder *encoder = (struct vulkan_encoder *)base;
	return vulkan_take(encoder->gpu, encoder->converter, request, release_fd, why);
}

// A fresh frame of the pool each time: the encoder may still read the one before.
static bool send_picture(struct vulkan_encoder *encoder, const struct es_encode_request *request) {
	AVFrame *frame = encoder->frame;
	struct es_cursor_view cursor = vulkan_take_cursor(request);
	if (av_hwframe_get_buffer(encoder->frames, frame, 0) != 0 ||
			!vulkan_frames_write(encoder->converter, &cursor, frame)) {
		return false;
	}
	lavc_fill_frame(frame, encoder->context, request);
	return avcodec_send_frame(encoder->context, frame) == 0;
}

// libavcodec waits for the GPU without an end: what watches this process has one.
static bool vulkan_encode(struct es_encoder *base, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct vulkan_encoder *encoder = (struct vulkan_encoder *)base;
	bool sent = send_picture(encoder, request);
	av_frame_unref(encoder->frame);
	if (!sent) {
		es_log(ES_LOG_ERROR, "%s takes no picture any more%s", lavc_name(base->impl->codec),
				encoder->gpu->lost ? ": the GPU is lost" : "");
		return false;
	}
	return lavc_receive(encoder->context, encoder->packet, out, cap, encoded);
}

static size_t vulkan_headers(struct es_encoder *base, uint8_t *out, size_t cap) {
	return lavc_headers(((struct vulkan_encoder *)base)->context, out, cap);
}

const struct es_encoder_impl encoder_vulkan_h264 = {
		.name = "vulkan",
		.codec = ES_CODEC_H264,
		.device = &device_vulkan,
		.takes = gpu_takes_8_bits,
		.create = vulkan_create,
		.destroy = vulkan_destroy,
		.convert = vulkan_convert,
		.encode = vulkan_encode,
		.headers = vulkan_headers,
};

const struct es_encoder_impl encoder_vulkan_hevc = {
		.name = "vulkan",
		.codec = ES_CODEC_HEVC,
		.device = &device_vulkan,
		.takes = gpu_takes_10_bits,
		.create = vulkan_create,
		.destroy = vulkan_destroy,
		.convert = vulkan_convert,
		.encode = vulkan_encode,
		.headers = vulkan_headers,
};

const struct es_encoder_impl encoder_vulkan_av1 = {
		.name = "vulkan",
		.codec = ES_CODEC_AV1,
		.device = &device_vulkan,
		.takes = gpu_takes_10_bits,
		.create = vulkan_create,
		.destroy = vulkan_destroy,
		.convert = vulkan_convert,
		.encode = vulkan_encode,
		.headers = vulkan_headers,
};
