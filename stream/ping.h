// The proof that an address wants what is to be sent to it: a datagram with the session's payload, from
// the one peer that the session is for. Everything else is met with silence.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "protocol/session_msg.h"

// One for each socket.
struct es_ping {
	uint8_t payload[16];
	bool legacy; // the client knows no payloads: "PING"
	struct sockaddr_storage peer; // its port does not matter
	bool known;
	struct sockaddr_storage address; // proved, if known
	socklen_t address_size;
	uint64_t refused; // datagrams
};

// False: the start's peer is no numeric address.
bool ping_init(struct es_ping *ping, const struct es_gamestream_start *start);
// Wipes the payload.
void ping_finish(struct es_ping *ping);

// True: the address is proved now and was not before.
bool ping_take(struct es_ping *ping, const void *data, size_t size, const struct sockaddr *from,
		socklen_t from_size);
// Takes all datagrams that wait at fd, up to a limit. True as ping_take.
bool ping_read(struct es_ping *ping, int fd);
