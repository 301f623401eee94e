// What a file is made of, through libavformat: its header, a track of pictures and one of sound, and its
// end. A cluster or fragment ends with each picture, so that the file is complete there. On the
// streamer's thread; writes into the output's memory only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"
#include "stream/file_output.h"
#include "stream/file_sound.h"
#include "stream/sink.h"

struct es_file_muxer;

// Not for raw units. Output and sound (NULL: none) are borrowed. NULL without memory.
struct es_file_muxer *file_muxer_create(
		enum es_container container, struct es_file_output *output, struct es_file_sound *sound);
void file_muxer_destroy(struct es_file_muxer *muxer); // NULL is fine

// The file's header, for a track (borrowed) whose first unit, an IDR, this is. False: it cannot be made
// of them; the muxer is of no use then.
bool file_muxer_open(struct es_file_muxer *muxer, const struct es_sink_track *track,
		const struct es_unit *unit, const uint8_t *data);
// Each is for an open one. A unit, and the sound until now. False: roll back, or see output->error.
bool file_muxer_put(struct es_file_muxer *muxer, const struct es_unit *unit, const uint8_t *data);
// The sound alone.
void file_muxer_put_sound(struct es_file_muxer *muxer);
// Goes on behind the last good place of the output.
void file_muxer_rollback(struct es_file_muxer *muxer);
// The end, after what is left of the sound if there is room for it. False: without an index.
bool file_muxer_end(struct es_file_muxer *muxer, bool with_sound);
