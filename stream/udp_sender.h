// Datagrams of one size, side by side in memory, out of a socket with as few system calls as the kernel
// allows: one with UDP_SEGMENT for all of them, else sendmmsg. Never waits.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ES_UDP_MAX_DATAGRAMS 16 // in one call, of at most 65000 bytes in all

struct es_udp_sender {
	int fd; // borrowed
	bool segments; // UDP_SEGMENT was not refused yet
};

void udp_sender_init(struct es_udp_sender *sender, int fd);
// Marks what the socket sends from here on. False with errno.
bool udp_sender_set_dscp(const struct es_udp_sender *sender, uint8_t dscp);
// Sends n datagrams of `size` bytes each. Returns how many the kernel took, at least one; or -1 with
// errno: EAGAIN if there is no room now.
int udp_sender_send(struct es_udp_sender *sender, const struct sockaddr *peer, socklen_t peer_size,
		const uint8_t *data, uint32_t n, size_t size);
