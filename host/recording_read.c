#include "host/recording_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/recording_tally.h"

#define BUFFER 65536

uint32_t recording_column(const struct es_recording_names *names, const char *name) {
	uint32_t i = 0;
	while (i < names->n && strcmp(names->names[i], name) != 0) {
		i++;
	}
	return i;
}

void recording_reader_init(
		struct es_recording_reader *reader, const struct es_recording_visitor *visitor) {
	memset(reader, 0, sizeof(*reader));
	reader->visitor = *visitor;
}

static bool take_sample(
		struct es_recording_reader *reader, const struct es_recording_record *record) {
	struct es_recording_sample *sample = &reader->scratch.sample;
	if (!recording_get_sample(sample, record) || sample->n == 0 ||
			sample->n != reader->sample_names.n) {
		return false;
	}
	if (reader->visitor.sample != NULL) {
		reader->visitor.sample(reader->visitor.data, sample);
	}
	return true;
}

static bool take_frames(
		struct es_recording_reader *reader, const struct es_recording_record *record) {
	struct es_recording_frames *frames = &reader->scratch.frames;
	if (!recording_get_frames(frames, record, reader->frame_names.n)) {
		return false;
	}
	if (reader->visitor.frames != NULL) {
		reader->visitor.frames(reader->visitor.data, frames);
	}
	return true;
}

static bool take_track(
		struct es_recording_reader *reader, const struct es_recording_record *record) {
	struct es_recording_track *track = &reader->scratch.track;
	if (!recording_get_track(track, record)) {
		return false;
	}
	if (reader->visitor.track != NULL) {
		reader->visitor.track(reader->visitor.data, track);
	}
	return true;
}

static bool take_record(
		struct es_recording_reader *reader, const struct es_recording_record *record) {
	switch (record->kind) {
	case ES_RECORDING_SAMPLE_COLUMNS: // once: rows that were told lean on it
		return reader->sample_names.n == 0 && recording_get_names(&reader->sample_names, record);
	case ES_RECORDING_FRAME_COLUMNS:
		return reader->frame_names.n == 0 && recording_get_names(&reader->frame_names, record);
	case ES_RECORDING_TRACK:
		return take_track(reader, record);
	case ES_RECORDING_SAMPLE:
		return take_sample(reader, record);
	case ES_RECORDING_FRAME_ROWS:
		return take_frames(reader, record);
	case ES_RECORDING_END:
		reader->complete = recording_get_end(&reader->end, record);
		return reader->complete;
	}
	return true; // of a later version
}

size_t recording_reader_take(struct es_recording_reader *reader, const uint8_t *data, size_t size) {
	size_t at = 0, used;
	struct es_recording_record record;
	if (!reader->begun && !reader->broken) {
		if (size < ES_RECORDING_HEADER) {
			return 0;
		}
		reader->begun = recording_get_header(&reader->header, data, size);
		reader->broken = !reader->begun;
		at = reader->begun ? ES_RECORDING_HEADER : 0;
	}
	while (!reader->broken && !reader->complete) {
		enum es_recording_next next = recording_next(data + at, size - at, &record, &used);
		if (next == ES_RECORDING_MORE) {
			break;
		}
		reader->broken = next == ES_RECORDING_BROKEN || !take_record(reader, &record);
		if (!reader->broken) {
			at += used;
		}
	}
	reader->used += at;
	return at;
}

static bool read_on(int fd, struct es_recording_reader *reader, uint8_t *buffer) {
	size_t have = 0;
	off_t at = 0;
	for (;;) {
		ssize_t n = pread(fd, buffer + have, BUFFER - have, at);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return false;
		}
		at += n;
		have += (size_t)n;
		size_t used = recording_reader_take(reader, buffer, have);
		if (n == 0 || reader->broken || reader->complete) {
			errno = 0;
			return reader->begun;
		}
		have -= used;
		memmove(buffer, buffer + used, have);
	}
}

bool recording_read(int fd, struct es_recording_reader *reader) {
	uint8_t *buffer = malloc(BUFFER);
	if (buffer == NULL) {
		errno = ENOMEM;
		return false;
	}
	bool ok = read_on(fd, reader, buffer);
	int reason = errno;
	free(buffer);
	errno = reason;
	return ok;
}

// --- for lists

static bool find_end(int fd, struct es_recording_overview *overview) {
	uint8_t bytes[ES_RECORDING_RECORD_MAX];
	uint8_t tail[4];
	struct es_recording_record record;
	size_t used;
	off_t size = (off_t)overview->size;
	if (pread(fd, tail, sizeof(tail), size - (off_t)sizeof(tail)) != (ssize_t)sizeof(tail)) {
		return false;
	}
	size_t length =
			(size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
	if (length > sizeof(bytes) || length + ES_RECORDING_HEADER > overview->size ||
			pread(fd, bytes, length, size - (off_t)length) != (ssize_t)length) {
		return false;
	}
	return recording_next(bytes, length, &record, &used) == ES_RECORDING_RECORD && used == length &&
			record.kind == ES_RECORDING_END && recording_get_end(&overview->end, &record);
}

static bool go_through(int fd, struct es_recording_overview *overview) {
	struct es_recording_reader *reader = calloc(1, sizeof(*reader));
	struct es_recording_tally *tally = calloc(1, sizeof(*tally));
	bool ok = false;
	int reason = ENOMEM;
	if (reader != NULL && tally != NULL) {
		struct es_recording_visitor visitor;
		recording_tally_init(tally, &reader->sample_names, &visitor);
		recording_reader_init(reader, &visitor);
		ok = recording_read(fd, reader);
		reason = errno;
		overview->complete = reader->complete;
		overview->used = reader->used;
		overview->end.reason[0] = '\0';
		recording_tally_result(tally, &overview->end.summary);
	}
	free(reader);
	free(tally);
	errno = reason;
	return ok;
}

bool recording_look(int fd, struct es_recording_overview *overview) {
	uint8_t header[ES_RECORDING_HEADER];
	struct stat st;
	memset(overview, 0, sizeof(*overview));
	if (fstat(fd, &st) != 0) {
		return false;
	}
	overview->size = (uint64_t)st.st_size;
	ssize_t n = pread(fd, header, sizeof(header), 0);
	if (n < 0) {
		return false;
	}
	errno = 0;
	if (!S_ISREG(st.st_mode) || n != (ssize_t)sizeof(header) ||
			!recording_get_header(&overview->header, header, sizeof(header))) {
		return false;
	}
	overview->complete = find_end(fd, overview);
	overview->used = overview->size;
	return overview->complete || go_through(fd, overview);
}
