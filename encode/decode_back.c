#include "encode/decode_back.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>

struct es_decode_back {
	AVCodecContext *context; // owned
	AVPacket *packet; // owned
	AVFrame *frame; // owned
};

static const AVCodec *find_decoder(enum es_codec codec) {
	switch (codec) {
	case ES_CODEC_H264:
		return avcodec_find_decoder(AV_CODEC_ID_H264);
	case ES_CODEC_HEVC:
		return avcodec_find_decoder(AV_CODEC_ID_HEVC);
	case ES_CODEC_AV1: {
		// libavcodec's own needs a GPU
		const AVCodec *dav1d = avcodec_find_decoder_by_name("libdav1d");
		return dav1d != NULL ? dav1d : avcodec_find_decoder_by_name("libaom-av1");
	}
	default:
		return NULL;
	}
}

struct es_decode_back *decode_back_create(enum es_codec codec) {
	struct es_decode_back *decoder = calloc(1, sizeof(*decoder));
	const AVCodec *found = find_decoder(codec);
	if (decoder == NULL || found == NULL) {
		goto fail;
	}
	decoder->context = avcodec_alloc_context3(found);
	decoder->packet = av_packet_alloc();
	decoder->frame = av_frame_alloc();
	if (decoder->context == NULL || decoder->packet == NULL || decoder->frame == NULL) {
		goto fail;
	}
	decoder->context->thread_count = 1;
	// After a lost unit H.264 pictures are held back until the next IDR, unless asked for.
	decoder->context->flags |= AV_CODEC_FLAG_LOW_DELAY | AV_CODEC_FLAG_OUTPUT_CORRUPT;
	decoder->context->flags2 |= AV_CODEC_FLAG2_SHOW_ALL;
	if (avcodec_open2(decoder->context, NULL, NULL) != 0) {
		goto fail;
	}
	return decoder;

fail:
	decode_back_destroy(decoder);
	return NULL;
}

void decode_back_destroy(struct es_decode_back *decoder) {
	if (decoder == NULL) {
		return;
	}
	avcodec_free_context(&decoder->context);
	av_packet_free(&decoder->packet);
	av_frame_free(&decoder->frame);
	free(decoder);
}

uint32_t decoded_sample(const struct es_decoded *picture, uint32_t plane, uint32_t x, uint32_t y) {
	const uint8_t *row = picture->plane[plane] + (size_t)y * picture->stride[plane];
	if (picture->depth == 8) {
		return row[x];
	}
	uint16_t sample;
	memcpy(&sample, row + 2 * (size_t)x, sizeof(sample));
	return sample;
}

static bool read_format(struct es_decoded *out, const AVFrame *frame) {
	switch (frame->format) {
	case AV_PIX_FMT_YUV420P:
	case AV_PIX_FMT_YUVJ420P:
	case AV_PIX_FMT_YUV444P:
	case AV_PIX_FMT_YUVJ444P:
		out->depth = 8;
		break;
	case AV_PIX_FMT_YUV420P10:
	case AV_PIX_FMT_YUV444P10:
		out->depth = 10;
		break;
	default:
		return false;
	}
	out->yuv444 = frame->format == AV_PIX_FMT_YUV444P || frame->format == AV_PIX_FMT_YUVJ444P ||
			frame->format == AV_PIX_FMT_YUV444P10;
	out->colour = (struct es_colour){
			.primaries = (uint8_t)frame->color_primaries,
			.transfer = (uint8_t)frame->color_trc,
			.matrix = (uint8_t)frame->colorspace,
			.full_range = frame->color_range == AVCOL_RANGE_JPEG,
			.depth = out->depth,
			.yuv444 = out->yuv444,
	};
	return true;
}

bool decode_back_unit(
		struct es_decode_back *decoder, const uint8_t *data, size_t size, struct es_decoded *out) {
	AVFrame *frame = decoder->frame;
	av_frame_unref(frame);
	if (av_new_packet(decoder->packet, (int)size) != 0) {
		return false;
	}
	memcpy(decoder->packet->data, data, size);
	int sent = avcodec_send_packet(decoder->context, decoder->packet);
	av_packet_unref(decoder->packet);
	if (sent != 0 || avcodec_receive_frame(decoder->context, frame) != 0) {
		return false;
	}
	*out = (struct es_decoded){
			.width = (uint32_t)frame->width,
			.height = (uint32_t)frame->height,
			.complaint = frame->decode_error_flags != 0,
	};
	if (!read_format(out, frame)) {
		return false;
	}
	for (int i = 0; i < 3; i++) {
		out->plane[i] = frame->data[i];
		out->stride[i] = (uint32_t)frame->linesize[i];
	}
	return true;
}
