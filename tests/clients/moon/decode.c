#include "tests/clients/moon/decode.h"

#include <libavcodec/avcodec.h>
#include <libavutil/dict.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/clients/moon/say.h"

#define SEARCH_STEP 8
#define NEAR 40 // half of what is between a full colour and grey

struct es_moon_decoder {
	AVCodecContext *context;
	AVPacket *packet;
	AVFrame *frame; // the last
	AVFrame *next;
	es_moon_picture_call picture;
	void *data;
	uint32_t mark_x, mark_y; // where one was last
	bool searches;
	uint8_t wanted[3];
};

struct es_moon_decoder *decoder_create(
		enum es_codec codec, es_moon_picture_call picture, void *data) {
	static const enum AVCodecID ids[] = {
			[ES_CODEC_H264] = AV_CODEC_ID_H264,
			[ES_CODEC_HEVC] = AV_CODEC_ID_HEVC,
			[ES_CODEC_AV1] = AV_CODEC_ID_AV1,
	};
	const AVCodec *found = avcodec_find_decoder(ids[codec]);
	struct es_moon_decoder *decoder = calloc(1, sizeof(*decoder));
	if (decoder == NULL || found == NULL) {
		goto fail;
	}
	decoder->picture = picture;
	decoder->data = data;
	decoder->context = avcodec_alloc_context3(found);
	decoder->packet = av_packet_alloc();
	decoder->frame = av_frame_alloc();
	decoder->next = av_frame_alloc();
	if (decoder->context == NULL || decoder->packet == NULL || decoder->frame == NULL ||
			decoder->next == NULL) {
		goto fail;
	}
	decoder->context->flags |= AV_CODEC_FLAG_LOW_DELAY;
	decoder->context->thread_count = 1;
	decoder->context->err_recognition = AV_EF_EXPLODE;
	AVDictionary *options = NULL;
	av_dict_set(&options, "max_frame_delay", "1", 0); // of dav1d; others do not know it
	int result = avcodec_open2(decoder->context, found, &options);
	av_dict_free(&options);
	if (result >= 0) {
		return decoder;
	}

fail:
	say_error("no decoder for %s", codec_name(codec));
	decoder_destroy(decoder);
	return NULL;
}

void decoder_destroy(struct es_moon_decoder *decoder) {
	if (decoder == NULL) {
		return;
	}
	avcodec_free_context(&decoder->context);
	av_packet_free(&decoder->packet);
	av_frame_free(&decoder->frame);
	av_frame_free(&decoder->next);
	free(decoder);
}

static enum es_mark_result read_at(
		const struct es_moon_decoder *decoder, uint32_t x, uint32_t y, uint32_t *number) {
	const AVFrame *frame = decoder->frame;
	return mark_read(frame->data[0], (size_t)frame->linesize[0], (uint32_t)frame->width,
			(uint32_t)frame->height, x, y, MARK_CELL, number);
}

static enum es_mark_result find_mark(struct es_moon_decoder *decoder, uint32_t *number) {
	enum es_mark_result result = read_at(decoder, decoder->mark_x, decoder->mark_y, number);
	if (result != ES_MARK_NONE) {
		return result;
	}
	for (uint32_t y = 0; y < (uint32_t)decoder->frame->height; y += SEARCH_STEP) {
		for (uint32_t x = 0; x < (uint32_t)decoder->frame->width; x += SEARCH_STEP) {
			result = read_at(decoder, x, y, number);
			if (result != ES_MARK_NONE) {
				decoder->mark_x = x;
				decoder->mark_y = y;
				return result;
			}
		}
	}
	return ES_MARK_NONE;
}

static uint8_t mean_luma(const AVFrame *frame) {
	uint64_t sum = 0, n = 0;
	for (int y = 0; y < frame->height; y += 7) {
		for (int x = 0; x < frame->width; x += 7, n++) {
			sum += frame->data[0][(ptrdiff_t)y * frame->linesize[0] + x];
		}
	}
	return (uint8_t)(n > 0 ? sum / n : 0);
}

void decoder_search(struct es_moon_decoder *decoder, const uint8_t yuv[3]) {
	decoder->searches = true;
	memcpy(decoder->wanted, yuv, sizeof(decoder->wanted));
}

static bool is_wanted(
		const struct es_moon_decoder *decoder, int x, int y, int shift_x, int shift_y) {
	const AVFrame *frame = decoder->frame;
	for (int i = 0; i < 3; i++) {
		int px = i == 0 ? x << shift_x : x, py = i == 0 ? y << shift_y : y;
		int value = frame->data[i][(ptrdiff_t)py * frame->linesize[i] + px];
		if (abs(value - decoder->wanted[i]) > NEAR) {
			return false;
		}
	}
	return true;
}

static void search(const struct es_moon_decoder *decoder, struct es_moon_picture *picture) {
	const AVFrame *frame = decoder->frame;
	const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
	int shift_x = format->log2_chroma_w, shift_y = format->log2_chroma_h;
	int left = INT_MAX, right = 0, top = 0, bottom = 0;
	for (int y = 0; y < frame->height >> shift_y; y++) {
		for (int x = 0; x < frame->width >> shift_x; x++) {
			if (!is_wanted(decoder, x, y, shift_x, shift_y)) {
				continue;
			}
			top = picture->n_found++ == 0 ? y : top;
			bottom = y + 1;
			left = x < left ? x : left;
			right = x + 1 > right ? x + 1 : right;
		}
	}
	if (picture->n_found > 0) {
		picture->x = (uint32_t)(left << shift_x);
		picture->y = (uint32_t)(top << shift_y);
		picture->found_width = (uint32_t)((right - left) << shift_x);
		picture->found_height = (uint32_t)((bottom - top) << shift_y);
	}
}

static bool same_plane(const AVFrame *a, const AVFrame *b, int plane, int width, int height) {
	for (int y = 0; y < height; y++) {
		if (memcmp(a->data[plane] + (ptrdiff_t)y * a->linesize[plane],
					b->data[plane] + (ptrdiff_t)y * b->linesize[plane], (size_t)width) != 0) {
			return false;
		}
	}
	return true;
}

bool decoder_same_picture(
		const struct es_moon_decoder *decoder_a, const struct es_moon_decoder *decoder_b) {
	const AVFrame *a = decoder_a->frame, *b = decoder_b->frame;
	if (a->data[0] == NULL || b->data[0] == NULL || a->pts != b->pts || a->format != b->format ||
			a->width != b->width || a->height != b->height) {
		return false;
	}
	int n_planes = av_pix_fmt_count_planes(a->format);
	const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(a->format);
	for (int i = 0; i < n_planes; i++) {
		int shift = i == 0 ? 0 : format->log2_chroma_h;
		if (!same_plane(a, b, i, av_image_get_linesize(a->format, a->width, i),
					AV_CEIL_RSHIFT(a->height, shift))) {
			return false;
		}
	}
	return true;
}

static void tell(struct es_moon_decoder *decoder) {
	if (decoder->picture == NULL) {
		return;
	}
	struct es_moon_picture picture = {
			.frame = (uint32_t)decoder->frame->pts,
			.width = (uint32_t)decoder->frame->width,
			.height = (uint32_t)decoder->frame->height,
			.luma = mean_luma(decoder->frame),
	};
	picture.mark = find_mark(decoder, &picture.number);
	if (decoder->searches) {
		search(decoder, &picture);
	}
	decoder->picture(decoder->data, &picture);
}

bool decoder_feed(
		struct es_moon_decoder *decoder, uint32_t frame, const uint8_t *data, size_t size) {
	decoder->packet->data = (uint8_t *)(uintptr_t)data;
	decoder->packet->size = (int)size;
	decoder->packet->pts = decoder->packet->dts = frame;
	bool ok = avcodec_send_packet(decoder->context, decoder->packet) == 0;
	int result;
	while ((result = avcodec_receive_frame(decoder->context, decoder->next)) == 0) {
		av_frame_unref(decoder->frame);
		av_frame_move_ref(decoder->frame, decoder->next);
		tell(decoder);
	}
	return ok && result == AVERROR(EAGAIN);
}
