// Encoders through libavcodec: HEVC by libx265. No invalidation and no rate without reopening.
#include "encode/encoder_impls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

#include "base/log.h"
#include "encode/lavc.h"

struct x265_encoder {
	struct es_encoder base;
	AVCodecContext *context; // owned
	AVFrame *frame; // owned; its planes are borrowed for the length of a call
	AVPacket *packet; // owned
};

static void x265_destroy(struct es_encoder *base) {
	struct x265_encoder *encoder = (struct x265_encoder *)base;
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
	lavc_fill_context(context, params, suitable_format(&params->colour));
	context->gop_size = -1;
	context->thread_count = (int)params->threads;
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

static bool set_up_frame(struct x265_encoder *encoder) {
	encoder->frame = av_frame_alloc();
	encoder->packet = av_packet_alloc();
	if (encoder->frame == NULL || encoder->packet == NULL) {
		return false;
	}
	const AVCodecContext *context = encoder->context;
	encoder->frame->format = context->pix_fmt;
	encoder->frame->width = context->width;
	encoder->frame->height = context->height;
	return true;
}

static struct es_encoder *x265_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
	struct x265_encoder *encoder = calloc(1, sizeof(*encoder));
	if (encoder == NULL) {
		return NULL;
	}
	encoder->base.impl = impl;
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
	x265_destroy(&encoder->base);
	return NULL;
}

static bool send_picture(struct x265_encoder *encoder, const struct es_picture *picture,
		const struct es_encode_request *request) {
	AVFrame *frame = encoder->frame;
	for (int i = 0; i < 3; i++) {
		frame->data[i] = picture->plane[i];
		frame->linesize[i] = (int)picture->stride[i];
	}
	lavc_fill_frame(frame, encoder->context, request);
	// Not reference-counted: libavcodec copies it.
	return avcodec_send_frame(encoder->context, frame) == 0;
}

static bool x265_encode(struct es_encoder *base, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct x265_encoder *encoder = (struct x265_encoder *)base;
	if (!send_picture(encoder, picture, request)) {
		es_log(ES_LOG_ERROR, "%s takes no picture any more", encoder->context->codec->name);
		return false;
	}
	return lavc_receive(encoder->context, encoder->packet, out, cap, encoded);
}

static size_t x265_headers(struct es_encoder *base, uint8_t *out, size_t cap) {
	return lavc_headers(((struct x265_encoder *)base)->context, out, cap);
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
		.destroy = x265_destroy,
		.encode = x265_encode,
		.headers = x265_headers,
};
