// The sink that is a browser's player: pictures, sound and what gamepads are to do, out through one
// WebSocket; and in, what the user does, and which picture was drawn last.
//
// A byte stream loses nothing, it only gets late: so a picture is sent when the socket has taken the one
// before and the page has drawn all but two. Until then the encoder is held, and goes on with the newest frame.
// What it has made nevertheless is skipped, and it is asked for one that needs nothing of that. Nothing waits
// in a queue.
#pragma once

#include "protocol/session_msg.h"
#include "stream/sink.h"

// start: a START_PLAYER message. Takes fd over, also on failure. NULL with a text in error.
struct es_sink *sink_player_create(
		const struct es_session_msg *start, int fd, char *error, size_t cap);
