#include "stream/sink_file.h"

#include <errno.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "stream/file_output.h"
#include "stream/file_sound.h"

#define AVIO_BUFFER_SIZE (64 << 10)
#define MP4_TIMESCALE 90000
#define TS_DELAY_US 100000
#define SOUND_RATE 48000
// Sound that does not come in a picture's company goes out alone, so many packets at a time.
#define SOUND_ALONE 25
// Packets this close follow each other without a gap: 10 ms.
#define SOUND_SLACK (SOUND_RATE / 100)

struct es_sink_file {
	struct es_sink base;

	// owned
	struct es_file_output output;
	AVFormatContext *muxer; // NULL for bare units
	AVPacket *packet;
	AVPacket *empty; // without data
	uint8_t *headers;
	size_t headers_size;
	struct es_file_sound *sound; // NULL: none

	// state
	enum es_container container;
	struct es_sink_track track; // without headers
	bool has_track, opened, finished;
	bool size_logged;
	int64_t first_ns, last_pts;
	int fd; // borrowed from output
	struct es_unit unit; // taken in
	int64_t packetized_ns, sent_ns; // of that unit
	int64_t sound_padding,
			sound_end; // samples at 48 kHz; what the encoder begins with, and the track's end
	bool has_sound; // in the track
	bool sound_flushing; // it is going out by itself, between two units
	bool sound_failed; // not told yet
	const uint8_t *deferred; // the unit's bytes, while it waits for that; NULL: it does not
	bool has_sent, reader_gone; // not told yet
	char path[ES_SESSION_MAX_TEXT];
};

static const struct {
	enum AVCodecID id;
	const char *name;
} codecs[ES_CODEC_COUNT] = {
		[ES_CODEC_H264] = {AV_CODEC_ID_H264, "H.264"},
		[ES_CODEC_HEVC] = {AV_CODEC_ID_HEVC, "HEVC"},
		[ES_CODEC_AV1] = {AV_CODEC_ID_AV1, "AV1"},
};

static const struct {
	const char *muxer, *name;
} containers[] = {
		[ES_CONTAINER_MKV] = {"matroska", "Matroska"},
		[ES_CONTAINER_MP4] = {"mp4", "MP4"},
		[ES_CONTAINER_TS] = {"mpegts", "MPEG-TS"},
		[ES_CONTAINER_RAW] = {NULL, "raw"},
};

// Void: its ID and a size field of 8 bytes. libavformat complains of a file that ends
// inside any element, so there is always a whole one at the end.
static void make_void(uint64_t size, uint8_t *out) {
	uint64_t length = size - 9;
	out[0] = 0xec;
	out[1] = 0x01;
	for (int i = 0; i < 7; i++) {
		out[2 + i] = (uint8_t)(length >> (8 * (6 - i)));
	}
}

// A free box.
static void make_free(uint64_t size, uint8_t *out) {
	for (int i = 0; i < 4; i++) {
		out[i] = (uint8_t)(size >> (8 * (3 - i)));
	}
	memcpy(out + 4, "free", 4);
}

static const struct es_shelter shelters[] = {
		[ES_CONTAINER_MKV] = {9, make_void, 256 << 10},
		[ES_CONTAINER_MP4] = {8, make_free, 0},
};

static enum es_sink_result fail(struct es_sink_file *file, const char *text) {
	snprintf(file->base.error, sizeof(file->base.error), "%s", text);
	return ES_SINK_FAILED;
}

static const char *remedy(int error) {
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "; what was written before is kept: free some space, or choose another place with "
			   "-o";
	case EFBIG:
		return "; what was written before is kept: the file system or a limit (ulimit -f) allows "
			   "no "
			   "longer file";
	default:
		return "; what was written before is kept: check the device, or choose another place with "
			   "-o";
	}
}

static int on_write(void *opaque, const uint8_t *data, int size) {
	struct es_sink_file *file = opaque;
	return file_output_write(&file->output, data, (size_t)size) ? size
																: AVERROR(file->output.error);
}

static int64_t on_seek(void *opaque, int64_t offset, int whence) {
	struct es_sink_file *file = opaque;
	if (whence == AVSEEK_SIZE) {
		return file_output_end(&file->output);
	}
	if (whence == SEEK_CUR) {
		offset += file->output.position;
	} else if (whence == SEEK_END) {
		offset += file_output_end(&file->output);
	}
	return file_output_seek(&file->output, offset) ? offset : AVERROR(ESPIPE);
}

static bool add_sound_track(struct es_sink_file *file) {
	AVStream *stream = avformat_new_stream(file->muxer, NULL);
	uint8_t head[64];
	size_t size = file_sound_head(file->sound, head);
	if (stream == NULL) {
		return false;
	}
	AVCodecParameters *parameters = stream->codecpar;
	parameters->codec_type = AVMEDIA_TYPE_AUDIO;
	parameters->codec_id = AV_CODEC_ID_OPUS;
	parameters->sample_rate = SOUND_RATE;
	parameters->frame_size = ES_FILE_SOUND_PACKET_MS * SOUND_RATE / 1000;
	file->sound_padding = head[10] | head[11] << 8;
	parameters->initial_padding = (int)file->sound_padding;
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

static bool create_muxer(struct es_sink_file *file) {
	const char *name = containers[file->container].muxer;
	if (avformat_alloc_output_context2(&file->muxer, NULL, name, NULL) < 0) {
		return false;
	}
	uint8_t *buffer = av_malloc(AVIO_BUFFER_SIZE);
	if (buffer == NULL) {
		return false;
	}
	file->muxer->pb =
			avio_alloc_context(buffer, AVIO_BUFFER_SIZE, 1, file, NULL, on_write, on_seek);
	if (file->muxer->pb == NULL) {
		av_free(buffer);
		return false;
	}
	file->muxer->pb->seekable = file_output_seekable(&file->output) ? AVIO_SEEKABLE_NORMAL : 0;
	file->muxer->flags |= AVFMT_FLAG_CUSTOM_IO;
	// Without random ids: /dev/urandom is out of reach, and libavformat would gather randomness by
	// keeping the processor busy for 100 ms.
	file->muxer->flags |= AVFMT_FLAG_BITEXACT;
	return avformat_new_stream(file->muxer, NULL) != NULL &&
			(file->sound == NULL || add_sound_track(file));
}

static void destroy_muxer(struct es_sink_file *file) {
	if (file->muxer == NULL) {
		return;
	}
	if (file->muxer->pb != NULL) {
		av_freep(&file->muxer->pb->buffer);
		avio_context_free(&file->muxer->pb);
	}
	avformat_free_context(file->muxer);
	file->muxer = NULL;
}

static void sink_file_destroy(struct es_sink *sink) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	destroy_muxer(file);
	av_packet_free(&file->packet);
	av_packet_free(&file->empty);
	free(file->headers);
	file_sound_destroy(file->sound);
	file_output_finish(&file->output);
	free(file);
}

static enum es_sink_result sink_file_set_track(
		struct es_sink *sink, const struct es_sink_track *track) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	char text[ES_SESSION_MAX_TEXT];
	if (file->has_track && file->muxer != NULL && track->codec != file->track.codec) {
		snprintf(text, sizeof(text),
				"cannot go on with %s in %.300s: its track is %s; the file ends here",
				codecs[track->codec].name, file->path, codecs[file->track.codec].name);
		return fail(file, text);
	}
	// libavformat (9.0) has no mapping of AV1 to MPEG-TS: nothing could play the result.
	if (file->container == ES_CONTAINER_TS && track->codec == ES_CODEC_AV1) {
		snprintf(text, sizeof(text),
				"cannot write AV1 to %.300s: MPEG-TS does not carry it; use .mkv or .mp4, or -c "
				"h264",
				file->path);
		return fail(file, text);
	}
	bool resized = track->mode.width != file->track.mode.width ||
			track->mode.height != file->track.mode.height;
	if (file->opened && file->muxer != NULL && resized && !file->size_logged) {
		file->size_logged = true;
		es_log(ES_LOG_WARN,
				"%s: the picture is %ux%u from here on, the file's header says %ux%u; players "
				"follow "
				"the stream's own headers",
				file->path, track->mode.width, track->mode.height, file->track.mode.width,
				file->track.mode.height);
	}
	if (file->opened) {
		return ES_SINK_OK;
	}
	free(file->headers);
	file->headers_size = 0;
	file->headers = calloc(1, track->headers_size + AV_INPUT_BUFFER_PADDING_SIZE);
	if (file->headers == NULL) {
		return fail(file, "out of memory");
	}
	if (track->headers_size > 0) {
		memcpy(file->headers, track->headers, track->headers_size);
	}
	file->headers_size = track->headers_size;
	file->track = *track;
	file->track.headers = NULL;
	file->has_track = true;
	return ES_SINK_OK;
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

static bool fill_parameters(struct es_sink_file *file, const uint8_t *data, size_t size) {
	AVStream *stream = file->muxer->streams[0];
	AVCodecParameters *parameters = stream->codecpar;
	const struct es_colour *colour = &file->track.colour;
	parameters->codec_type = AVMEDIA_TYPE_VIDEO;
	parameters->codec_id = codecs[file->track.codec].id;
	parameters->width = (int)file->track.mode.width;
	parameters->height = (int)file->track.mode.height;
	parameters->format = colour->depth == 10
			? (colour->yuv444 ? AV_PIX_FMT_YUV444P10 : AV_PIX_FMT_YUV420P10)
			: (colour->yuv444 ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P);
	// es_colour and libavutil both number by ITU-T H.273.
	parameters->color_primaries = (enum AVColorPrimaries)colour->primaries;
	parameters->color_trc = (enum AVColorTransferCharacteristic)colour->transfer;
	parameters->color_space = (enum AVColorSpace)colour->matrix;
	parameters->color_range = colour->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	parameters->chroma_location = colour->yuv444 ? AVCHROMA_LOC_UNSPECIFIED : AVCHROMA_LOC_LEFT;
	stream->avg_frame_rate = (AVRational){file->track.mode.refresh_mhz, 1000};
	stream->time_base = (AVRational){1, MP4_TIMESCALE};
	if (file->headers_size == 0) {
		return extract_headers(parameters, data, size);
	}
	parameters->extradata = av_mallocz(file->headers_size + AV_INPUT_BUFFER_PADDING_SIZE);
	if (parameters->extradata == NULL) {
		return false;
	}
	memcpy(parameters->extradata, file->headers, file->headers_size);
	parameters->extradata_size = (int)file->headers_size;
	return true;
}

static bool set_options(struct es_sink_file *file, AVDictionary **options) {
	switch (file->container) {
	case ES_CONTAINER_MP4:
		// Fragments cut by us, one per unit. A regular file becomes a plain MP4 at the end,
		// because few players seek well in a thousand fragments.
		return av_dict_set(options, "movflags",
					   file_output_seekable(&file->output)
							   ? "hybrid_fragmented+frag_custom"
							   : "empty_moov+default_base_moof+frag_custom+skip_trailer",
					   0) >= 0;
	case ES_CONTAINER_TS:
		file->muxer->max_delay = TS_DELAY_US;
		return true;
	default:
		return true;
	}
}

static bool open_muxer(struct es_sink_file *file, const uint8_t *data, size_t size) {
	AVDictionary *options = NULL;
	bool ok = create_muxer(file) && fill_parameters(file, data, size) &&
			set_options(file, &options) && avformat_write_header(file->muxer, &options) >= 0;
	av_dict_free(&options);
	return ok;
}

// Surface-commit times in the track's ticks, strictly ascending.
static int64_t next_pts(struct es_sink_file *file, int64_t commit_ns) {
	AVRational ns = {1, (int)ES_NS_PER_S};
	int64_t pts = av_rescale_q(commit_ns - file->first_ns, ns, file->muxer->streams[0]->time_base);
	// In MP4 one tick more, for announce_fragment.
	int64_t step = file->container == ES_CONTAINER_MP4 ? 2 : 1;
	return pts >= file->last_pts + step ? pts : file->last_pts + step;
}

// movenc moves a fragment to where the one before was expected to end, unless it is told that there
// is a gap; it looks at that only after it has checked the packet's time, so an empty packet,
// which it drops, has to bring the news. (What it may log about that one is of no interest.)
static bool announce_fragment(struct es_sink_file *file, int64_t pts) {
	if (file->container != ES_CONTAINER_MP4 || file->last_pts < 0) {
		return true;
	}
	AVPacket *packet = file->empty;
	packet->pts = packet->dts = pts - 1;
	packet->time_base = file->muxer->streams[0]->time_base;
	return av_opt_set(file->muxer->priv_data, "movflags", "+frag_discont", 0) >= 0 &&
			av_write_frame(file->muxer, packet) >= 0;
}

// As announce_fragment, for one that holds only sound.
static void announce_sound(struct es_sink_file *file) {
	if (file->container == ES_CONTAINER_MP4 && file_sound_waiting(file->sound) > 0) {
		announce_fragment(file, ++file->last_pts + 1);
	}
}

static bool mux_sound_packet(struct es_sink_file *file, const struct es_file_packet *sound) {
	AVStream *stream = file->muxer->streams[1];
	AVPacket *packet = file->packet;
	AVRational ns = {1, (int)ES_NS_PER_S}, samples = {1, SOUND_RATE};
	int64_t pts = av_rescale_q(sound->time_ns - file->first_ns, ns, samples) - file->sound_padding;
	if (pts < 0) {
		return true; // before the first picture
	}
	if (file->has_sound && pts < file->sound_end + SOUND_SLACK) {
		pts = file->sound_end;
	}
	file->has_sound = true;
	file->sound_end = pts + sound->n_frames;
	packet->data = (uint8_t *)(uintptr_t)sound->data;
	packet->size = (int)sound->size;
	packet->stream_index = 1;
	packet->pts = packet->dts = pts;
	packet->duration = sound->n_frames;
	packet->flags = AV_PKT_FLAG_KEY;
	packet->time_base = samples;
	av_packet_rescale_ts(packet, samples, stream->time_base);
	bool ok = av_write_frame(file->muxer, packet) >= 0;
	packet->stream_index = 0;
	return ok;
}

static bool mux_sound(struct es_sink_file *file) {
	const struct es_file_packet *packet;
	bool ok = true;
	while (file->sound != NULL && (packet = file_sound_next(file->sound)) != NULL) {
		ok = mux_sound_packet(file, packet) && ok;
	}
	return ok;
}

static bool mux(struct es_sink_file *file, const struct es_unit *unit, const uint8_t *data) {
	AVStream *stream = file->muxer->streams[0];
	AVPacket *packet = file->packet;
	int64_t pts = next_pts(file, unit->times.commit_ns);
	bool ok = announce_fragment(file, pts) && mux_sound(file);
	// The packet has no buffer of its own: muxers copy what they keep.
	packet->data = (uint8_t *)(uintptr_t)data;
	packet->size = (int)unit->size;
	packet->pts = packet->dts = pts;
	packet->duration = av_rescale_q(1, av_inv_q(stream->avg_frame_rate), stream->time_base);
	packet->flags = unit->idr ? AV_PKT_FLAG_KEY : 0;
	packet->time_base = stream->time_base;
	ok = ok && av_write_frame(file->muxer, packet) >= 0;
	// Ends the cluster or fragment, so that the file is complete here.
	ok = av_write_frame(file->muxer, NULL) >= 0 && ok;
	avio_flush(file->muxer->pb);
	if (ok) {
		file->last_pts = pts;
	}
	return ok && file->muxer->pb->error == 0;
}

static void rollback(struct es_sink_file *file) {
	file_output_rollback(&file->output);
	file->muxer->pb->error = 0;
	avio_seek(file->muxer->pb, file->output.good, SEEK_SET);
}

// Ends the file at its last good unit after a failed write.
static enum es_sink_result fail_output(struct es_sink_file *file) {
	int error = file->output.error;
	char text[ES_SESSION_MAX_TEXT];
	if (error == EPIPE) {
		snprintf(text, sizeof(text), "cannot write %.200s: its reader is gone", file->path);
	} else {
		snprintf(text, sizeof(text), "cannot write %.200s: %s%s", file->path, strerror(error),
				remedy(error));
	}
	if (file_output_seekable(&file->output) && file->muxer != NULL && !file->finished) {
		file->finished = true;
		rollback(file);
		if (file->base.n_units > 0) {
			av_write_trailer(file->muxer);
			avio_flush(file->muxer->pb);
			file_output_flush(&file->output);
		}
		if (file->output.error != 0) {
			file_output_rollback(&file->output);
		} else {
			file_output_close_shelter(&file->output);
		}
	} else if (file_output_seekable(&file->output)) {
		file_output_rollback(&file->output);
	}
	return fail(file, text);
}

static enum es_sink_result write_unit(
		struct es_sink_file *file, const struct es_unit *unit, const uint8_t *data) {
	if (file->container == ES_CONTAINER_RAW) {
		file->opened = true;
		file_output_lend(&file->output, data, unit->size);
		return ES_SINK_OK;
	}
	if (!file->opened) {
		file->first_ns = unit->times.commit_ns;
		file->last_pts = -2; // so that the first is 0
		if (!open_muxer(file, data, unit->size)) {
			destroy_muxer(file);
			file_output_rollback(&file->output);
			return ES_SINK_BAD_UNIT;
		}
		file->opened = true;
	}
	if (!mux(file, unit, data)) {
		if (file->output.error != 0) {
			return fail_output(file);
		}
		rollback(file);
		return ES_SINK_BAD_UNIT;
	}
	return ES_SINK_OK;
}

static enum es_sink_result sink_file_write(
		struct es_sink *sink, const struct es_unit *unit, const uint8_t *data) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	enum es_sink_result result = ES_SINK_OK;
	if (file->sound_flushing) {
		file->deferred = data;
	} else {
		result = write_unit(file, unit, data);
	}
	file->unit = *unit;
	file->packetized_ns = clock_now_ns();
	return result;
}

// Sound that waits for the next picture while none comes. The fragment that it makes tells no time of its own
// to movenc, which has the pictures' (announce_fragment).
static void flush_sound(struct es_sink_file *file) {
	if (!file->sound_flushing) {
		if (file->sound == NULL || file->muxer == NULL || file->base.n_units == 0 ||
				file->finished || file_sound_waiting(file->sound) < SOUND_ALONE) {
			return;
		}
		announce_sound(file);
		mux_sound(file);
		av_write_frame(file->muxer, NULL);
		avio_flush(file->muxer->pb);
	}
	enum es_sink_result result = file_output_flush(&file->output);
	file->sound_flushing = result == ES_SINK_AGAIN;
	file->base.n_bytes = (uint64_t)file->output.base;
	if (result == ES_SINK_FAILED) {
		fail_output(file);
		file->sound_failed = true;
	}
}

// The unit that had to wait until the sound was out.
static enum es_sink_result write_deferred(struct es_sink_file *file) {
	flush_sound(file);
	if (file->sound_flushing) {
		return ES_SINK_AGAIN;
	}
	const uint8_t *data = file->deferred;
	file->deferred = NULL;
	if (file->sound_failed) {
		return ES_SINK_FAILED;
	}
	return write_unit(file, &file->unit, data) == ES_SINK_OK
			? ES_SINK_OK
			: fail(file, "the muxer refuses a picture behind sound");
}

static enum es_sink_result sink_file_flush(struct es_sink *sink) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	if (file->deferred != NULL) {
		enum es_sink_result written = write_deferred(file);
		if (written != ES_SINK_OK) {
			return written;
		}
	}
	enum es_sink_result result = file_output_flush(&file->output);
	sink->n_bytes = (uint64_t)file->output.base;
	if (result == ES_SINK_OK && file->finished) {
		file_output_close_shelter(&file->output);
	} else if (result == ES_SINK_OK) {
		sink->n_units++;
		file->sent_ns = clock_now_ns();
		file->has_sent = true;
		// The first unit came with the file's header: without them there is nothing to play.
		if (file->container == ES_CONTAINER_MKV || file->container == ES_CONTAINER_MP4) {
			file_output_set_shelter(&file->output, &shelters[file->container]);
		}
	}
	return result == ES_SINK_FAILED ? fail_output(file) : result;
}

static enum es_sink_result sink_file_finish(struct es_sink *sink, uint32_t reason) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	if (file->finished || sink->n_units == 0 || file->muxer == NULL) {
		file->finished = true;
		return ES_SINK_OK;
	}
	if (file->sound != NULL) {
		file_sound_end(file->sound);
		announce_sound(file);
		mux_sound(file);
	}
	file->finished = true;
	bool ok = av_write_trailer(file->muxer) >= 0;
	avio_flush(file->muxer->pb);
	if (file->output.error != 0) {
		return fail_output(file);
	}
	if (!ok) {
		file_output_rollback(&file->output);
		es_log(ES_LOG_WARN, "%s has no index: the muxer could not make one; it plays all the same",
				file->path);
	}
	return ES_SINK_OK;
}

// Without an event asked for, the output still tells that its reader has gone.
static size_t sink_file_poll(
		struct es_sink *sink, struct pollfd *pollfds, bool flushing, int64_t *wake_ns) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	bool writing = flushing || file->sound_flushing;
	pollfds[0] = (struct pollfd){.fd = file->fd, .events = writing ? POLLOUT : 0};
	*wake_ns = ES_SINK_NEVER;
	if (file->sound == NULL) {
		return 1;
	}
	pollfds[1] = (struct pollfd){.fd = file_sound_fd(file->sound), .events = POLLIN};
	*wake_ns = file_sound_wake_ns(file->sound);
	return 2;
}

static void sink_file_dispatch(struct es_sink *sink, const struct pollfd *pollfds, size_t n) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	if (pollfds[0].events == 0 && pollfds[0].revents != 0) {
		file->reader_gone = true;
	}
	if (file->sound == NULL) {
		return;
	}
	if (n > 1 && pollfds[1].revents != 0) {
		file_sound_dispatch(file->sound);
	}
	file_sound_tick(file->sound, clock_now_ns());
	// Not while a unit is on its way: `deferred` waits for us, anything else for itself.
	if (file->sound_flushing ? file->deferred == NULL : file->output.pending_size == 0) {
		flush_sound(file);
	}
}

static void sink_file_take_device(struct es_sink *sink, int fd) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	if (file->sound != NULL) {
		file_sound_attach(file->sound, fd);
	} else {
		fd_close(&fd);
	}
}

static void sink_file_fill_sound(struct es_sink *sink, struct es_sound_stats *stats) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	if (file->sound != NULL) {
		file_sound_fill(file->sound, stats);
	}
}

static bool sink_file_next_event(struct es_sink *sink, struct es_sink_event *event) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	if (file->has_sent) {
		file->has_sent = false;
		*event = (struct es_sink_event){
				.type = ES_SINK_SENT, .sent = {file->unit, file->packetized_ns, file->sent_ns}};
		return true;
	}
	if (file->sound_failed) {
		file->sound_failed = false;
		*event = (struct es_sink_event){.type = ES_SINK_END, .end = {.code = ES_END_FAILED}};
		memcpy(event->end.text, file->base.error, sizeof(event->end.text));
		return true;
	}
	if (file->reader_gone) {
		file->reader_gone = false;
		*event = (struct es_sink_event){.type = ES_SINK_END, .end = {.code = ES_END_FAILED}};
		snprintf(event->end.text, sizeof(event->end.text),
				"cannot write %.300s: its reader is gone", file->path);
		return true;
	}
	return false;
}

static const struct es_sink_impl sink_file_impl = {
		.destroy = sink_file_destroy,
		.set_track = sink_file_set_track,
		.write = sink_file_write,
		.flush = sink_file_flush,
		.finish = sink_file_finish,
		.poll = sink_file_poll,
		.dispatch = sink_file_dispatch,
		.next_event = sink_file_next_event,
		.take_device = sink_file_take_device,
		.fill_sound = sink_file_fill_sound,
};

struct es_sink *sink_file_create(
		int fd, enum es_container container, const char *path, uint8_t audio_channels) {
	struct es_sink_file *file = calloc(1, sizeof(*file));
	if (file == NULL) {
		es_log(ES_LOG_ERROR, "cannot write %s: out of memory", path);
		fd_close(&fd);
		return NULL;
	}
	file->base = (struct es_sink){.impl = &sink_file_impl};
	file->fd = fd;
	file->container = container;
	snprintf(file->path, sizeof(file->path), "%s", path);
	bool ok = file_output_init(&file->output, fd);
	if (audio_channels > 0 && container != ES_CONTAINER_RAW) {
		file->sound = file_sound_create(audio_channels); // without it there are the pictures
	}
	file->packet = av_packet_alloc();
	file->empty = av_packet_alloc();
	if (!ok || file->packet == NULL || file->empty == NULL) {
		es_log(ES_LOG_ERROR, "cannot write %s: out of memory", path);
		sink_file_destroy(&file->base);
		return NULL;
	}
	return &file->base;
}
