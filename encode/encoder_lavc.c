// Encoders through libavcodec: HEVC by libx265. No invalidation and no rate without reopening.
#include "encode/encoder_impls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

#include "base/log.h"

struct lavc_encoder {
	struct es_encoder base;
	AVCodecContext *context; // owned
	AVFrame *frame; // owned; its planes are borrowed for the length of a call
	AVPacket *packet; // owned
};

static void lavc_destroy(struct es_encoder *base) {
	struct lavc_encoder *encoder = (struct lavc_encoder *)base;
	if (encoder == NULL) {
		return;
	}
	avcodec_free_context(&encoder->context);
	av_frame_free(&encoder->frame);
	av_packet_free(&encoder->packet);
	free(encoder);
}

static enum AVPixelFormat suitable_format(const struct es_colour *colour) {
	if (colour->depth == 8) {
		return colour->yuv444 ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P;
	}
	return colour->yuv444 ? AV_PIX_FMT_YUV444P10 : AV_PIX_FMT_YUV420P10;
}

static void fill_context(AVCodecContext *context, const struct es_encoder_params *params) {
	const struct es_mode *mode = &params->mode;
	int64_t bits_per_second = (int64_t)params->bitrate_kbps * 1000;
	context->width = (int)((mode->width + 1) & ~UINT32_C(1));
	context->height = (int)((mode->height + 1) & ~UINT32_C(1));
	context->pix_fmt = suitable_format(&params->colour);
	context->framerate = (AVRational){mode->refresh_mhz, 1000};
	context->time_base = (AVRational){1000, mode->refresh_mhz};
	context->bit_rate = bits_per_second;
	context->rc_max_rate = bits_per_second;
	int64_t one_frame = bits_per_second * 1000 / mode->refresh_mhz;
	context->rc_buffer_size = (int)(one_frame < INT32_MAX ? one_frame : INT32_MAX);
	context->gop_size = -1;
	context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER; // a copy of the parameter sets for lavc_headers
	context->max_b_frames = 0;
	context->thread_count = (int)params->threads;
	context->color_primaries = (enum AVColorPrimaries)params->colour.primaries;
	context->color_trc = (enum AVColorTransferCharacteristic)params->colour.transfer;
	context->colorspace = (enum AVColorSpace)params->colour.matrix;
	context->color_range = params->colour.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	context->chroma_sample_location = AVCHROMA_LOC_LEFT;
}

static bool open_x265(AVCodecContext *context, const struct es_encoder_params *params) {
	char x265[192];
	snprintf(x265, sizeof(x265),
			"log-level=error:info=0:keyint=-1:scenecut=0:repeat-headers=1:open-gop=0:bframes=0:"
			"frame-threads=1");
	av_opt_set(context->priv_data, "preset", "ultrafast", 0);
	av_opt_set(context->priv_data, "tune", "zerolatency", 0);
	av_opt_set(context->priv_data, "forced-idr", "1", 0);
	av_opt_set(context->priv_data, "x265-params", x265, 0);
	return avcodec_open2(context, NULL, NULL) == 0;
}

static bool set_up_frame(struct lavc_encoder *encoder) {
	encoder->frame = av_frame_alloc();
	encoder->packet = av_packet_alloc();
	if (encoder->frame == NULL || encoder->packet == NULL) {
		return false;
	}
	const AVCodecContext *context = encoder->context;
	encoder->frame->format = context->pix_fmt;
	encoder->frame->width = context->width;
	encoder->frame->height = context->height;
	encoder->frame->color_primaries = context->color_primaries;
	encoder->frame->color_trc = context->color_trc;
	encoder->frame->colorspace = context->colorspace;
	encoder->frame->color_range = context->color_range;
	encoder->frame->chroma_location = context->chroma_sample_location;
	return true;
}

static struct es_encoder *x265_create(
		struct es_device *device, const struct es_encoder_params *params) {
	struct lavc_encoder *encoder = calloc(1, sizeof(*encoder));
	if (encoder == NULL) {
		return NULL;
	}
	encoder->base.impl = &encoder_x265;
	const AVCodec *codec = avcodec_find_encoder_by_name("libx265");
	if (codec == NULL) {
		es_log(ES_LOG_ERROR, "libavcodec here has no libx265: no HEVC without a GPU");
		goto fail;
	}
	encoder->context = avcodec_alloc_context3(codec);
	if (encoder->context == NULL) {
		goto fail;
	}
	fill_context(encoder->context, params);
	if (!open_x265(encoder->context, params) || !set_up_frame(encoder)) {
		es_log(ES_LOG_ERROR, "cannot open libx265 for %ux%u", params->mode.width,
				params->mode.height);
		goto fail;
	}
	return &encoder->base;

fail:
	lavc_destroy(&encoder->base);
	return NULL;
}

static bool send_picture(struct lavc_encoder *encoder, const struct es_picture *picture,
		const struct es_encode_request *request) {
	AVFrame *frame = encoder->frame;
	for (int i = 0; i < 3; i++) {
		frame->data[i] = picture->plane[i];
		frame->linesize[i] = (int)picture->stride[i];
	}
	frame->pts = (int64_t)request->sequence;
	frame->pict_type = request->force_idr ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	// Not reference-counted: libavcodec copies it.
	return avcodec_send_frame(encoder->context, frame) == 0;
}

static uint8_t packet_qp(const AVPacket *packet) {
	size_t size;
	const uint8_t *stats = av_packet_get_side_data(packet, AV_PKT_DATA_QUALITY_STATS, &size);
	if (stats == NULL || size < 4) {
		return 0;
	}
	uint32_t lambda = (uint32_t)stats[0] | (uint32_t)stats[1] << 8 | (uint32_t)stats[2] << 16 |
			(uint32_t)stats[3] << 24;
	uint32_t qp = lambda / FF_QP2LAMBDA;
	return (uint8_t)(qp < 255 ? qp : 255);
}

static bool lavc_encode(struct es_encoder *base, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct lavc_encoder *encoder = (struct lavc_encoder *)base;
	AVPacket *packet = encoder->packet;
	if (!send_picture(encoder, picture, request) ||
			avcodec_receive_packet(encoder->context, packet) != 0) {
		es_log(ES_LOG_ERROR, "%s gave no access unit for a picture", encoder->context->codec->name);
		return false;
	}
	bool fits = (size_t)packet->size <= cap;
	if (fits) {
		memcpy(out, packet->data, (size_t)packet->size);
		*encoded = (struct es_encoded){
				.size = (size_t)packet->size,
				.idr = (packet->flags & AV_PKT_FLAG_KEY) != 0,
				.qp = packet_qp(packet),
		};
	} else {
		es_log(ES_LOG_ERROR, "access unit of %d bytes is too long for %zu", packet->size, cap);
	}
	av_packet_unref(packet);
	return fits;
}

static size_t lavc_headers(struct es_encoder *base, uint8_t *out, size_t cap) {
	const AVCodecContext *context = ((struct lavc_encoder *)base)->context;
	if (context->extradata_size <= 0 || (size_t)context->extradata_size > cap) {
		return 0;
	}
	memcpy(out, context->extradata, (size_t)context->extradata_size);
	return (size_t)context->extradata_size;
}

static bool x265_takes(const struct es_colour *colour, enum es_picture_layout *layout) {
	if (colour->depth == 8) {
		*layout = colour->yuv444 ? ES_PICTURE_I444 : ES_PICTURE_I420;
	} else {
		*layout = colour->yuv444 ? ES_PICTURE_I410 : ES_PICTURE_I010;
	}
	return true;
}

const struct es_encoder_impl encoder_x265 = {
		.name = "x265",
		.codec = ES_CODEC_HEVC,
		.device = &device_cpu,
		.takes = x265_takes,
		.good_qp = 20,
		.create = x265_create,
		.destroy = lavc_destroy,
		.encode = lavc_encode,
		.headers = lavc_headers,
};
