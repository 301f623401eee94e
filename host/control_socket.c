#define _GNU_SOURCE
#include "host/control_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/api.h"
#include "host/control_path.h"
#include "protocol/crypto.h"

#define MAX_PEERS 16
#define MAX_LINE 32768
#define IDLE_SECONDS 20 // for a peer that neither asks nor takes its answer

struct es_control_peer {
	struct es_control_socket *socket; // NULL: free
	int fd;
	sd_event_source *io, *timer;
	struct es_api_call call;
	char in[MAX_LINE];
	size_t n_in;
	char *out; // owned
	size_t out_at, out_size;
	bool busy; // with a request that is not answered
	bool eof; // asks no more
	bool last; // to be closed after its answer
};

struct es_control_socket {
	sd_event *event;
	const struct es_api_host *host; // borrowed
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int folder_fd; // locked: the socket is ours
	int fd;
	bool bound;
	sd_event_source *accept_source;
	struct es_control_peer peers[MAX_PEERS];
	size_t n_peers;
};

static void drop_peer(struct es_control_peer *peer) {
	struct es_control_socket *socket = peer->socket;
	api_forget(&peer->call);
	peer->io = sd_event_source_disable_unref(peer->io);
	peer->timer = sd_event_source_disable_unref(peer->timer);
	fd_close(&peer->fd);
	free(peer->out);
	crypto_wipe(peer->in, sizeof(peer->in)); // a PIN
	peer->socket = NULL;
	if (socket->n_peers-- == MAX_PEERS && socket->accept_source != NULL) {
		sd_event_source_set_enabled(socket->accept_source, SD_EVENT_ON);
	}
}

// What is waited for next. A peer whose request is under way is only watched for its end.
static void settle_events(struct es_control_peer *peer) {
	uint32_t events = peer->out != NULL ? EPOLLOUT : peer->busy || peer->eof ? 0 : EPOLLIN;
	sd_event_source_set_io_events(peer->io, events);
	sd_event_source_set_time(
			peer->timer, (uint64_t)(clock_now_ns() / ES_NS_PER_US) + IDLE_SECONDS * 1000000);
	sd_event_source_set_enabled(peer->timer, peer->busy ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void take_out(struct es_control_peer *peer, char *text, size_t size) {
	peer->busy = false;
	peer->out = text;
	peer->out_at = 0;
	peer->out_size = size;
	peer->last = peer->last || text == NULL;
	settle_events(peer);
}

static void take_text(struct es_control_peer *peer, const struct es_api_answer *answer) {
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
	size_t size = 0;
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_uint(doc, root, "status", answer->status);
	yyjson_mut_obj_add_strn(doc, root, "body", answer->body, answer->size);
	char *line = root != NULL ? yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, &size) : NULL;
	yyjson_mut_doc_free(doc);
	free(answer->body);
	take_out(peer, line, size);
}

static void on_answer(void *data, const struct es_api_answer *answer) {
	// A line is a line: a table goes as a text within it, and pictures are had over HTTPS.
	bool json = answer->body != NULL && strcmp(answer->type, "application/json") == 0;
	if (answer->body != NULL && strncmp(answer->type, "text/", 5) == 0) {
		take_text(data, answer);
		return;
	}
	static const char other[] = "{\"error\":\"this answer is no JSON: ask over HTTPS\"}";
	char *line = NULL;
	int size = asprintf(&line, "{\"status\":%u,\"body\":%.*s}\n", json ? answer->status : 406,
			json ? (int)answer->size : (int)sizeof(other) - 1, json ? answer->body : other);
	free(answer->body);
	take_out(data, size > 0 ? line : NULL, size > 0 ? (size_t)size : 0);
}

static void refuse(struct es_control_peer *peer, const char *error) {
	char *line = NULL;
	int size = asprintf(&line, "{\"status\":400,\"body\":{\"error\":\"%s\"}}\n", error);
	take_out(peer, size > 0 ? line : NULL, size > 0 ? (size_t)size : 0);
}

static const char *get_text(yyjson_val *object, const char *key) {
	yyjson_val *v = yyjson_obj_get(object, key);
	const char *text = yyjson_get_str(v);
	return text != NULL && strlen(text) == yyjson_get_len(v) ? text : NULL;
}

static void ask(struct es_control_peer *peer, yyjson_val *line) {
	const char *method = get_text(line, "method"), *path = get_text(line, "path");
	yyjson_val *body = yyjson_obj_get(line, "body");
	if (method == NULL || path == NULL || (body != NULL && !yyjson_is_obj(body))) {
		refuse(peer,
				"a request is one line with a JSON object, as "
				"{\\\"method\\\": \\\"GET\\\", \\\"path\\\": \\\"/api/v1/help\\\"}");
		return;
	}
	size_t size = 0;
	char *text = body != NULL ? yyjson_val_write(body, 0, &size) : NULL;
	peer->call = (struct es_api_call){
			.host = peer->socket->host,
			.method = method,
			.target = path,
			.body = text,
			.body_size = size,
			.role = ES_ROLE_ADMIN,
			.confirmed = true,
			.answer = on_answer,
			.data = peer,
	};
	api_handle(&peer->call);
	if (text != NULL) {
		crypto_wipe(text, size); // a PIN
		free(text);
	}
}

// Handles one line of what has come, if there is one and nothing else is under way.
static void handle_line(struct es_control_peer *peer) {
	char *end = memchr(peer->in, '\n', peer->n_in);
	if (peer->busy || peer->out != NULL) {
		return;
	}
	if (end == NULL && peer->n_in == sizeof(peer->in)) {
		peer->last = true;
		refuse(peer, "the request is too long");
		return;
	}
	if (end == NULL) {
		return;
	}
	size_t line = (size_t)(end - peer->in), used = line + 1;
	peer->busy = true;
	yyjson_doc *doc = yyjson_read(peer->in, line, 0);
	ask(peer, yyjson_doc_get_root(doc));
	yyjson_doc_free(doc);
	memmove(peer->in, peer->in + used, peer->n_in - used);
	peer->n_in -= used;
	crypto_wipe(peer->in + peer->n_in, used);
}

// False: the peer has gone.
static bool receive(struct es_control_peer *peer) {
	ssize_t n = read(peer->fd, peer->in + peer->n_in, sizeof(peer->in) - peer->n_in);
	if (n < 0) {
		return errno == EAGAIN || errno == EINTR;
	}
	peer->n_in += (size_t)n;
	peer->eof = n == 0;
	return true;
}

static bool send_out(struct es_control_peer *peer) {
	ssize_t n = send(peer->fd, peer->out + peer->out_at, peer->out_size - peer->out_at,
			MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0) {
		return errno == EAGAIN || errno == EINTR;
	}
	peer->out_at += (size_t)n;
	if (peer->out_at == peer->out_size) {
		free(peer->out);
		peer->out = NULL;
	}
	return true;
}

static int on_peer(sd_event_source *source, int fd, uint32_t revents, void *data) {
	struct es_control_peer *peer = data;
	bool open = (revents & (EPOLLHUP | EPOLLERR)) == 0;
	if (open && (revents & EPOLLOUT) != 0 && peer->out != NULL) {
		open = send_out(peer);
	} else if (open && (revents & EPOLLIN) != 0) {
		open = receive(peer);
	}
	if (open && !(peer->last && peer->out == NULL)) {
		handle_line(peer);
		settle_events(peer);
	}
	bool idle = !peer->busy && peer->out == NULL;
	if (!open || (idle && (peer->eof || peer->last))) {
		drop_peer(peer);
	}
	return 0;
}

static int on_idle(sd_event_source *source, uint64_t now, void *data) {
	drop_peer(data);
	return 0;
}

static bool is_operator(int fd) {
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
		return false;
	}
	if (peer.uid != geteuid()) {
		es_log(ES_LOG_WARN, "refused a command of user %u; the host is user %u's",
				(unsigned)peer.uid, (unsigned)geteuid());
		return false;
	}
	return true;
}

static void add_peer(struct es_control_socket *socket, int fd) {
	struct es_control_peer *peer = socket->peers;
	while (peer->socket != NULL) {
		peer++; // there is one: we do not listen while there is none
	}
	*peer = (struct es_control_peer){.socket = socket, .fd = fd};
	socket->n_peers++;
	if (sd_event_add_io(socket->event, &peer->io, fd, EPOLLIN, on_peer, peer) < 0 ||
			sd_event_add_time(socket->event, &peer->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_idle,
					peer) < 0) {
		drop_peer(peer);
		return;
	}
	settle_events(peer);
	if (socket->n_peers == MAX_PEERS) {
		sd_event_source_set_enabled(socket->accept_source, SD_EVENT_OFF);
	}
}

static int on_accept(sd_event_source *source, int listen_fd, uint32_t revents, void *data) {
	struct es_control_socket *socket = data;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		return 0;
	}
	if (is_operator(fd)) {
		add_peer(socket, fd);
	} else {
		fd_close(&fd);
	}
	return 0;
}

// Whoever holds the folder's lock owns the socket in it; one that lies there is a dead host's.
static bool take_folder(struct es_control_socket *control, char *error, size_t cap) {
	control->folder_fd = control_path_settle(error, cap);
	if (control->folder_fd < 0 || !control_path(control->path, sizeof(control->path), error, cap)) {
		return false;
	}
	if (flock(control->folder_fd, LOCK_EX | LOCK_NB) != 0) {
		snprintf(error, cap,
				errno == EWOULDBLOCK
						? "another earthshine serve of yours listens on '%s'; end it first"
						: "cannot lock the folder of '%s'",
				control->path);
		return false;
	}
	return true;
}

static bool listen_there(struct es_control_socket *control, char *error, size_t cap) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, control->path, sizeof(control->path));
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd >= 0) {
		unlink(control->path);
		control->bound = fchmod(control->fd, 0600) == 0 &&
				bind(control->fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	}
	if (!control->bound || listen(control->fd, MAX_PEERS) != 0) {
		snprintf(error, cap, "cannot listen on '%s': %s", control->path, strerror(errno));
		return false;
	}
	return true;
}

struct es_control_socket *control_socket_create(const struct es_api_host *host) {
	char error[1024] = "out of memory";
	struct es_control_socket *control = calloc(1, sizeof(*control));
	if (control == NULL) {
		goto fail;
	}
	control->folder_fd = control->fd = -1;
	control->event = sd_event_ref(host->event);
	control->host = host;
	if (!take_folder(control, error, sizeof(error)) ||
			!listen_there(control, error, sizeof(error))) {
		goto fail;
	}
	int result = sd_event_add_io(
			control->event, &control->accept_source, control->fd, EPOLLIN, on_accept, control);
	if (result < 0) {
		snprintf(error, sizeof(error), "%s", strerror(-result));
		goto fail;
	}
	return control;
fail:
	es_log(ES_LOG_ERROR, "cannot open the control socket: %s", error);
	control_socket_destroy(control);
	return NULL;
}

void control_socket_destroy(struct es_control_socket *control) {
	if (control == NULL) {
		return;
	}
	control->accept_source = sd_event_source_disable_unref(control->accept_source);
	for (size_t i = 0; i < MAX_PEERS; i++) {
		if (control->peers[i].socket != NULL) {
			drop_peer(&control->peers[i]);
		}
	}
	if (control->bound) {
		unlink(control->path);
	}
	fd_close(&control->fd);
	fd_close(&control->folder_fd);
	sd_event_unref(control->event);
	free(control);
}
