#include "stream/ping.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "protocol/crypto.h"

// Datagrams per call, so that a flood does not keep the streamer from everything else.
#define MAX_READ 64
#define PING_SIZE 20 // the payload and a counter
#define LEGACY_PING "PING"

// As IPv6, where IPv4 addresses have their place.
static struct in6_addr host_of(const struct sockaddr_storage *address) {
	if (address->ss_family == AF_INET6) {
		return ((const struct sockaddr_in6 *)address)->sin6_addr;
	}
	struct in6_addr host = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(host.s6_addr + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	return host;
}

static bool parse_address(struct sockaddr_storage *address, const char *text) {
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	*address = (struct sockaddr_storage){.ss_family = AF_INET};
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		return true;
	}
	address->ss_family = AF_INET6;
	return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

bool ping_init(struct es_ping *ping, const struct es_gamestream_start *start) {
	*ping = (struct es_ping){.legacy = start->legacy_ping};
	memcpy(ping->payload, start->ping, sizeof(ping->payload));
	return parse_address(&ping->peer, start->peer);
}

void ping_finish(struct es_ping *ping) {
	crypto_wipe(ping->payload, sizeof(ping->payload));
}

static bool is_from_peer(const struct es_ping *ping, const struct sockaddr_storage *from) {
	if (from->ss_family != AF_INET && from->ss_family != AF_INET6) {
		return false;
	}
	struct in6_addr peer = host_of(&ping->peer);
	struct in6_addr host = host_of(from);
	return memcmp(&peer, &host, sizeof(peer)) == 0;
}

static bool is_proof(const struct es_ping *ping, const void *data, size_t size) {
	if (ping->legacy && size == strlen(LEGACY_PING)) {
		return memcmp(data, LEGACY_PING, size) == 0;
	}
	return size == PING_SIZE && crypto_equal(data, ping->payload, sizeof(ping->payload));
}

static in_port_t port_of(const struct sockaddr_storage *address) {
	return address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
										  : ((const struct sockaddr_in *)address)->sin_port;
}

bool ping_take(struct es_ping *ping, const void *data, size_t size, const struct sockaddr *from,
		socklen_t from_size) {
	struct sockaddr_storage address = {0};
	if (from_size > sizeof(address)) {
		from_size = sizeof(address);
	}
	memcpy(&address, from, from_size);
	if (!is_from_peer(ping, &address) || !is_proof(ping, data, size)) {
		ping->refused++;
		return false;
	}
	if (ping->known && port_of(&ping->address) == port_of(&address)) {
		return false;
	}
	ping->known = true;
	ping->address = address;
	ping->address_size = from_size;
	return true;
}

bool ping_read(struct es_ping *ping, int fd) {
	bool moved = false;
	for (int i = 0; i < MAX_READ; i++) {
		uint8_t data[64];
		struct sockaddr_storage from;
		socklen_t from_size = sizeof(from);
		ssize_t size = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC,
				(struct sockaddr *)&from, &from_size);
		if (size < 0) {
			break;
		}
		// Longer than any ping: its true size says so.
		moved = ping_take(ping, data, (size_t)size, (struct sockaddr *)&from, from_size) || moved;
	}
	return moved;
}
