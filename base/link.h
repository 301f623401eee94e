// One end of a link between two rooms: a SOCK_SEQPACKET socket that carries whole
// messages (see protocol/*_msg.h) together with file descriptors.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ES_LINK_MAX_FDS 5
#define ES_LINK_MAX_SIZE 16384

struct es_link_packet {
	uint8_t data[ES_LINK_MAX_SIZE];
	size_t size;
	int fds[ES_LINK_MAX_FDS]; // owned by the receiver once link_recv returned ES_LINK_OK
	size_t n_fds;
};

enum es_link_result {
	ES_LINK_OK,
	ES_LINK_AGAIN, // nothing there now / no room now (non-blocking)
	ES_LINK_CLOSED, // the peer is gone
	ES_LINK_BROKEN, // a system error, or a message too long or with too many fds
};

// Two connected ends, close-on-exec, non-blocking. The caller owns both fds.
bool link_pair(int fds[2]);

// Sends one message. The fds stay the caller's. Never blocks and never raises
// SIGPIPE. Any thread, one at a time per fd.
enum es_link_result link_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds);

// Receives one message into *packet (overwritten). On anything but ES_LINK_OK it
// holds no fds. Received fds are close-on-exec.
enum es_link_result link_recv(int fd, struct es_link_packet *packet);

// Takes fd number `index` out of the packet: the caller owns it now. -1 if there is none.
int link_packet_take_fd(struct es_link_packet *packet, size_t index);

// Closes the fds that nobody took.
void link_packet_finish(struct es_link_packet *packet);
