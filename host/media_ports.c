#define _GNU_SOURCE // SOCK_CLOEXEC
#include "host/media_ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

static const uint16_t offsets[ES_MEDIA_COUNT] = {
		[ES_MEDIA_VIDEO] = 0, [ES_MEDIA_CONTROL] = 1, [ES_MEDIA_AUDIO] = 2};

void media_ports_init(struct es_media_ports *ports) {
	*ports = (struct es_media_ports){.fds = {-1, -1, -1}};
}

void media_ports_close(struct es_media_ports *ports) {
	for (size_t i = 0; i < ES_MEDIA_COUNT; i++) {
		fd_close(&ports->fds[i]);
		ports->ports[i] = 0;
	}
}

// False with errno.
static bool open_one(struct es_media_ports *ports, enum es_media media, struct sockaddr_in address,
		uint16_t port) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(address);
	address.sin_port = htons(port);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
			getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
		int saved = errno;
		fd_close(&fd);
		errno = saved;
		return false;
	}
	ports->fds[media] = fd;
	ports->ports[media] = ntohs(address.sin_port);
	return true;
}

// `first` 0: the kernel's choice.
static bool open_all(struct es_media_ports *ports, struct sockaddr_in address, uint16_t first) {
	for (size_t i = 0; i < ES_MEDIA_COUNT; i++) {
		uint16_t port = first != 0 ? (uint16_t)(first + offsets[i]) : 0;
		if (!open_one(ports, (enum es_media)i, address, port)) {
			int saved = errno;
			media_ports_close(ports);
			errno = saved;
			return false;
		}
	}
	return true;
}

bool media_ports_open(
		struct es_media_ports *ports, const char *address, uint16_t base, char *error, size_t cap) {
	struct sockaddr_in in = {.sin_family = AF_INET};
	media_ports_init(ports);
	if (inet_pton(AF_INET, address, &in.sin_addr) != 1) {
		snprintf(error, cap, "'%s' is not an IPv4 address", address);
		return false;
	}
	if (base == 0) {
		bool opened = open_all(ports, in, 0);
		if (!opened) {
			snprintf(error, cap, "no UDP ports on %s: %s", address, strerror(errno));
		}
		return opened;
	}
	uint32_t first = base + ES_MEDIA_PORTS_FIRST, last = first;
	for (int n = 0; n < ES_MEDIA_PORTS_MAX && first + 2 <= UINT16_MAX; n++) {
		if (open_all(ports, in, (uint16_t)first)) {
			return true;
		}
		if (errno != EADDRINUSE && errno != EACCES) {
			break; // the next would fare no better
		}
		last = first;
		first += ES_MEDIA_PORTS_STEP;
	}
	snprintf(error, cap, "no three free UDP ports on %s between %u and %u: %s", address,
			base + ES_MEDIA_PORTS_FIRST, last + 2, strerror(errno));
	return false;
}
