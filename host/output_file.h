// Where the recording goes: container by the name's ending, opened before anything is started.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"
#include "protocol/session_msg.h"

struct es_container_choice {
	const char *ending; // with the dot
	enum es_container container;
	bool has_codec; // raw streams: the ending names the codec
	enum es_codec codec;
};

// By the ending of the path (case ignored); "-" is raw access units of any codec. NULL if unknown.
const struct es_container_choice *output_file_container(const char *path);

// False with the reason in error[cap] if the container cannot hold the codec.
bool output_file_holds(
		const struct es_container_choice *choice, enum es_codec codec, char *error, size_t cap);

struct es_output_file {
	const char *path; // borrowed
	int fd; // owned, close-on-exec
	bool created; // by us: there was nothing of that name before
	bool regular;
};

// Opens the path, or a duplicate of standard output for "-"; what was in the file stays until
// output_file_begin. False after a logged error.
bool output_file_open(struct es_output_file *file, const char *path);
// Empties it: from here on it is ours.
bool output_file_begin(struct es_output_file *file);
// Size in bytes, 0 if it has none (pipe, device).
uint64_t output_file_size(const struct es_output_file *file);
// Closes; removes the file if it was created by us and is to be discarded or empty.
void output_file_finish(struct es_output_file *file, bool discard);
