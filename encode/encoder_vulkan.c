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

static void fill_context(AVCodecContext *context, const struct es_encoder_params *params) {
	const struct es_mode *mode = &params->mode;
	int64_t bits_per_second = (int64_t)params->bitrate_kbps * 1000;
	int64_t one_frame = bits_per_second * 1000 / mode->refresh_mhz;
	context->width = (int)((mode->width + 1) & ~UINT32_C(1));
	context->height = (int)((mode->height + 1) & ~UINT32_C(1));
	context->pix_fmt = AV_PIX_FMT_VULKAN;
	context->framerate = (AVRational){mode->refresh_mhz, 1000};
	context->time_base = (AVRational){1000, mode->refresh_mhz};
	context->bit_rate = bits_per_second;
	context->rc_max_rate = bits_per_second;
	context->rc_buffer_size = (int)(one_frame < INT32_MAX ? one_frame : INT32_MAX);
	context->gop_size = GOP_SIZE;
	context->max_b_frames = 0;
	context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER; // a copy of the parameter sets for `headers`
	context->color_primaries = (enum AVColorPrimaries)params->colour.primaries;
	context->color_trc = (enum AVColorTransferCharacteristic)params->colour.transfer;
	context->colorspace = (enum AVColorSpace)params->colour.matrix;
	context->color_range = params->colour.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	context->chroma_sample_location = AVCHROMA_LOC_LEFT;
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
	fill_context(encoder->context, params);
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

static struct es_encoder *create_as(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
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
	const AVCodecContext *context = encoder->context;
	struct es_cursor_view cursor = vulkan_take_cursor(request);
	if (av_hwframe_get_buffer(encoder->frames, frame, 0) != 0 ||
			!vulkan_frames_write(encoder->converter, &cursor, frame)) {
		return false;
	}
	frame->pts = (int64_t)request->sequence;
	frame->pict_type = request->force_idr ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	frame->color_primaries = context->color_primaries;
	frame->color_trc = context->color_trc;
	frame->colorspace = context->colorspace;
	frame->color_range = context->color_range;
	frame->chroma_location = context->chroma_sample_location;
	return avcodec_send_frame(encoder->context, frame) == 0;
}

// libavcodec waits for the GPU without an end: what watches this process has one.
static bool vulkan_encode(struct es_encoder *base, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct vulkan_encoder *encoder = (struct vulkan_encoder *)base;
	AVPacket *packet = encoder->packet;
	bool sent = send_picture(encoder, request);
	av_frame_unref(encoder->frame);
	if (!sent || avcodec_receive_packet(encoder->context, packet) != 0) {
		es_log(ES_LOG_ERROR, "%s gave no access unit for a picture%s", lavc_name(base->impl->codec),
				encoder->gpu->lost ? ": the GPU is lost" : "");
		return false;
	}
	bool fits = (size_t)packet->size <= cap;
	if (fits) {
		memcpy(out, packet->data, (size_t)packet->size);
		*encoded = (struct es_encoded){
				.size = (size_t)packet->size,
				.idr = (packet->flags & AV_PKT_FLAG_KEY) != 0,
		};
	} else {
		es_log(ES_LOG_ERROR, "access unit of %d bytes is too long for %zu", packet->size, cap);
	}
	av_packet_unref(packet);
	return fits;
}

static size_t vulkan_headers(struct es_encoder *base, uint8_t *out, size_t cap) {
	const AVCodecContext *context = ((struct vulkan_encoder *)base)->context;
	if (context->extradata_size <= 0 || (size_t)context->extradata_size > cap) {
		return 0;
	}
	memcpy(out, context->extradata, (size_t)context->extradata_size);
	return (size_t)context->extradata_size;
}

static bool takes_8_bits(const struct es_colour *colour, enum es_picture_layout *layout) {
	*layout = ES_PICTURE_NV12;
	return colour->depth == 8 && !colour->yuv444;
}

static bool takes_10_bits(const struct es_colour *colour, enum es_picture_layout *layout) {
	*layout = colour->depth > 8 ? ES_PICTURE_P010 : ES_PICTURE_NV12;
	return !colour->yuv444;
}

static struct es_encoder *create_h264(
		struct es_device *device, const struct es_encoder_params *params) {
	return create_as(&encoder_vulkan_h264, device, params);
}

static struct es_encoder *create_hevc(
		struct es_device *device, const struct es_encoder_params *params) {
	return create_as(&encoder_vulkan_hevc, device, params);
}

static struct es_encoder *create_av1(
		struct es_device *device, const struct es_encoder_params *params) {
	return create_as(&encoder_vulkan_av1, device, params);
}

const struct es_encoder_impl encoder_vulkan_h264 = {
		.name = "vulkan",
		.codec = ES_CODEC_H264,
		.device = &device_vulkan,
		.takes = takes_8_bits,
		.create = create_h264,
		.destroy = vulkan_destroy,
		.convert = vulkan_convert,
		.encode = vulkan_encode,
		.headers = vulkan_headers,
};

const struct es_encoder_impl encoder_vulkan_hevc = {
		.name = "vulkan",
		.codec = ES_CODEC_HEVC,
		.device = &device_vulkan,
		.takes = takes_10_bits,
		.create = create_hevc,
		.destroy = vulkan_destroy,
		.convert = vulkan_convert,
		.encode = vulkan_encode,
		.headers = vulkan_headers,
};

const struct es_encoder_impl encoder_vulkan_av1 = {
		.name = "vulkan",
		.codec = ES_CODEC_AV1,
		.device = &device_vulkan,
		.takes = takes_10_bits,
		.create = create_av1,
		.destroy = vulkan_destroy,
		.convert = vulkan_convert,
		.encode = vulkan_encode,
		.headers = vulkan_headers,
};
