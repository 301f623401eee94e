// The bytes of a recording (NAME.esr): a header and then records, each with its length and a checksum,
// only ever appended. Whatever of a file is there can be read up to the last whole record.
//
//   header   "ESRECORD", le16 version, le16 flags, le64 start (ms since 1970), le32 CRC of these
//   record   le16 size of what follows the CRC, u8 kind, u8 0, le32 CRC of all but itself, bytes
//
// The first record names the columns of samples, the second those of frames, so that a file of
// another version can still be read. Nothing here does any input or output.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_RECORDING_HEADER 24
#define ES_RECORDING_RECORD_HEADER 8
#define ES_RECORDING_RECORD_MAX (ES_RECORDING_RECORD_HEADER + 4096)
#define ES_RECORDING_COLUMNS 96
#define ES_RECORDING_COLUMN_NAME 32
#define ES_RECORDING_TRACKS 64 // sessions in one recording
#define ES_RECORDING_FRAMES 64 // in one record
#define ES_RECORDING_TITLES 8 // that a list shows

#define ES_RECORDING_WITH_FRAMES 1 // flags

enum es_recording_kind {
	ES_RECORDING_SAMPLE_COLUMNS = 1,
	ES_RECORDING_FRAME_COLUMNS,
	ES_RECORDING_TRACK, // a session, when it begins and when something about it changes
	ES_RECORDING_SAMPLE, // one window of one session
	ES_RECORDING_FRAME_ROWS,
	ES_RECORDING_END,
};

struct es_recording_header {
	uint16_t flags;
	int64_t started_ms; // since 1970
};

struct es_recording_names {
	uint32_t n;
	char names[ES_RECORDING_COLUMNS][ES_RECORDING_COLUMN_NAME]; // [a-z0-9_]+
};

struct es_recording_track {
	uint8_t track; // < ES_RECORDING_TRACKS
	uint32_t at_ms; // from here on
	uint32_t session, app;
	char title[128], client[128];
	uint32_t width, height;
	int32_t refresh_mhz;
	char encoder[32], codec[16];
};

struct es_recording_sample {
	uint8_t track;
	uint32_t at_ms; // the window's end
	uint32_t n; // as many as there are columns
	uint32_t values[ES_RECORDING_COLUMNS];
};

struct es_recording_frames {
	uint8_t track;
	uint32_t dropped; // rows that were lost before these
	uint32_t n_columns, n_rows;
	uint64_t at_us[ES_RECORDING_FRAMES];
	uint32_t values[ES_RECORDING_FRAMES][ES_RECORDING_COLUMNS];
};

// What a list shows of a recording.
struct es_recording_summary {
	uint32_t length_ms;
	uint32_t n_tracks, n_titles;
	char titles[ES_RECORDING_TITLES][128]; // of different apps
	uint64_t n_samples, n_frames, frames_left_out;
	uint64_t frames_new, frames_repeated, frames_superseded, frames_dropped, bytes;
	uint64_t datagrams, datagrams_lost;
	// From commit to the last datagram: means over the windows, weighted by their frames; and the worst.
	uint32_t total_p50_us, total_p99_us, total_max_us;
};

struct es_recording_end {
	char reason[256]; // "": as asked
	struct es_recording_summary summary;
};

struct es_recording_record {
	enum es_recording_kind kind;
	const uint8_t *data; // within what was parsed
	size_t size;
};

size_t recording_put_header(
		const struct es_recording_header *header, uint8_t out[ES_RECORDING_HEADER]);
bool recording_get_header(struct es_recording_header *header, const void *data, size_t size);

enum es_recording_next {
	ES_RECORDING_RECORD, // *used bytes are its
	ES_RECORDING_MORE, // there is no whole one yet
	ES_RECORDING_BROKEN, // nothing from here on can be used
};
enum es_recording_next recording_next(
		const uint8_t *data, size_t size, struct es_recording_record *record, size_t *used);

// Each returns the bytes of the whole record in out[ES_RECORDING_RECORD_MAX]; 0: it does not fit.
size_t recording_put_names(
		enum es_recording_kind kind, const struct es_recording_names *names, uint8_t *out);
size_t recording_put_track(const struct es_recording_track *track, uint8_t *out);
size_t recording_put_sample(const struct es_recording_sample *sample, uint8_t *out);
size_t recording_put_frames(const struct es_recording_frames *frames, uint8_t *out);
size_t recording_put_end(const struct es_recording_end *end, uint8_t *out);

// Each takes a record of its kind; false: there is something wrong with it. Texts are terminated.
bool recording_get_names(
		struct es_recording_names *names, const struct es_recording_record *record);
bool recording_get_track(
		struct es_recording_track *track, const struct es_recording_record *record);
bool recording_get_sample(
		struct es_recording_sample *sample, const struct es_recording_record *record);
bool recording_get_frames(struct es_recording_frames *frames,
		const struct es_recording_record *record, uint32_t n_columns);
bool recording_get_end(struct es_recording_end *end, const struct es_recording_record *record);
