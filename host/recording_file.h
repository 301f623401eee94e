// One recording while it is written. Each record is in the file (of the system) when put returns, so
// a host that is killed leaves all of it; what lies ahead is reserved, so that a full disk is noticed
// while there is still room for the end.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/recording_format.h"

#define ES_RECORDING_ID 40 // with its NUL: "2026-01-31-12", see recording_id_is

struct es_recording_file;

// Makes `id`.esr in that folder, new. NULL with the reason in error[cap].
struct es_recording_file *recording_file_create(int dir_fd, const char *id,
		const struct es_recording_header *header, char *error, size_t cap);
// The records that are put must be whole, of recording_put_*. False with the reason in error[cap]: the
// file is as before.
bool recording_file_put(struct es_recording_file *file, const uint8_t *record, size_t size,
		char *error, size_t cap);
// The last record, and all of it to the disk. False: it is not there; the file can be read still.
bool recording_file_end(struct es_recording_file *file, const struct es_recording_end *end,
		char *error, size_t cap);
// Gives one that a host has left without an end its end, with what can be read of it; does nothing to
// others. False with the reason in error[cap].
bool recording_file_mend(int dir_fd, const char *id, char *error, size_t cap);
// Without an end: as if killed. NULL is fine.
void recording_file_destroy(struct es_recording_file *file);
uint64_t recording_file_size(const struct es_recording_file *file);

// A date and a number, which is fit for a file's name and nothing else.
bool recording_id_is(const char *text);
// "ID.esr" in out[ES_RECORDING_ID + 8].
void recording_name(const char *id, char *out);
// One that no file in that folder has, for a recording that starts at that time (ms since 1970). False:
// it cannot be told.
bool recording_id_make(int dir_fd, int64_t started_ms, char id[ES_RECORDING_ID]);
