#include "host/recording_format.h"

#include <isa-l/crc.h>
#include <string.h>

#include "protocol/bytes.h"

#define VERSION 1

static const char magic[8] = {'E', 'S', 'R', 'E', 'C', 'O', 'R', 'D'};

// --- header and records

size_t recording_put_header(
		const struct es_recording_header *header, uint8_t out[ES_RECORDING_HEADER]) {
	struct es_writer w = writer_init(out, ES_RECORDING_HEADER);
	put_bytes(&w, magic, sizeof(magic));
	put_le16(&w, VERSION);
	put_le16(&w, header->flags);
	put_le64s(&w, header->started_ms);
	put_le32(&w, crc32_gzip_refl(0, out, w.pos));
	return w.pos;
}

bool recording_get_header(struct es_recording_header *header, const void *data, size_t size) {
	struct es_reader r = reader_init(data, size);
	char found[sizeof(magic)];
	get_bytes(&r, found, sizeof(found));
	uint16_t version = get_le16(&r);
	header->flags = get_le16(&r);
	header->started_ms = get_le64s(&r);
	size_t covered = r.pos;
	uint32_t crc = get_le32(&r);
	return r.ok && memcmp(found, magic, sizeof(magic)) == 0 && version == VERSION &&
			header->started_ms >= 0 && crc == crc32_gzip_refl(0, data, covered);
}

static uint32_t record_crc(const uint8_t *record, size_t size) {
	uint32_t crc = crc32_gzip_refl(0, record, 4);
	return crc32_gzip_refl(crc, record + ES_RECORDING_RECORD_HEADER, size);
}

enum es_recording_next recording_next(
		const uint8_t *data, size_t size, struct es_recording_record *record, size_t *used) {
	struct es_reader r = reader_init(data, size);
	size_t length = get_le16(&r);
	record->kind = get_u8(&r);
	uint8_t zero = get_u8(&r);
	uint32_t crc = get_le32(&r);
	if (!r.ok) {
		return ES_RECORDING_MORE;
	}
	if (zero != 0 || length > ES_RECORDING_RECORD_MAX - ES_RECORDING_RECORD_HEADER) {
		return ES_RECORDING_BROKEN;
	}
	if (size - r.pos < length) {
		return ES_RECORDING_MORE;
	}
	record->data = data + r.pos;
	record->size = length;
	*used = r.pos + length;
	return crc == record_crc(data, length) ? ES_RECORDING_RECORD : ES_RECORDING_BROKEN;
}

static struct es_writer begin(uint8_t *out) {
	struct es_writer w = writer_init(out, ES_RECORDING_RECORD_MAX);
	put_le64(&w, 0); // its header, see finish
	return w;
}

static size_t finish(struct es_writer *w, enum es_recording_kind kind) {
	if (!w->ok) {
		return 0;
	}
	size_t size = w->pos - ES_RECORDING_RECORD_HEADER;
	struct es_writer head = writer_init(w->data, ES_RECORDING_RECORD_HEADER);
	put_le16(&head, (uint16_t)size);
	put_u8(&head, (uint8_t)kind);
	put_u8(&head, 0);
	put_le32(&head, record_crc(w->data, size));
	return w->pos;
}

static struct es_reader open_record(const struct es_recording_record *record) {
	return reader_init(record->data, record->size);
}

// --- names of columns

size_t recording_put_names(
		enum es_recording_kind kind, const struct es_recording_names *names, uint8_t *out) {
	struct es_writer w = begin(out);
	put_u8(&w, (uint8_t)names->n);
	for (uint32_t i = 0; i < names->n; i++) {
		put_text(&w, names->names[i], sizeof(names->names[i]));
	}
	return finish(&w, kind);
}

static bool is_name(const char *text) {
	return text[0] != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text);
}

bool recording_get_names(
		struct es_recording_names *names, const struct es_recording_record *record) {
	struct es_reader r = open_record(record);
	names->n = get_u8(&r);
	if (names->n == 0 || names->n > ES_RECORDING_COLUMNS) {
		return false;
	}
	for (uint32_t i = 0; i < names->n; i++) {
		get_text(&r, names->names[i], sizeof(names->names[i]));
		if (!r.ok || !is_name(names->names[i])) {
			return false;
		}
	}
	return reader_done(&r);
}

// --- sessions

size_t recording_put_track(const struct es_recording_track *track, uint8_t *out) {
	struct es_writer w = begin(out);
	put_u8(&w, track->track);
	put_le32(&w, track->at_ms);
	put_le32(&w, track->session);
	put_le32(&w, track->app);
	put_text(&w, track->title, sizeof(track->title));
	put_text(&w, track->client, sizeof(track->client));
	put_le32(&w, track->width);
	put_le32(&w, track->height);
	put_le32s(&w, track->refresh_mhz);
	put_text(&w, track->encoder, sizeof(track->encoder));
	put_text(&w, track->codec, sizeof(track->codec));
	return finish(&w, ES_RECORDING_TRACK);
}

bool recording_get_track(
		struct es_recording_track *track, const struct es_recording_record *record) {
	struct es_reader r = open_record(record);
	*track = (struct es_recording_track){.track = get_u8(&r)};
	track->at_ms = get_le32(&r);
	track->session = get_le32(&r);
	track->app = get_le32(&r);
	get_text(&r, track->title, sizeof(track->title));
	get_text(&r, track->client, sizeof(track->client));
	track->width = get_le32(&r);
	track->height = get_le32(&r);
	track->refresh_mhz = get_le32s(&r);
	get_text(&r, track->encoder, sizeof(track->encoder));
	get_text(&r, track->codec, sizeof(track->codec));
	return reader_done(&r) && track->track < ES_RECORDING_TRACKS;
}

// --- rows

size_t recording_put_sample(const struct es_recording_sample *sample, uint8_t *out) {
	struct es_writer w = begin(out);
	put_u8(&w, sample->track);
	put_le32(&w, sample->at_ms);
	for (uint32_t i = 0; i < sample->n; i++) {
		put_le32(&w, sample->values[i]);
	}
	return finish(&w, ES_RECORDING_SAMPLE);
}

bool recording_get_sample(
		struct es_recording_sample *sample, const struct es_recording_record *record) {
	struct es_reader r = open_record(record);
	sample->track = get_u8(&r);
	sample->at_ms = get_le32(&r);
	size_t left = r.ok ? record->size - r.pos : 0;
	if (sample->track >= ES_RECORDING_TRACKS || left % 4 != 0 || left > sizeof(sample->values)) {
		return false;
	}
	sample->n = (uint32_t)(left / 4);
	for (uint32_t i = 0; i < sample->n; i++) {
		sample->values[i] = get_le32(&r);
	}
	return reader_done(&r);
}

size_t recording_put_frames(const struct es_recording_frames *frames, uint8_t *out) {
	struct es_writer w = begin(out);
	put_u8(&w, frames->track);
	put_le32(&w, frames->dropped);
	for (uint32_t row = 0; row < frames->n_rows; row++) {
		put_le64(&w, frames->at_us[row]);
		for (uint32_t i = 0; i < frames->n_columns; i++) {
			put_le32(&w, frames->values[row][i]);
		}
	}
	return finish(&w, ES_RECORDING_FRAME_ROWS);
}

bool recording_get_frames(struct es_recording_frames *frames,
		const struct es_recording_record *record, uint32_t n_columns) {
	struct es_reader r = open_record(record);
	frames->track = get_u8(&r);
	frames->dropped = get_le32(&r);
	size_t left = r.ok ? record->size - r.pos : 1, row_size = 8 + 4 * (size_t)n_columns;
	if (frames->track >= ES_RECORDING_TRACKS || n_columns == 0 || left % row_size != 0 ||
			left / row_size > ES_RECORDING_FRAMES) {
		return false;
	}
	frames->n_columns = n_columns;
	frames->n_rows = (uint32_t)(left / row_size);
	for (uint32_t row = 0; row < frames->n_rows; row++) {
		frames->at_us[row] = get_le64(&r);
		for (uint32_t i = 0; i < n_columns; i++) {
			frames->values[row][i] = get_le32(&r);
		}
	}
	return reader_done(&r);
}

// --- the end

#define N_COUNTS 10
static void list_counts(struct es_recording_summary *s, uint64_t *counts[N_COUNTS]) {
	uint64_t *const all[N_COUNTS] = {&s->n_samples, &s->n_frames, &s->frames_left_out,
			&s->frames_new, &s->frames_repeated, &s->frames_superseded, &s->frames_dropped,
			&s->bytes, &s->datagrams, &s->datagrams_lost};
	memcpy(counts, all, sizeof(all));
}

// Its own length stands at its end, so that it is found from the file's.
size_t recording_put_end(const struct es_recording_end *end, uint8_t *out) {
	struct es_writer w = begin(out);
	struct es_recording_summary summary = end->summary;
	uint64_t *counts[N_COUNTS];
	put_text(&w, end->reason, sizeof(end->reason));
	put_le32(&w, summary.length_ms);
	put_u8(&w, (uint8_t)summary.n_tracks);
	put_le32(&w, summary.total_p50_us);
	put_le32(&w, summary.total_p99_us);
	put_le32(&w, summary.total_max_us);
	list_counts(&summary, counts);
	for (size_t i = 0; i < N_COUNTS; i++) {
		put_le64(&w, *counts[i]);
	}
	put_u8(&w, (uint8_t)summary.n_titles);
	for (uint32_t i = 0; i < summary.n_titles; i++) {
		put_text(&w, summary.titles[i], sizeof(summary.titles[i]));
	}
	put_le32(&w, (uint32_t)(w.pos + 4));
	return finish(&w, ES_RECORDING_END);
}

bool recording_get_end(struct es_recording_end *end, const struct es_recording_record *record) {
	struct es_reader r = open_record(record);
	struct es_recording_summary *summary = &end->summary;
	uint64_t *counts[N_COUNTS];
	*end = (struct es_recording_end){0};
	get_text(&r, end->reason, sizeof(end->reason));
	summary->length_ms = get_le32(&r);
	summary->n_tracks = get_u8(&r);
	summary->total_p50_us = get_le32(&r);
	summary->total_p99_us = get_le32(&r);
	summary->total_max_us = get_le32(&r);
	list_counts(summary, counts);
	for (size_t i = 0; i < N_COUNTS; i++) {
		*counts[i] = get_le64(&r);
	}
	summary->n_titles = get_u8(&r);
	if (!r.ok || summary->n_titles > ES_RECORDING_TITLES ||
			summary->n_tracks > ES_RECORDING_TRACKS) {
		return false;
	}
	for (uint32_t i = 0; i < summary->n_titles; i++) {
		get_text(&r, summary->titles[i], sizeof(summary->titles[i]));
	}
	uint32_t length = get_le32(&r);
	return reader_done(&r) && length == ES_RECORDING_RECORD_HEADER + record->size;
}
