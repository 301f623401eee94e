// Recordings of statistics: whatever lies in a file, what is read of it is whole; in pieces as at once;
// and what is told of it are columns of one length. The first byte says whether checksums are put
// right, so that what lies behind them is reached.
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include <isa-l/crc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <yyjson.h>

#include "host/recording_table.h"

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "recording: %s\n", what);
		abort();
	}
}

static void put_crc(uint8_t *at, uint32_t crc) {
	for (int i = 0; i < 4; i++) {
		at[i] = (uint8_t)(crc >> 8 * i);
	}
}

static void mend(uint8_t *data, size_t size) {
	if (size < ES_RECORDING_HEADER) {
		return;
	}
	put_crc(data + 20, crc32_gzip_refl(0, data, 20));
	size_t at = ES_RECORDING_HEADER;
	while (size - at >= ES_RECORDING_RECORD_HEADER) {
		size_t length = data[at] | (size_t)data[at + 1] << 8;
		if (size - at - ES_RECORDING_RECORD_HEADER < length) {
			return;
		}
		uint32_t crc = crc32_gzip_refl(0, data + at, 4);
		put_crc(data + at + 4, crc32_gzip_refl(crc, data + at + 8, length));
		at += ES_RECORDING_RECORD_HEADER + length;
	}
}

struct seen {
	const struct es_recording_reader *reader;
	uint64_t sum;
	unsigned n;
};

static void see_track(void *data, const struct es_recording_track *track) {
	struct seen *seen = data;
	require(track->track < ES_RECORDING_TRACKS, "a track's number");
	require(memchr(track->title, 0, sizeof(track->title)) != NULL, "a title's end");
	seen->sum = seen->sum * 31 + track->session;
	seen->n++;
}

static void see_sample(void *data, const struct es_recording_sample *sample) {
	struct seen *seen = data;
	require(sample->n == seen->reader->sample_names.n && sample->track < ES_RECORDING_TRACKS,
			"a sample's shape");
	seen->sum = seen->sum * 31 + sample->values[sample->n - 1];
	seen->n++;
}

static void see_frames(void *data, const struct es_recording_frames *frames) {
	struct seen *seen = data;
	require(frames->n_rows <= ES_RECORDING_FRAMES && frames->track < ES_RECORDING_TRACKS,
			"a frame's shape");
	seen->sum = seen->sum * 31 + frames->n_rows;
	seen->n++;
}

static struct seen take(
		struct es_recording_reader *reader, const uint8_t *data, size_t size, size_t piece) {
	struct seen seen = {.reader = reader};
	const struct es_recording_visitor visitor = {
			.data = &seen, .track = see_track, .sample = see_sample, .frames = see_frames};
	recording_reader_init(reader, &visitor);
	size_t at = 0;
	for (size_t end = piece < size ? piece : size;; end = size - end > piece ? end + piece : size) {
		at += recording_reader_take(reader, data + at, end - at);
		if (end == size) {
			break;
		}
	}
	require(reader->used == at && at <= size, "what was used");
	return seen;
}

static void check_tables(const uint8_t *data, size_t size, enum es_recording_rows rows) {
	static int fd = -1;
	if (fd < 0) {
		fd = memfd_create("recording", MFD_CLOEXEC);
	}
	require(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size,
			"memory");
	struct es_recording_tables *tables = recording_tables_load(fd, rows, 2);
	require(tables != NULL, "tables");
	for (size_t track = 0; track < ES_RECORDING_TRACKS; track++) {
		size_t length, i, n;
		if (tables->tables[track].n_rows == 0) {
			continue;
		}
		require(tables->tables[track].n_rows <= 2, "points");
		char *text = recording_table_json(tables, track, &length);
		yyjson_doc *doc = yyjson_read(text, length, 0);
		yyjson_val *key, *column;
		yyjson_obj_foreach(yyjson_doc_get_root(doc), i, n, key, column) {
			require(yyjson_arr_size(column) == tables->tables[track].n_rows, "a column's length");
		}
		require(n == tables->n_columns + 1, "columns");
		yyjson_doc_free(doc);
		free(text);
	}
	size_t length;
	char *csv = recording_tables_csv(tables, &length);
	require(csv != NULL && strlen(csv) == length, "lines");
	free(csv);
	recording_tables_destroy(tables);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct es_recording_reader whole, pieces;
	if (size < 2) {
		return 0;
	}
	uint8_t how = data[0];
	size_t n = size - 1;
	uint8_t *copy = malloc(n); // to the byte, for who looks after its end
	memcpy(copy, data + 1, n);
	if (how % 4 != 0) {
		mend(copy, n);
	}
	struct seen at_once = take(&whole, copy, n, n), bit_by_bit = take(&pieces, copy, n, 1 + how);
	require(at_once.sum == bit_by_bit.sum && at_once.n == bit_by_bit.n &&
					whole.used == pieces.used && whole.complete == pieces.complete,
			"in pieces as at once");
	// Much dearer than all before it: for some of those that are worth it.
	if (whole.begun && at_once.n > 1 && at_once.sum % 8 == 0) {
		check_tables(copy, n, how % 2 ? ES_RECORDING_WINDOWS : ES_RECORDING_SINGLE_FRAMES);
	}
	free(copy);
	return 0;
}

// A recording of a few rows; with fewer columns than real ones have, and so more of them in an input.
size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const struct es_recording_names samples = {3, {"total_p50_us", "frames_new", "bytes"}},
										   frames = {2, {"kind", "bytes"}};
	uint8_t bytes[8 * ES_RECORDING_RECORD_MAX];
	struct es_recording_track track = {
			.session = 3, .title = "t", .client = "c", .encoder = "x264"};
	struct es_recording_sample sample = {.n = 3, .values = {8000, 60, 125000}};
	static struct es_recording_frames rows = {.n_columns = 2, .n_rows = 2};
	const struct es_recording_end end = {.reason = "full", .summary = {.n_titles = 1}};
	const struct es_recording_header header = {.flags = 1, .started_ms = 1};
	if (index > 3) {
		return 0;
	}
	bytes[0] = (uint8_t)index;
	size_t n = 1 + recording_put_header(&header, bytes + 1);
	n += recording_put_names(ES_RECORDING_SAMPLE_COLUMNS, &samples, bytes + n);
	n += recording_put_names(ES_RECORDING_FRAME_COLUMNS, &frames, bytes + n);
	n += recording_put_track(&track, bytes + n);
	for (uint32_t i = 0; i < index + 2; i++) {
		sample.at_ms = 1000 * i;
		n += recording_put_sample(&sample, bytes + n);
	}
	n += recording_put_frames(&rows, bytes + n);
	n += index == 2 ? recording_put_end(&end, bytes + n) : 0;
	if (n > cap) {
		return 0;
	}
	memcpy(out, bytes, n);
	return n;
}
