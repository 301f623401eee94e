// What the client sees: whole frames in, through the decoder if there is one; tells of each picture.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "tests/clients/moon/decode.h"
#include "tests/clients/moon/video.h"

#define ES_VIEWING_GIVEN 64

struct es_viewing {
	struct es_moon_decoder *decoder; // owned; NULL: pictures are only counted
	struct es_moon_decoder *shadow; // owned; NULL: none. Is given what the other one has lost, too
	bool searches;
	FILE *out; // owned; NULL: the bitstream goes nowhere
	struct es_moon_frame given[ES_VIEWING_GIVEN]; // to the decoder, by number; their data is gone
	uint32_t decoded, marked, wrong_marks, decode_errors, max_gap_ms, different;
	int64_t first_frame_ns, last_frame_ns; // 0: none yet
};

// False after a message. `out` is the name of a file, NULL: none.
bool viewing_init(struct es_viewing *viewing, enum es_codec codec, bool decode, const char *out);
// In pictures that are decoded.
void viewing_search(struct es_viewing *viewing, const uint8_t yuv[3]);
bool viewing_add_shadow(struct es_viewing *viewing, enum es_codec codec); // false after a message
void viewing_finish(struct es_viewing *viewing);
void viewing_take_whole(
		struct es_viewing *viewing, const struct es_moon_frame *frame); // the shadow
void viewing_take(struct es_viewing *viewing, const struct es_moon_frame *frame);
void viewing_say_statistics(const struct es_viewing *viewing); // within a line
