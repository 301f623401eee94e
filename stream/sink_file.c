#include "stream/sink_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "stream/file_muxer.h"
#include "stream/file_output.h"
#include "stream/file_sound.h"

// Sound that does not come in a picture's company goes out alone, so many packets at a time.
#define SOUND_ALONE 25

struct es_sink_file {
	struct es_sink base;

	// owned
	struct es_file_output output;
	struct es_file_muxer *muxer; // NULL for bare units, and until it is opened
	uint8_t *headers; // the track's
	struct es_file_sound *sound; // NULL: none

	// state
	enum es_container container;
	struct es_sink_track track;
	bool has_track, opened, finished;
	bool size_logged;
	int fd; // borrowed from output
	struct es_unit unit; // taken in
	int64_t packetized_ns, sent_ns; // of that unit
	bool sound_flushing; // it is going out by itself, between two units
	bool sound_failed; // not told yet
	const uint8_t *deferred; // the unit's bytes, while it waits for that; NULL: it does not
	bool has_sent, reader_gone; // not told yet
	char path[ES_SESSION_MAX_TEXT];
};

static const char *const codec_titles[ES_CODEC_COUNT] = {
		[ES_CODEC_H264] = "H.264",
		[ES_CODEC_HEVC] = "HEVC",
		[ES_CODEC_AV1] = "AV1",
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

static void sink_file_destroy(struct es_sink *sink) {
	struct es_sink_file *file = (struct es_sink_file *)sink;
	file_muxer_destroy(file->muxer);
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
				codec_titles[track->codec], file->path, codec_titles[file->track.codec]);
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
	file->headers = malloc(track->headers_size + 1);
	if (file->headers == NULL) {
		return fail(file, "out of memory");
	}
	if (track->headers_size > 0) {
		memcpy(file->headers, track->headers, track->headers_size);
	}
	file->track = *track;
	file->track.headers = file->headers;
	file->has_track = true;
	return ES_SINK_OK;
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
		file_muxer_rollback(file->muxer);
		if (file->base.n_units > 0) {
			file_muxer_end(file->muxer, false);
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
		file->muxer = file_muxer_create(file->container, &file->output, file->sound);
		if (file->muxer == NULL || !file_muxer_open(file->muxer, &file->track, unit, data)) {
			file_muxer_destroy(file->muxer);
			file->muxer = NULL;
			file_output_rollback(&file->output);
			return ES_SINK_BAD_UNIT;
		}
		file->opened = true;
	}
	if (!file_muxer_put(file->muxer, unit, data)) {
		if (file->output.error != 0) {
			return fail_output(file);
		}
		file_muxer_rollback(file->muxer);
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
		file_muxer_put_sound(file->muxer);
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
	}
	file->finished = true;
	bool ok = file_muxer_end(file->muxer, true);
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
	if (!ok) {
		es_log(ES_LOG_ERROR, "cannot write %s: out of memory", path);
		sink_file_destroy(&file->base);
		return NULL;
	}
	return &file->base;
}
