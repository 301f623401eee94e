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
	size_t guard_size; // see file_output_guard
	uint8_t guard[16];
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

// For regular files: the first `size` bytes of what is gathered are first written as these, a
// harmless element that spans the rest, and as themselves only when the rest is there. A
// process killed in the middle of it leaves no torn unit behind.
void file_output_guard(struct es_file_output *output, const uint8_t *data, size_t size);

// OK: all is out and counts as good. FAILED: output->error.
enum es_sink_result file_output_flush(struct es_file_output *output);

// Forgets what is gathered and failed, and cuts a regular file to its good part.
void file_output_rollback(struct es_file_output *output);
