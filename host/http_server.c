#define _GNU_SOURCE
#include "host/http_server.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/http_state.h"

#define MAX_CONNECTIONS 256
#define MAX_CONNECTIONS_PER_ADDRESS 16
// The longest request line, its parameters in the library's own form, and the headers.
#define CONNECTION_MEMORY (48 * 1024)
// When most places are taken, who is slow makes room sooner.
#define CROWD(max) ((max) * 3 / 4)
#define CROWDED_REQUEST_NS (2 * ES_NS_PER_S)
// Resumption stays off (no tickets, no cache): each connection proves its certificate.
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%NO_TICKETS"

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

// Connections refer to those that they began with, so they are kept.
struct es_http_credentials {
	struct es_http_credentials *next;
	gnutls_certificate_credentials_t use;
};

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
	http_request_reset(request);
	request->state = ES_HTTP_READING;
	request->deadline_ns = clock_now_ns() + ES_HTTP_REQUEST_NS;
	read_address(request->fd, get_peer, request->peer, sizeof(request->peer));
	read_address(request->fd, get_local, request->local, sizeof(request->local));
	if (server->tls && server->params.ask_certificate) {
		// Asked for, never demanded or verified here: who has none gets an answer that says so. No list
		// of issuers, as there is no issuer.
		gnutls_session_t session = tls_session(request);
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
		gnutls_certificate_send_x509_rdn_sequence(session, 1);
	}
	if (server->credentials != NULL) {
		gnutls_credentials_set(
				tls_session(request), GNUTLS_CRD_CERTIFICATE, server->credentials->use);
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
	http_request_reset(request);
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

// --- requests

// The library decodes parameters its own way; ours are read from the target as it came.
static void *on_target(void *data, const char *target, struct MHD_Connection *connection) {
	struct es_http_request *request = request_of(connection);
	if (request == NULL || request->target != NULL) {
		return NULL;
	}
	if (request->state == ES_HTTP_IDLE) {
		request->state = ES_HTTP_READING;
		request->deadline_ns = clock_now_ns() + ES_HTTP_REQUEST_NS;
	}
	request->target = strdup(target);
	request->target_size = request->target != NULL ? strlen(target) : 0;
	return NULL;
}

// Nor does it decode the path, which is compared as it came: it has answers of its own to what it
// would find in there.
static size_t on_decode(void *data, struct MHD_Connection *connection, char *text) {
	return strlen(text);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
		const char *method, const char *version, const char *upload, size_t *upload_size,
		void **context) {
	struct es_http_request *request = request_of(connection);
	return request != NULL ? http_request_step(request, method, upload, upload_size) : MHD_NO;
}

static void on_completed(void *data, struct MHD_Connection *connection, void **context,
		enum MHD_RequestTerminationCode code) {
	struct es_http_request *request = request_of(connection);
	if (request == NULL) {
		return;
	}
	if (request->state == ES_HTTP_STREAM) {
		http_stream_finish(request);
	} else if (request->state == ES_HTTP_UPGRADED) {
		http_upgrade_finish(request);
	}
	http_request_reset(request);
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
	const struct es_http_server *server = request->server;
	bool hurry = request->state <= ES_HTTP_BODY &&
			server->n_requests > CROWD(server->params.max_connections);
	int64_t allowed = request->state == ES_HTTP_IDLE ? ES_HTTP_IDLE_NS : ES_HTTP_REQUEST_NS;
	return request->deadline_ns - (hurry ? allowed - CROWDED_REQUEST_NS : 0);
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
	bool full = server->n_requests >= server->params.max_connections;
	MHD_run(server->daemon);
	if (full && server->n_requests < server->params.max_connections) {
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

void http_server_kick(struct es_http_server *server) {
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
	unsigned flags =
			MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_NO_THREAD_SAFETY;
	if (server->tls) {
		flags |= MHD_USE_TLS;
		tls[1].ptr_value = (void *)params->key_pem;
		tls[2].ptr_value = (void *)params->cert_pem;
	} else {
		tls[0] = tls[3];
	}
	// No error log: it could name what was asked for.
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
			params->listen_fd, MHD_OPTION_CONNECTION_LIMIT, server->params.max_connections,
			MHD_OPTION_PER_IP_CONNECTION_LIMIT, server->params.max_per_address,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(ES_HTTP_ANSWER_NS / ES_NS_PER_S),
			MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
			on_completed, server, MHD_OPTION_UNESCAPE_CALLBACK, on_decode, NULL,
			MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

struct es_http_server *http_server_create(const struct es_http_params *params) {
	int listen_fd = params->listen_fd;
	struct es_http_server *server = calloc(1, sizeof(*server));
	if (server == NULL) {
		goto fail;
	}
	server->event = params->event;
	server->params = *params;
	server->params.key_pem = server->params.cert_pem = NULL; // not ours for longer than this
	server->params.max_connections =
			params->max_connections > 0 ? params->max_connections : MAX_CONNECTIONS;
	server->params.max_per_address =
			params->max_per_address > 0 ? params->max_per_address : MAX_CONNECTIONS_PER_ADDRESS;
	server->tls = params->cert_pem != NULL;
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
			params->cert_pem != NULL ? "HTTPS" : "HTTP");
	fd_close(&listen_fd);
	http_server_destroy(server);
	return NULL;
}

static void destroy_credentials(struct es_http_credentials *credentials) {
	if (credentials->use != NULL) {
		gnutls_certificate_free_credentials(credentials->use);
	}
	free(credentials);
}

bool http_server_set_certificate(struct es_http_server *server, const char *key_pem,
		const char *cert_pem, char *error, size_t cap) {
	const gnutls_datum_t key = {(unsigned char *)key_pem, (unsigned)strlen(key_pem)};
	const gnutls_datum_t cert = {(unsigned char *)cert_pem, (unsigned)strlen(cert_pem)};
	struct es_http_credentials *fresh = calloc(1, sizeof(*fresh));
	int result = fresh == NULL ? GNUTLS_E_MEMORY_ERROR
							   : gnutls_certificate_allocate_credentials(&fresh->use);
	if (result == GNUTLS_E_SUCCESS) {
		result = gnutls_certificate_set_x509_key_mem(fresh->use, &cert, &key, GNUTLS_X509_FMT_PEM);
	}
	if (result != GNUTLS_E_SUCCESS) {
		snprintf(error, cap, "%s", gnutls_strerror(result));
		if (fresh != NULL) {
			destroy_credentials(fresh);
		}
		return false;
	}
	fresh->next = server->credentials;
	server->credentials = fresh;
	return true;
}

void http_server_destroy(struct es_http_server *server) {
	if (server == NULL) {
		return;
	}
	sd_event_source_disable_unref(server->io);
	for (struct es_http_request *r = server->requests; r != NULL; r = r->next) {
		http_request_drop(r); // the library refuses to stop otherwise
	}
	sd_event_source_disable_unref(server->timer);
	if (server->daemon != NULL) {
		MHD_stop_daemon(server->daemon);
	}
	while (server->credentials != NULL) {
		struct es_http_credentials *next = server->credentials->next;
		destroy_credentials(server->credentials);
		server->credentials = next;
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
