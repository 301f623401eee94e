// The sink that is a file: Matroska, MP4 or MPEG-TS by libavformat, or the bare access units.
//
// After each unit the file is complete as far as it goes, whatever happens next. A regular file
// gets its index and duration at the end; MP4 stays fragmented until then.
#pragma once

#include "protocol/session_msg.h"
#include "stream/sink.h"

// Takes fd over, also on failure. path: for messages. NULL after a logged error.
// audio_channels: of the sound track, 0 for none; bare access units have none.
struct es_sink *sink_file_create(
		int fd, enum es_container container, const char *path, uint8_t audio_channels);
