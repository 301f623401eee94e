// The bytes of a file on their way out: gathered while a unit is muxed, then written in one go.
//
// A regular file is written by position and may be patched behind; anything else (pipe, socket,
// terminal) only grows and never blocks the caller. The flags of the descriptor are left alone: they
// belong to everyone who shares it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/sink.h"

enum es_output_kind { ES_OUTPUT_FILE, ES_OUTPUT_SOCKET, ES_OUTPUT_STREAM };

#define ES_SHELTER_MAX_HEADER 16

// How a process that is killed in the middle of a write leaves no torn unit behind: the bytes
// are first written as the inside of an element that readers skip in silence, whose head is
// then overwritten by their own.
struct es_shelter {
	size_t header_size; // up to ES_SHELTER_MAX_HEADER
	// The head of an element of `size` bytes in all.
	void (*make_header)(uint64_t size, uint8_t *out);
	// 0: readers do not mind if the file ends inside the element. Else the file always ends with
	// such an element, made this long beforehand, and only in it units are written.
	int64_t reserve;
};

struct es_file_output {
	int fd; // owned
	enum es_output_kind kind;
	int64_t start; // where in the file our byte 0 lies
	uint8_t *gather; // owned
	size_t capacity;
	const uint8_t *pending; // gather, or memory lent by the caller
	size_t pending_size, pending_sent;
	int64_t base; // our position of pending[0]
	int64_t position; // where the next byte goes
	int64_t good; // all before it is complete units
	const struct es_shelter *shelter; // borrowed; NULL: none
	int64_t shelter_end; // the file ends here, with an element that begins at `base`; 0: none
	int error; // errno of the first failure; nothing is written any more
};

// Takes fd over. False: no memory, *output can be finished all the same.
bool file_output_init(struct es_file_output *output, int fd);
void file_output_finish(struct es_file_output *output);

// True if positions before the end can be written again.
bool file_output_seekable(const struct es_file_output *output);

// Adds bytes at the position. Within what is gathered: no I/O. False: output->error.
bool file_output_write(struct es_file_output *output, const uint8_t *data, size_t size);
// False where the kind of output cannot go.
bool file_output_seek(struct es_file_output *output, int64_t position);
// Our end so far.
int64_t file_output_end(const struct es_file_output *output);
// Makes `size` bytes the pending ones without a copy; nothing may be gathered. They are borrowed
// until flush says OK or FAILED.
void file_output_lend(struct es_file_output *output, const uint8_t *data, size_t size);

// From the next flush on. Only for regular files.
void file_output_set_shelter(struct es_file_output *output, const struct es_shelter *shelter);

// OK: all is out and counts as good. FAILED: output->error.
enum es_sink_result file_output_flush(struct es_file_output *output);

// Forgets what is gathered and failed, and cuts a regular file to its good part.
void file_output_rollback(struct es_file_output *output);
// Cuts what lies behind the last flushed byte of a regular file: nothing more is written.
void file_output_close_shelter(struct es_file_output *output);
