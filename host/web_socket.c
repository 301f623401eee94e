#include <stdio.h>
#include <stdlib.h>

#include "host/web_handshake.h"
#include "host/web_state.h"

#define MAX_PER_LOGIN 4

struct web_socket {
	struct es_web_server *server; // borrowed
	struct web_socket *next;
	struct es_http_request *request;
	struct es_login_who who;
	uint32_t session;
	char name[64];
};

static void on_open(void *data, int fd) {
	struct web_socket *socket = data;
	struct es_web_player *player = &socket->server->player;
	player->open(player->data, socket->session, fd, socket->name);
}

static void on_gone(void *data) {
	struct web_socket *socket = data;
	struct web_socket **at = &socket->server->sockets;
	while (*at != socket) {
		at = &(*at)->next;
	}
	*at = socket->next;
	free(socket);
}

void web_socket_check(struct es_web_server *server) {
	for (struct web_socket *socket = server->sockets, *next; socket != NULL; socket = next) {
		next = socket->next;
		if (!login_stays(server->login, &socket->who)) {
			http_upgrade_close(socket->request);
		}
	}
}

static bool shake_hands(struct es_http_request *request, char accept[ES_WEB_ACCEPT_SIZE]) {
	const char *upgrade, *connection, *version, *key;
	return http_request_header(request, "Upgrade", &upgrade) &&
			http_request_header(request, "Connection", &connection) &&
			http_request_header(request, "Sec-WebSocket-Version", &version) &&
			http_request_header(request, "Sec-WebSocket-Key", &key) &&
			web_handshake_check(upgrade, connection, version, key, accept);
}

static size_t count_sockets(const struct es_web_server *server, const struct es_login_who *who) {
	size_t n = 0;
	for (const struct web_socket *socket = server->sockets; socket != NULL; socket = socket->next) {
		n += socket->who.session == who->session && socket->who.token == who->token;
	}
	return n;
}

// False: it was refused.
static bool admit(struct es_web_server *server, struct es_http_request *request,
		const struct es_login_who *who, uint32_t session, char accept[ES_WEB_ACCEPT_SIZE]) {
	char error[256] = "";
	if (!shake_hands(request, accept)) {
		http_answer_header(request, "Upgrade", "websocket");
		http_answer_header(request, "Sec-WebSocket-Version", "13");
		web_refuse(request, 426, "this is a WebSocket of version 13");
	} else if (server->player.open == NULL) {
		web_refuse(request, 503, "this host lets no browser play");
	} else if (!server->player.admit(server->player.data, session, error, sizeof(error))) {
		web_refuse(request, 404, error);
	} else if (count_sockets(server, who) >= MAX_PER_LOGIN) {
		web_refuse(request, 429, "this login plays in four windows already; close one");
	} else {
		return true;
	}
	return false;
}

void web_socket_begin(struct es_web_server *server, struct es_http_request *request,
		const struct es_login_who *who, uint32_t session) {
	char accept[ES_WEB_ACCEPT_SIZE];
	if (!admit(server, request, who, session, accept)) {
		return;
	}
	struct web_socket *socket = calloc(1, sizeof(*socket));
	if (socket == NULL) {
		web_refuse(request, 500, "out of memory");
		return;
	}
	*socket = (struct web_socket){.server = server,
			.next = server->sockets,
			.request = request,
			.who = *who,
			.session = session};
	snprintf(socket->name, sizeof(socket->name), "browser (%s)", http_request_peer(request));
	server->sockets = socket;
	http_answer_header(request, "Sec-WebSocket-Accept", accept);
	struct es_http_upgrade upgrade = {
			.protocol = "websocket", .open = on_open, .gone = on_gone, .data = socket};
	http_upgrade(request, &upgrade);
}
