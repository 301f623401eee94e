// Reads recordings: from beginning to end, in pieces, up to the last whole record.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/recording_format.h"

// What a recording is made of, in its order. Any may be NULL.
struct es_recording_visitor {
	void *data;
	void (*track)(void *data, const struct es_recording_track *track);
	void (*sample)(void *data, const struct es_recording_sample *sample);
	void (*frames)(void *data, const struct es_recording_frames *frames);
};

struct es_recording_reader {
	struct es_recording_visitor visitor;
	struct es_recording_header header;
	struct es_recording_names sample_names, frame_names;
	struct es_recording_end end;
	bool begun; // the header was there
	bool complete; // the end was there
	bool broken; // what follows cannot be used
	uint64_t used; // bytes up to the last whole record
	union {
		struct es_recording_track track;
		struct es_recording_sample sample;
		struct es_recording_frames frames;
	} scratch;
};

void recording_reader_init(
		struct es_recording_reader *reader, const struct es_recording_visitor *visitor);
// Takes as much of the bytes as it can, from where it has come to; returns how much that was. It takes
// no more once broken or complete.
size_t recording_reader_take(struct es_recording_reader *reader, const uint8_t *data, size_t size);

// The whole file. False: it is no recording, or cannot be read; errno tells, 0 for the former.
bool recording_read(int fd, struct es_recording_reader *reader);

// What a list shows. From the end of the file if it has one, else by going through all of it. False as
// above.
struct es_recording_overview {
	struct es_recording_header header;
	struct es_recording_end end; // reason: only if complete
	bool complete;
	uint64_t size; // of the file
	uint64_t used; // of what can be read
};
bool recording_look(int fd, struct es_recording_overview *overview);

// The index of the column of that name; `n` if there is none.
uint32_t recording_column(const struct es_recording_names *names, const char *name);
