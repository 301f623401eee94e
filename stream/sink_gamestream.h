// The sink that is a GameStream client: video by the sender, the control connection, and what the client
// does with keys and pointers, which goes to the display.
//
// Nothing is sent to an address before it has proved itself by a ping, and no frame before the control
// connection stands.
#pragma once

#include "protocol/session_msg.h"
#include "stream/sink.h"

struct es_gamestream_sockets {
	int video, audio, control; // bound UDP sockets
	struct _ENetHost *control_host; // see control_create
};

// Takes the sockets over, also on failure. NULL with a text in error.
struct es_sink *sink_gamestream_create(const struct es_gamestream_start *start,
		const struct es_gamestream_sockets *sockets, char *error, size_t cap);
