#define _GNU_SOURCE
#include "host/rtsp_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/rtsp_exchange.h"

#define MAX_CONNECTIONS 64
// A client speaks on one at a time, and closes it a little later.
#define MAX_CONNECTIONS_PER_ADDRESS 4
#define LIMIT_US (10 * UINT64_C(1000000))

struct connection {
	struct es_rtsp_server *server; // borrowed
	struct connection *previous, *next;
	int fd; // owned
	sd_event_source *io, *timer;
	char peer[INET6_ADDRSTRLEN];
	uint8_t in[ES_RTSP_EXCHANGE_IN];
	size_t in_size;
	uint8_t out[ES_RTSP_EXCHANGE_OUT];
	size_t out_size, out_sent; // out_size > 0: answering
	bool closing; // all is sent; the peer reads it and hangs up
};

struct es_rtsp_server {
	sd_event *event; // borrowed
	struct es_plays *plays; // borrowed
	int listen_fd; // owned
	int spare_fd; // owned: given up to turn somebody away when there are no others
	sd_event_source *accept;
	struct connection *connections;
	size_t n_connections;
};

static void connection_destroy(struct connection *connection) {
	struct es_rtsp_server *server = connection->server;
	if (connection->previous != NULL) {
		connection->previous->next = connection->next;
	} else {
		server->connections = connection->next;
	}
	if (connection->next != NULL) {
		connection->next->previous = connection->previous;
	}
	server->n_connections--;
	sd_event_source_disable_unref(connection->io);
	sd_event_source_disable_unref(connection->timer);
	fd_close(&connection->fd);
	crypto_wipe(connection->in, sizeof(connection->in));
	free(connection);
}

// False: the connection is to be ended.
static bool send_more(struct connection *c) {
	while (c->out_sent < c->out_size) {
		ssize_t n = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent, MSG_NOSIGNAL);
		if (n < 0) {
			return (errno == EAGAIN || errno == EINTR) &&
					sd_event_source_set_io_events(c->io, EPOLLOUT) >= 0;
		}
		c->out_sent += (size_t)n;
	}
	// Closing with unread bytes would reset the connection and could take the answer with it: the
	// client reads up to the end that is put here, and closes.
	c->closing = true;
	return shutdown(c->fd, SHUT_WR) == 0 && sd_event_source_set_io_events(c->io, EPOLLIN) >= 0;
}

static bool read_more(struct connection *c) {
	ssize_t n = recv(c->fd, c->in + c->in_size, sizeof(c->in) - c->in_size, 0);
	if (n <= 0) {
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	}
	c->in_size += (size_t)n;
	switch (rtsp_exchange(c->server->plays, c->peer, c->in, c->in_size, c->out, &c->out_size)) {
	case ES_RTSP_MORE:
		return c->in_size < sizeof(c->in);
	case ES_RTSP_ANSWER:
		return send_more(c);
	case ES_RTSP_CLOSE:
		break;
	}
	return false;
}

static bool read_rest(struct connection *c) {
	uint8_t rest[4096];
	ssize_t n = recv(c->fd, rest, sizeof(rest), 0);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data) {
	struct connection *c = data;
	bool goes_on = c->closing ? read_rest(c) : c->out_size > 0 ? send_more(c) : read_more(c);
	if (!goes_on) {
		connection_destroy(c);
	}
	return 0;
}

static int on_limit(sd_event_source *source, uint64_t usec, void *data) {
	connection_destroy(data);
	return 0;
}

// Takes the fd over.
static void connection_create(struct es_rtsp_server *server, int fd, const char *peer) {
	struct connection *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		fd_close(&fd);
		return;
	}
	c->server = server;
	c->fd = fd;
	memcpy(c->peer, peer, sizeof(c->peer));
	c->next = server->connections;
	if (c->next != NULL) {
		c->next->previous = c;
	}
	server->connections = c;
	server->n_connections++;
	if (sd_event_add_io(server->event, &c->io, fd, EPOLLIN, on_io, c) < 0 ||
			sd_event_add_time_relative(
					server->event, &c->timer, CLOCK_MONOTONIC, LIMIT_US, 1000, on_limit, c) < 0) {
		connection_destroy(c);
	}
}

static int open_spare(void) {
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

// Left in the queue it would wake us again and again.
static void turn_away(struct es_rtsp_server *server) {
	fd_close(&server->spare_fd);
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	fd_close(&fd);
	server->spare_fd = open_spare();
}

static bool has_place(const struct es_rtsp_server *server, const char *peer) {
	size_t n = 0;
	for (const struct connection *c = server->connections; c != NULL; c = c->next) {
		n += strcmp(c->peer, peer) == 0;
	}
	return n < MAX_CONNECTIONS_PER_ADDRESS && server->n_connections < MAX_CONNECTIONS;
}

static int on_accept(sd_event_source *source, int listen_fd, uint32_t events, void *data) {
	struct es_rtsp_server *server = data;
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	int fd = accept4(listen_fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE) {
			turn_away(server);
		}
		return 0;
	}
	char peer[INET6_ADDRSTRLEN] = "";
	const void *from = address.ss_family == AF_INET
			? (const void *)&((struct sockaddr_in *)&address)->sin_addr
			: (const void *)&((struct sockaddr_in6 *)&address)->sin6_addr;
	// Strangers, and who only tries whether the port answers, get no memory.
	if (inet_ntop(address.ss_family, from, peer, sizeof(peer)) == NULL ||
			plays_next_pending(server->plays, NULL, peer) == NULL || !has_place(server, peer)) {
		fd_close(&fd);
		return 0;
	}
	connection_create(server, fd, peer);
	return 0;
}

struct es_rtsp_server *rtsp_server_create(sd_event *event, int listen_fd, struct es_plays *plays) {
	struct es_rtsp_server *server = calloc(1, sizeof(*server));
	if (server == NULL) {
		fd_close(&listen_fd);
		goto fail;
	}
	server->event = event;
	server->plays = plays;
	server->listen_fd = listen_fd;
	server->spare_fd = open_spare();
	if (sd_event_add_io(event, &server->accept, listen_fd, EPOLLIN, on_accept, server) < 0) {
		goto fail;
	}
	return server;
fail:
	es_log(ES_LOG_ERROR, "the RTSP server could not be started");
	rtsp_server_destroy(server);
	return NULL;
}

void rtsp_server_destroy(struct es_rtsp_server *server) {
	if (server == NULL) {
		return;
	}
	while (server->connections != NULL) {
		connection_destroy(server->connections);
	}
	sd_event_source_disable_unref(server->accept);
	fd_close(&server->listen_fd);
	fd_close(&server->spare_fd);
	free(server);
}
