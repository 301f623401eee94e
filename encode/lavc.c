#include "encode/lavc.h"

#include <string.h>

#include "base/log.h"

static void fill_colours(AVCodecContext *context, const struct es_colour *colour) {
	context->color_primaries = (enum AVColorPrimaries)colour->primaries;
	context->color_trc = (enum AVColorTransferCharacteristic)colour->transfer;
	context->colorspace = (enum AVColorSpace)colour->matrix;
	context->color_range = colour->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	context->chroma_sample_location = AVCHROMA_LOC_LEFT;
}

void lavc_fill_context(AVCodecContext *context, const struct es_encoder_params *params,
		enum AVPixelFormat format) {
	const struct es_mode *mode = &params->mode;
	int64_t bits_per_second = (int64_t)params->bitrate_kbps * 1000;
	int64_t one_frame = bits_per_second * 1000 / mode->refresh_mhz;
	context->width = (int)((mode->width + 1) & ~UINT32_C(1));
	context->height = (int)((mode->height + 1) & ~UINT32_C(1));
	context->pix_fmt = format;
	context->framerate = (AVRational){mode->refresh_mhz, 1000};
	context->time_base = (AVRational){1000, mode->refresh_mhz};
	context->bit_rate = bits_per_second;
	context->rc_max_rate = bits_per_second; // else some allow twice the rate
	context->rc_buffer_size = (int)(one_frame < INT32_MAX ? one_frame : INT32_MAX);
	context->max_b_frames = 0;
	context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	fill_colours(context, &params->colour);
}

void lavc_fill_frame(
		AVFrame *frame, const AVCodecContext *context, const struct es_encode_request *request) {
	frame->pts = (int64_t)request->sequence;
	frame->pict_type = request->force_idr ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	frame->color_primaries = context->color_primaries;
	frame->color_trc = context->color_trc;
	frame->colorspace = context->colorspace;
	frame->color_range = context->color_range;
	frame->chroma_location = context->chroma_sample_location;
}

// 0: the encoder does not tell.
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

bool lavc_receive(AVCodecContext *context, AVPacket *packet, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	if (avcodec_receive_packet(context, packet) != 0) {
		es_log(ES_LOG_ERROR, "%s gave no access unit for a picture", context->codec->name);
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

size_t lavc_headers(const AVCodecContext *context, uint8_t *out, size_t cap) {
	if (context->extradata_size <= 0 || (size_t)context->extradata_size > cap) {
		return 0;
	}
	memcpy(out, context->extradata, (size_t)context->extradata_size);
	return (size_t)context->extradata_size;
}
