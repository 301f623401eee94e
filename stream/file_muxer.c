#include "stream/file_muxer.h"

#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define AVIO_BUFFER_SIZE (64 << 10)
#define MP4_TIMESCALE 90000
#define TS_DELAY_US 100000
#define SOUND_RATE 48000
// Packets this close follow each other without a gap: 10 ms.
#define SOUND_SLACK (SOUND_RATE / 100)

struct es_file_muxer {
	enum es_container container;
	struct es_file_output *output; // borrowed
	struct es_file_sound *sound; // borrowed; NULL: none
	AVFormatContext *context; // owned; NULL until it is opened
	AVPacket *packet; // owned, as empty
	AVPacket *empty; // without data

	int64_t first_ns, last_pts;
	// Samples at 48 kHz: what the encoder begins with, and the track's end.
	int64_t sound_padding, sound_end;
	bool has_sound; // in the track
};

static const enum AVCodecID codec_ids[ES_CODEC_COUNT] = {
		[ES_CODEC_H264] = AV_CODEC_ID_H264,
		[ES_CODEC_HEVC] = AV_CODEC_ID_HEVC,
		[ES_CODEC_AV1] = AV_CODEC_ID_AV1,
};

static const char *const muxer_names[] = {
		[ES_CONTAINER_MKV] = "matroska",
		[ES_CONTAINER_MP4] = "mp4",
		[ES_CONTAINER_TS] = "mpegts",
};

struct es_file_muxer *file_muxer_create(
		enum es_container container, struct es_file_output *output, struct es_file_sound *sound) {
	struct es_file_muxer *muxer = calloc(1, sizeof(*muxer));
	if (muxer == NULL) {
		return NULL;
	}
	muxer->container = container;
	muxer->output = output;
	muxer->sound = sound;
	muxer->packet = av_packet_alloc();
	muxer->empty = av_packet_alloc();
	if (muxer->packet == NULL || muxer->empty == NULL) {
		file_muxer_destroy(muxer);
		return NULL;
	}
	return muxer;
}

void file_muxer_destroy(struct es_file_muxer *muxer) {
	if (muxer == NULL) {
		return;
	}
	if (muxer->context != NULL && muxer->context->pb != NULL) {
		av_freep(&muxer->context->pb->buffer);
		avio_context_free(&muxer->context->pb);
	}
	avformat_free_context(muxer->context);
	av_packet_free(&muxer->packet);
	av_packet_free(&muxer->empty);
	free(muxer);
}

static int on_write(void *opaque, const uint8_t *data, int size) {
	struct es_file_muxer *muxer = opaque;
	return file_output_write(muxer->output, data, (size_t)size) ? size
																: AVERROR(muxer->output->error);
}

static int64_t on_seek(void *opaque, int64_t offset, int whence) {
	struct es_file_muxer *muxer = opaque;
	if (whence == AVSEEK_SIZE) {
		return file_output_end(muxer->output);
	}
	if (whence == SEEK_CUR) {
		offset += muxer->output->position;
	} else if (whence == SEEK_END) {
		offset += file_output_end(muxer->output);
	}
	return file_output_seek(muxer->output, offset) ? offset : AVERROR(ESPIPE);
}

static bool add_sound_track(struct es_file_muxer *muxer) {
	AVStream *stream = avformat_new_stream(muxer->context, NULL);
	uint8_t head[64];
	size_t size = file_sound_head(muxer->sound, head);
	if (stream == NULL) {
		return false;
	}
	AVCodecParameters *parameters = stream->codecpar;
	parameters->codec_type = AVMEDIA_TYPE_AUDIO;
	parameters->codec_id = AV_CODEC_ID_OPUS;
	parameters->sample_rate = SOUND_RATE;
	parameters->frame_size = ES_FILE_SOUND_PACKET_MS * SOUND_RATE / 1000;
	muxer->sound_padding = head[10] | head[11] << 8;
	parameters->initial_padding = (int)muxer->sound_padding;
	av_channel_layout_default(&parameters->ch_layout, head[9]);
	stream->time_base = (AVRational){1, SOUND_RATE};
	parameters->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
	if (parameters->extradata == NULL) {
		return false;
	}
	memcpy(parameters->extradata, head, size);
	parameters->extradata_size = (int)size;
	return true;
}

static bool create_muxer(struct es_file_muxer *muxer) {
	const char *name = muxer_names[muxer->container];
	if (avformat_alloc_output_context2(&muxer->context, NULL, name, NULL) < 0) {
		return false;
	}
	uint8_t *buffer = av_malloc(AVIO_BUFFER_SIZE);
	if (buffer == NULL) {
		return false;
	}
	muxer->context->pb =
			avio_alloc_context(buffer, AVIO_BUFFER_SIZE, 1, muxer, NULL, on_write, on_seek);
	if (muxer->context->pb == NULL) {
		av_free(buffer);
		return false;
	}
	muxer->context->pb->seekable = file_output_seekable(muxer->output) ? AVIO_SEEKABLE_NORMAL : 0;
	muxer->context->flags |= AVFMT_FLAG_CUSTOM_IO;
	// Without random ids: /dev/urandom is out of reach, and libavformat would gather randomness by
	// keeping the processor busy for 100 ms.
	muxer->context->flags |= AVFMT_FLAG_BITEXACT;
	return avformat_new_stream(muxer->context, NULL) != NULL &&
			(muxer->sound == NULL || add_sound_track(muxer));
}

// The parameter sets out of an IDR, for an encoder that did not announce them.
static bool extract_headers(AVCodecParameters *parameters, const uint8_t *data, size_t size) {
	AVBSFContext *bsf = NULL;
	AVPacket *packet = av_packet_alloc();
	const AVBitStreamFilter *filter = av_bsf_get_by_name("extract_extradata");
	bool ok = packet != NULL && filter != NULL && av_bsf_alloc(filter, &bsf) == 0 &&
			avcodec_parameters_copy(bsf->par_in, parameters) >= 0 && av_bsf_init(bsf) == 0 &&
			av_new_packet(packet, (int)size) == 0;
	if (ok) {
		memcpy(packet->data, data, size);
		ok = av_bsf_send_packet(bsf, packet) == 0 && av_bsf_receive_packet(bsf, packet) == 0;
	}
	size_t found_size = 0;
	const uint8_t *found =
			ok ? av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &found_size) : NULL;
	if (found != NULL) {
		parameters->extradata = av_mallocz(found_size + AV_INPUT_BUFFER_PADDING_SIZE);
	}
	if (parameters->extradata != NULL) {
		memcpy(parameters->extradata, found, found_size);
		parameters->extradata_size = (int)found_size;
	}
	av_packet_free(&packet);
	av_bsf_free(&bsf);
	return parameters->extradata != NULL;
}

static bool fill_parameters(struct es_file_muxer *muxer, const struct es_sink_track *track,
		const uint8_t *data, size_t size) {
	AVStream *stream = muxer->context->streams[0];
	AVCodecParameters *parameters = stream->codecpar;
	const struct es_colour *colour = &track->colour;
	parameters->codec_type = AVMEDIA_TYPE_VIDEO;
	parameters->codec_id = codec_ids[track->codec];
	parameters->width = (int)track->mode.width;
	parameters->height = (int)track->mode.height;
	parameters->format = colour->depth == 10
			? (colour->yuv444 ? AV_PIX_FMT_YUV444P10 : AV_PIX_FMT_YUV420P10)
			: (colour->yuv444 ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P);
	// es_colour and libavutil both number by ITU-T H.273.
	parameters->color_primaries = (enum AVColorPrimaries)colour->primaries;
	parameters->color_trc = (enum AVColorTransferCharacteristic)colour->transfer;
	parameters->color_space = (enum AVColorSpace)colour->matrix;
	parameters->color_range = colour->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	parameters->chroma_location = colour->yuv444 ? AVCHROMA_LOC_UNSPECIFIED : AVCHROMA_LOC_LEFT;
	stream->avg_frame_rate = (AVRational){track->mode.refresh_mhz, 1000};
	stream->time_base = (AVRational){1, MP4_TIMESCALE};
	if (track->headers_size == 0) {
		return extract_headers(parameters, data, size);
	}
	parameters->extradata = av_mallocz(track->headers_size + AV_INPUT_BUFFER_PADDING_SIZE);
	if (parameters->extradata == NULL) {
		return false;
	}
	memcpy(parameters->extradata, track->headers, track->headers_size);
	parameters->extradata_size = (int)track->headers_size;
	return true;
}

static bool set_options(struct es_file_muxer *muxer, AVDictionary **options) {
	switch (muxer->container) {
	case ES_CONTAINER_MP4:
		// Fragments cut by us, one per unit. A regular file becomes a plain MP4 at the end,
		// because few players seek well in a thousand fragments.
		return av_dict_set(options, "movflags",
					   file_output_seekable(muxer->output)
							   ? "hybrid_fragmented+frag_custom"
							   : "empty_moov+default_base_moof+frag_custom+skip_trailer",
					   0) >= 0;
	case ES_CONTAINER_TS:
		muxer->context->max_delay = TS_DELAY_US;
		return true;
	default:
		return true;
	}
}

bool file_muxer_open(struct es_file_muxer *muxer, const struct es_sink_track *track,
		const struct es_unit *unit, const uint8_t *data) {
	AVDictionary *options = NULL;
	muxer->first_ns = unit->times.commit_ns;
	muxer->last_pts = -2; // so that the first is 0
	bool ok = create_muxer(muxer) && fill_parameters(muxer, track, data, unit->size) &&
			set_options(muxer, &options) && avformat_write_header(muxer->context, &options) >= 0;
	av_dict_free(&options);
	return ok;
}

// Surface-commit times in the track's ticks, strictly ascending.
static int64_t next_pts(struct es_file_muxer *muxer, int64_t commit_ns) {
	AVRational ns = {1, (int)ES_NS_PER_S};
	int64_t pts =
			av_rescale_q(commit_ns - muxer->first_ns, ns, muxer->context->streams[0]->time_base);
	// In MP4 one tick more, for announce_fragment.
	int64_t step = muxer->container == ES_CONTAINER_MP4 ? 2 : 1;
	return pts >= muxer->last_pts + step ? pts : muxer->last_pts + step;
}

// movenc moves a fragment to where the one before was expected to end, unless it is told that there
// is a gap; it looks at that only after it has checked the packet's time, so an empty packet,
// which it drops, has to bring the news. (What it may log about that one is of no interest.)
static bool announce_fragment(struct es_file_muxer *muxer, int64_t pts) {
	if (muxer->container != ES_CONTAINER_MP4 || muxer->last_pts < 0) {
		return true;
	}
	AVPacket *packet = muxer->empty;
	packet->pts = packet->dts = pts - 1;
	packet->time_base = muxer->context->streams[0]->time_base;
	return av_opt_set(muxer->context->priv_data, "movflags", "+frag_discont", 0) >= 0 &&
			av_write_frame(muxer->context, packet) >= 0;
}

// As announce_fragment, for one that holds only sound.
static void announce_sound(struct es_file_muxer *muxer) {
	if (muxer->container == ES_CONTAINER_MP4 && file_sound_waiting(muxer->sound) > 0) {
		announce_fragment(muxer, ++muxer->last_pts + 1);
	}
}

static bool mux_sound_packet(struct es_file_muxer *muxer, const struct es_file_packet *sound) {
	AVStream *stream = muxer->context->streams[1];
	AVPacket *packet = muxer->packet;
	AVRational ns = {1, (int)ES_NS_PER_S}, samples = {1, SOUND_RATE};
	int64_t pts =
			av_rescale_q(sound->time_ns - muxer->first_ns, ns, samples) - muxer->sound_padding;
	if (pts < 0) {
		return true; // before the first picture
	}
	if (muxer->has_sound && pts < muxer->sound_end + SOUND_SLACK) {
		pts = muxer->sound_end;
	}
	muxer->has_sound = true;
	muxer->sound_end = pts + sound->n_frames;
	packet->data = (uint8_t *)(uintptr_t)sound->data;
	packet->size = (int)sound->size;
	packet->stream_index = 1;
	packet->pts = packet->dts = pts;
	packet->duration = sound->n_frames;
	packet->flags = AV_PKT_FLAG_KEY;
	packet->time_base = samples;
	av_packet_rescale_ts(packet, samples, stream->time_base);
	bool ok = av_write_frame(muxer->context, packet) >= 0;
	packet->stream_index = 0;
	return ok;
}

static bool mux_sound(struct es_file_muxer *muxer) {
	const struct es_file_packet *packet;
	bool ok = true;
	while (muxer->sound != NULL && (packet = file_sound_next(muxer->sound)) != NULL) {
		ok = mux_sound_packet(muxer, packet) && ok;
	}
	return ok;
}

bool file_muxer_put(struct es_file_muxer *muxer, const struct es_unit *unit, const uint8_t *data) {
	AVStream *stream = muxer->context->streams[0];
	AVPacket *packet = muxer->packet;
	int64_t pts = next_pts(muxer, unit->times.commit_ns);
	// movenc wants the first fragment to begin at 0 in each track that is in it; later ones are announced.
	bool first = muxer->last_pts < 0;
	bool ok = announce_fragment(muxer, pts) && (first || mux_sound(muxer));
	// The packet has no buffer of its own: muxers copy what they keep.
	packet->data = (uint8_t *)(uintptr_t)data;
	packet->size = (int)unit->size;
	packet->pts = packet->dts = pts;
	packet->duration = av_rescale_q(1, av_inv_q(stream->avg_frame_rate), stream->time_base);
	packet->flags = unit->idr ? AV_PKT_FLAG_KEY : 0;
	packet->time_base = stream->time_base;
	ok = ok && av_write_frame(muxer->context, packet) >= 0;
	// Ends the cluster or fragment, so that the file is complete here.
	ok = av_write_frame(muxer->context, NULL) >= 0 && ok;
	avio_flush(muxer->context->pb);
	if (ok) {
		muxer->last_pts = pts;
	}
	return ok && muxer->context->pb->error == 0;
}

void file_muxer_rollback(struct es_file_muxer *muxer) {
	file_output_rollback(muxer->output);
	muxer->context->pb->error = 0;
	avio_seek(muxer->context->pb, muxer->output->good, SEEK_SET);
}

void file_muxer_put_sound(struct es_file_muxer *muxer) {
	announce_sound(muxer);
	mux_sound(muxer);
	av_write_frame(muxer->context, NULL);
	avio_flush(muxer->context->pb);
}

bool file_muxer_end(struct es_file_muxer *muxer, bool with_sound) {
	if (with_sound && muxer->sound != NULL) {
		announce_sound(muxer);
		mux_sound(muxer);
	}
	bool ok = av_write_trailer(muxer->context) >= 0;
	avio_flush(muxer->context->pb);
	return ok;
}
