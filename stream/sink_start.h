// The sink that the host's START message asks for.
#pragma once

#include <stddef.h>

#include "base/link.h"
#include "protocol/session_msg.h"
#include "stream/sink.h"

struct _ENetHost;

// What to call the file of a START_STREAM in messages.
const char *sink_start_output(const struct es_session_msg *message);

// message is one of START_STREAM, START_GAMESTREAM and START_PLAYER; what it needs of the packet's fds is
// taken out, also on failure, and keys are wiped from both. *control_host is a client's to keep: NULL then.
// NULL with a text in error, of at most cap bytes.
struct es_sink *sink_start(struct es_session_msg *message, struct es_link_packet *packet,
		struct _ENetHost **control_host, char *error, size_t cap);
