// A recording as tables, one for each session in it, thinned out so that graphs can show it: where there
// are more rows than asked for, each column's smallest and largest value of a stretch stand for it, in
// the order in which they came. Bounded memory, whatever the file.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/recording_read.h"

#define ES_RECORDING_CELLS ((size_t)4 << 20) // in all tables: 16 MiB
#define ES_RECORDING_CHANGES 4096
#define ES_RECORDING_MIN_POINTS 2

enum es_recording_rows { ES_RECORDING_WINDOWS, ES_RECORDING_SINGLE_FRAMES };

struct es_recording_table {
	uint64_t n_all; // rows in the file
	size_t n_rows; // here
	uint64_t *at_us; // since the recording's start
	uint32_t *values; // n_rows times the columns
};

struct es_recording_tables {
	struct es_recording_reader head; // what it says of the recording as a whole
	const struct es_recording_names *names; // of the columns
	uint32_t n_columns;
	struct es_recording_track *changes; // what was told of sessions, in order
	size_t n_changes;
	struct es_recording_table tables[ES_RECORDING_TRACKS];
};

// points: rows of a table at most, 0: all, if that is not too much. NULL: no memory, or no recording.
struct es_recording_tables *recording_tables_load(
		int fd, enum es_recording_rows rows, size_t points);
void recording_tables_destroy(struct es_recording_tables *tables); // NULL is fine

// The last that was told of a session by then; NULL: nothing.
const struct es_recording_track *recording_tables_track(
		const struct es_recording_tables *tables, size_t track, uint64_t at_us);

// {"time_ms":[...],"COLUMN":[...],...} and lines of comma separated values with a head, terminated, of
// *size bytes. The caller frees it. NULL: no memory.
char *recording_table_json(const struct es_recording_tables *tables, size_t track, size_t *size);
char *recording_tables_csv(const struct es_recording_tables *tables, size_t *size);
