#define _GNU_SOURCE
#include "host/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#define MAX_CONNECTIONS 256
#define MAX_CONNECTIONS_PER_ADDRESS 16
#define MAX_HEADERS 32
// The longest request line, its parameters in the library's own form, and the headers.
#define CONNECTION_MEMORY (48 * 1024)
// For the handshake and the request together, and then for the answer, however they trickle.
#define REQUEST_NS (10 * ES_NS_PER_S)
#define ANSWER_NS (20 * ES_NS_PER_S)
// When most places are taken, who is slow makes room sooner.
#define CROWD (MAX_CONNECTIONS * 3 / 4)
#define CROWDED_REQUEST_NS (2 * ES_NS_PER_S)
// Resumption stays off (no tickets, no cache): each connection proves its certificate.
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%NO_TICKETS"

enum request_state { READING, HANDLED, HELD, ANSWERED };

struct es_http_request {
	struct es_http_server *server; // borrowed
	struct es_http_request *previous, *next;
	struct MHD_Connection *connection; // the library's
	int fd; // the library's
	enum request_state state;
	int64_t deadline_ns; // 0: none
	char *target; // as received; holds secrets
	size_t target_size;
	char *path;
	struct es_query *query; // holds secrets
	char peer[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN];
	struct MHD_Response *response; // answered, not yet queued
	unsigned code;
	sd_event_source *hang_up; // while held
	void (*gone)(void *data);
	void *gone_data;
};

struct es_http_server {
	sd_event *event; // borrowed
	es_http_handler handler;
	void *data;
	bool tls;
	struct MHD_Daemon *daemon;
	sd_event_source *io, *timer;
	struct es_http_request *requests;
	unsigned n_requests;
};

// --- connections come and go

static void read_address(
		int fd, int (*get)(int, struct sockaddr *, socklen_t *), char *out, size_t cap) {
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	const void *from = NULL;
	out[0] = '\0';
	if (get(fd, (struct sockaddr *)&address, &size) != 0) {
		return;
	}
	if (address.ss_family == AF_INET) {
		from = &((struct sockaddr_in *)&address)->sin_addr;
	} else if (address.ss_family == AF_INET6) {
		from = &((struct sockaddr_in6 *)&address)->sin6_addr;
	}
	if (from == NULL || inet_ntop(address.ss_family, from, out, (socklen_t)cap) == NULL) {
		out[0] = '\0';
	}
}

static int get_peer(int fd, struct sockaddr *address, socklen_t *size) {
	return getpeername(fd, address, size);
}

static int get_local(int fd, struct sockaddr *address, socklen_t *size) {
	return getsockname(fd, address, size);
}

static gnutls_session_t tls_session(const struct es_http_request *request) {
	const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return info != NULL ? info->tls_session : NULL;
}

static void open_request(
		struct es_http_server *server, struct MHD_Connection *connection, void **context) {
	struct es_http_request *request = calloc(1, sizeof(*request));
	if (request == NULL) {
		return; // the handler finds none and closes
	}
	request->server = server;
	request->connection = connection;
	request->fd =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	request->deadline_ns = clock_now_ns() + REQUEST_NS;
	read_address(request->fd, get_peer, request->peer, sizeof(request->peer));
	read_address(request->fd, get_local, request->local, sizeof(request->local));
	if (server->tls) {
		// Asked for, never demanded or verified here: who has none gets an answer that says so. No list
		// of issuers, as there is no issuer.
		gnutls_session_t session = tls_session(request);
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
		gnutls_certificate_send_x509_rdn_sequence(session, 1);
	}
	request->next = server->requests;
	if (request->next != NULL) {
		request->next->previous = request;
	}
	server->requests = request;
	server->n_requests++;
	*context = request;
}

static void close_request(struct es_http_request *request) {
	request->server->n_requests--;
	if (request->previous != NULL) {
		request->previous->next = request->next;
	} else {
		request->server->requests = request->next;
	}
	if (request->next != NULL) {
		request->next->previous = request->previous;
	}
	sd_event_source_disable_unref(request->hang_up);
	if (request->response != NULL) {
		MHD_destroy_response(request->response);
	}
	if (request->target != NULL) {
		crypto_wipe(request->target, request->target_size);
	}
	if (request->query != NULL) {
		crypto_wipe(request->query, sizeof(*request->query));
	}
	free(request->target);
	free(request->path);
	free(request->query);
	free(request);
}

static void on_connection(void *data, struct MHD_Connection *connection, void **context,
		enum MHD_ConnectionNotificationCode code) {
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		open_request(data, connection, context);
	} else if (*context != NULL) {
		close_request(*context);
		*context = NULL;
	}
}

static struct es_http_request *request_of(struct MHD_Connection *connection) {
	const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info != NULL ? info->socket_context : NULL;
}

// --- requests and answers

// The library decodes parameters its own way; ours are read from the target as it came.
static void *on_target(void *data, const char *target, struct MHD_Connection *connection) {
	struct es_http_request *request = request_of(connection);
	if (request != NULL && request->target == NULL) {
		request->target = strdup(target);
		request->target_size = request->target != NULL ? strlen(target) : 0;
	}
	return NULL;
}

static bool split_target(struct es_http_request *request) {
	size_t path_size = strcspn(request->target, "?");
	const char *query = request->target + path_size;
	query += *query == '?';
	request->path = strndup(request->target, path_size);
	request->query = calloc(1, sizeof(*request->query));
	return request->path != NULL && request->query != NULL &&
			query_parse(request->query, query, strlen(query));
}

static void refuse(struct es_http_request *request, unsigned code, const char *text) {
	http_answer(request, code, "text/plain", text, strlen(text), true);
}

static void handle(struct es_http_request *request, const char *method) {
	request->state = HANDLED;
	int n_headers = MHD_get_connection_values(request->connection, MHD_HEADER_KIND, NULL, NULL);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
		refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is served here\n");
	} else if (n_headers > MAX_HEADERS) {
		refuse(request, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "too many header lines\n");
	} else if (request->target == NULL || !split_target(request)) {
		refuse(request, MHD_HTTP_BAD_REQUEST, "the parameters cannot be read\n");
	} else {
		request->server->handler(request->server->data, request);
	}
}

static enum MHD_Result queue_answer(struct es_http_request *request) {
	if (request->response == NULL) {
		return MHD_NO;
	}
	enum MHD_Result result =
			MHD_queue_response(request->connection, request->code, request->response);
	MHD_destroy_response(request->response);
	request->response = NULL;
	request->deadline_ns = clock_now_ns() + ANSWER_NS;
	return result;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
		const char *method, const char *version, const char *upload, size_t *upload_size,
		void **context) {
	struct es_http_request *request = request_of(connection);
	if (request == NULL) {
		return MHD_NO;
	}
	if (request->state == READING) {
		handle(request, method);
	}
	if (request->state == HELD) {
		MHD_suspend_connection(connection);
		return MHD_YES;
	}
	return queue_answer(request);
}

static void kick(struct es_http_server *server);

static void resume(struct es_http_request *request) {
	request->hang_up = sd_event_source_disable_unref(request->hang_up);
	request->gone = NULL;
	request->state = ANSWERED;
	MHD_resume_connection(request->connection);
	kick(request->server);
}

void http_answer(struct es_http_request *request, unsigned code, const char *type, const void *body,
		size_t size, bool constant) {
	if (request->state == ANSWERED) {
		return;
	}
	request->code = code;
	request->response = constant ? MHD_create_response_from_buffer_static(size, body)
								 : MHD_create_response_from_buffer_copy(size, body);
	if (request->response != NULL &&
			(MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, type) ==
							MHD_NO ||
					MHD_add_response_header(
							request->response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_NO)) {
		MHD_destroy_response(request->response);
		request->response = NULL;
	}
	if (request->state == HELD) {
		resume(request);
	}
	request->state = ANSWERED;
}

// Without a response: the connection is closed.
static void drop_held(struct es_http_request *request) {
	void (*gone)(void *) = request->gone;
	void *data = request->gone_data;
	resume(request);
	gone(data);
}

static int on_hang_up(sd_event_source *source, int fd, uint32_t events, void *data) {
	drop_held(data);
	return 0;
}

void http_hold(struct es_http_request *request, void (*gone)(void *data), void *data) {
	request->gone = gone;
	request->gone_data = data;
	if (sd_event_add_io(request->server->event, &request->hang_up, request->fd, EPOLLRDHUP,
				on_hang_up, request) < 0) {
		es_log(ES_LOG_DEBUG, "a client that hangs up while it waits will not be noticed");
	}
	request->deadline_ns = 0;
	request->state = HELD;
}

const char *http_request_path(const struct es_http_request *request) {
	return request->path;
}

const struct es_query *http_request_query(const struct es_http_request *request) {
	return request->query;
}

const char *http_request_peer(const struct es_http_request *request) {
	return request->peer;
}

const char *http_request_local(const struct es_http_request *request) {
	return request->local;
}

const void *http_request_certificate(const struct es_http_request *request, size_t *size) {
	unsigned n = 0;
	const gnutls_datum_t *chain =
			request->server->tls ? gnutls_certificate_get_peers(tls_session(request), &n) : NULL;
	// The first is the one whose key signed the handshake; what follows is only claimed.
	*size = chain != NULL && n > 0 ? chain[0].size : 0;
	return chain != NULL && n > 0 ? chain[0].data : NULL;
}

// --- the event loop

// The library then sees an end of file and lets the connection go.
static void hang_up(struct es_http_request *request) {
	request->deadline_ns = 0;
	shutdown(request->fd, SHUT_RDWR);
}

static int64_t deadline_of(const struct es_http_request *request) {
	if (request->deadline_ns == 0) {
		return INT64_MAX;
	}
	bool hurry = request->state == READING && request->server->n_requests > CROWD;
	return request->deadline_ns - (hurry ? REQUEST_NS - CROWDED_REQUEST_NS : 0);
}

static int64_t enforce_deadlines(struct es_http_server *server) {
	int64_t now = clock_now_ns(), next = INT64_MAX;
	for (struct es_http_request *r = server->requests; r != NULL; r = r->next) {
		int64_t deadline = deadline_of(r);
		if (deadline <= now) {
			hang_up(r);
		} else if (deadline < next) {
			next = deadline;
		}
	}
	return next;
}

static void run(struct es_http_server *server) {
	bool full = server->n_requests >= MAX_CONNECTIONS;
	MHD_run(server->daemon);
	if (full && server->n_requests < MAX_CONNECTIONS) {
		// The library listens again only from its next round on, and nothing else would cause one.
		MHD_run(server->daemon);
	}
	int64_t next = enforce_deadlines(server);
	MHD_UNSIGNED_LONG_LONG wait_ms;
	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES) {
		int64_t at = clock_now_ns() + (int64_t)(wait_ms > 60000 ? 60000 : wait_ms) * ES_NS_PER_MS;
		next = at < next ? at : next;
	}
	if (next == INT64_MAX) {
		sd_event_source_set_enabled(server->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(server->timer, (uint64_t)(next / ES_NS_PER_US) + 1);
	sd_event_source_set_enabled(server->timer, SD_EVENT_ONESHOT);
}

static void kick(struct es_http_server *server) {
	sd_event_source_set_time(server->timer, 0);
	sd_event_source_set_enabled(server->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data) {
	run(data);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data) {
	run(data);
	return 0;
}

static struct MHD_Daemon *start(
		struct es_http_server *server, const struct es_http_params *params) {
	struct MHD_OptionItem tls[] = {
			{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
			{MHD_OPTION_HTTPS_MEM_KEY, 0, NULL},
			{MHD_OPTION_HTTPS_MEM_CERT, 0, NULL},
			{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_THREAD_SAFETY;
	if (params->identity != NULL) {
		flags |= MHD_USE_TLS;
		tls[1].ptr_value = (void *)params->identity->key_pem;
		tls[2].ptr_value = (void *)params->identity->cert_pem;
	} else {
		tls[0] = tls[3];
	}
	// No error log: it could name what was asked for.
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
			params->listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
			MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS_PER_ADDRESS,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(ANSWER_NS / ES_NS_PER_S),
			MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_URI_LOG_CALLBACK,
			on_target, server, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

struct es_http_server *http_server_create(const struct es_http_params *params) {
	int listen_fd = params->listen_fd;
	struct es_http_server *server = calloc(1, sizeof(*server));
	if (server == NULL) {
		goto fail;
	}
	server->event = params->event;
	server->handler = params->handler;
	server->data = params->data;
	server->tls = params->identity != NULL;
	server->daemon = start(server, params);
	if (server->daemon == NULL) {
		goto fail;
	}
	listen_fd = -1; // the daemon's now
	const union MHD_DaemonInfo *info =
			MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL ||
			sd_event_add_io(server->event, &server->io, info->epoll_fd, EPOLLIN, on_io, server) <
					0 ||
			sd_event_add_time(server->event, &server->timer, CLOCK_MONOTONIC, 0, 1000, on_timer,
					server) < 0) {
		goto fail;
	}
	return server;
fail:
	es_log(ES_LOG_ERROR, "the %s server could not be started",
			params->identity != NULL ? "HTTPS" : "HTTP");
	fd_close(&listen_fd);
	http_server_destroy(server);
	return NULL;
}

void http_server_destroy(struct es_http_server *server) {
	if (server == NULL) {
		return;
	}
	sd_event_source_disable_unref(server->io);
	for (struct es_http_request *r = server->requests; r != NULL; r = r->next) {
		if (r->state == HELD) {
			drop_held(r); // the library refuses to stop otherwise
		}
	}
	sd_event_source_disable_unref(server->timer);
	if (server->daemon != NULL) {
		MHD_stop_daemon(server->daemon);
	}
	free(server);
}

void http_server_close_others(struct es_http_server *server,
		bool (*stays)(void *data, const void *der, size_t size), void *data) {
	for (struct es_http_request *r = server->requests; r != NULL; r = r->next) {
		size_t size;
		const void *der = http_request_certificate(r, &size);
		if (!stays(data, der, size)) {
			hang_up(r); // a held one is noticed as one that hangs up
		}
	}
}
