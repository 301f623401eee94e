#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/gamestream.h"
#include "host/port_owner.h"

#define BACKLOG 128
// Distances from the base port; clients' and firewalls' guides know them.
#define HTTPS_BELOW 5
#define RTSP_ABOVE 21
#define CONSOLE_ABOVE 1
#define MAX_PORTS 4

struct port_want {
	const char *name; // of the socket, as systemd's FileDescriptorName
	int *fd;
	uint16_t *port;
	uint16_t number; // 0: by the kernel
	const char *address;
	const char *setting; // that chooses the number
};

static uint16_t bound_port(int fd) {
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0 || address.sin_family != AF_INET) {
		return 0;
	}
	return ntohs(address.sin_port);
}

static void say_failure(const struct port_want *want, int reason, char *error, size_t cap) {
	char owner[128], remedy[128];
	bool console = strcmp(want->name, "console") == 0;
	snprintf(remedy, sizeof(remedy), "set another `%s` in the configuration file%s", want->setting,
			console ? "" : " or by --port");
	if (reason == EADDRINUSE) {
		if (!port_owner(want->number, owner, sizeof(owner))) {
			snprintf(owner, sizeof(owner), "another program");
		}
		snprintf(error, cap, "port %u is used by %s; end it, or %s", want->number, owner, remedy);
	} else if (reason == EADDRNOTAVAIL) {
		snprintf(error, cap,
				"this machine has no address '%s'; set `%s` in the configuration file to one that "
				"it has, or to 0.0.0.0",
				want->address, console ? "console-address" : "listen");
	} else {
		snprintf(error, cap, "cannot listen on port %u of %s: %s; %s", want->number, want->address,
				strerror(reason), remedy);
	}
}

static int listen_on(const char *address, uint16_t port) {
	struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
	if (inet_pton(AF_INET, address, &where.sin_addr) != 1) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;
	// Without it a host that is started again could not have its port back for a minute.
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
			bind(fd, (struct sockaddr *)&where, sizeof(where)) == 0 && listen(fd, BACKLOG) == 0) {
		return fd;
	}
	int reason = errno;
	fd_close(&fd);
	errno = reason;
	return -1;
}

// Sockets that systemd has opened for us, by their names or, unnamed, by their ports.
static bool take_activated(const struct port_want *wants, size_t n_wants, char *error, size_t cap) {
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);
	bool ok = true;
	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		const struct port_want *found = NULL;
		for (size_t k = 0; k < n_wants && found == NULL; k++) {
			bool named = names != NULL && strcmp(names[i], wants[k].name) == 0;
			bool numbered = wants[k].number != 0 && bound_port(fd) == wants[k].number;
			found = (named || numbered) && *wants[k].fd < 0 ? &wants[k] : NULL;
		}
		if (found == NULL || sd_is_socket_inet(fd, AF_INET, SOCK_STREAM, 1, 0) <= 0 ||
				!fd_set_nonblock(fd, true)) {
			snprintf(error, cap,
					"systemd handed over socket %d ('%s', port %u), which is none of ours; let it listen "
					"on IPv4 (ListenStream=0.0.0.0:PORT) at the ports that `port` gives, or name the "
					"sockets http, https, rtsp and console (FileDescriptorName=)",
					i + 1, names != NULL ? names[i] : "", bound_port(fd));
			ok = false;
			break;
		}
		*found->fd = fd;
	}
	for (int i = 0; names != NULL && i < n; i++) {
		free(names[i]);
	}
	free(names);
	return ok;
}

int ports_listen(const char *address, uint16_t port, uint16_t *bound) {
	int fd = listen_on(address, port);
	*bound = fd >= 0 ? bound_port(fd) : 0;
	return fd;
}

static uint16_t console_number(uint16_t base, const struct es_console_settings *console) {
	if (console->port_given) {
		return console->port;
	}
	return base != 0 ? base + CONSOLE_ABOVE : 0;
}

bool ports_open(struct es_ports *ports, const char *address, uint16_t base,
		const struct es_console_settings *console, char *error, size_t cap) {
	*ports = (struct es_ports){.http_fd = -1, .https_fd = -1, .rtsp_fd = -1, .console_fd = -1};
	if (base != 0 && (base <= HTTPS_BELOW + 1023 || base > UINT16_MAX - RTSP_ABOVE)) {
		snprintf(error, cap, "port %u cannot be the base port: it must be from %d to %d, or 0",
				base, HTTPS_BELOW + 1024, UINT16_MAX - RTSP_ABOVE);
		return false;
	}
	struct port_want wants[MAX_PORTS] = {
			{"http", &ports->http_fd, &ports->http, base, address, "port"},
			{"https", &ports->https_fd, &ports->https, base != 0 ? base - HTTPS_BELOW : 0, address,
					"port"},
			{"rtsp", &ports->rtsp_fd, &ports->rtsp, base != 0 ? base + RTSP_ABOVE : 0, address,
					"port"},
	};
	size_t n = 3;
	if (console != NULL && !console->off) {
		wants[n++] = (struct port_want){"console", &ports->console_fd, &ports->console,
				console_number(base, console),
				console->address != NULL ? console->address : address, "console-port"};
	}
	bool ok = take_activated(wants, n, error, cap);
	for (size_t i = 0; i < n && ok; i++) {
		if (*wants[i].fd < 0) {
			*wants[i].fd = listen_on(wants[i].address, wants[i].number);
		}
		ok = *wants[i].fd >= 0;
		if (ok) {
			*wants[i].port = bound_port(*wants[i].fd);
		} else {
			say_failure(&wants[i], errno, error, cap);
		}
	}
	if (!ok) {
		ports_close(ports);
	}
	return ok;
}

void ports_close(struct es_ports *ports) {
	fd_close(&ports->http_fd);
	fd_close(&ports->https_fd);
	fd_close(&ports->rtsp_fd);
	fd_close(&ports->console_fd);
}
