#define _GNU_SOURCE
#include "host/http_state.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/quantity.h"
#include "protocol/crypto.h"

#define MAX_HEADERS 64
// Who reads more slowly than that is not waited for.
#define LEAST_BYTES_PER_S (32 * 1024)

// --- the request

void http_request_reset(struct es_http_request *request) {
	request->hang_up = sd_event_source_disable_unref(request->hang_up);
	if (request->response != NULL) {
		MHD_destroy_response(request->response);
	}
	if (request->target != NULL) {
		crypto_wipe(request->target, request->target_size);
	}
	if (request->query != NULL) {
		crypto_wipe(request->query, sizeof(*request->query));
	}
	if (request->body != NULL) {
		crypto_wipe(request->body, request->body_size);
	}
	for (size_t i = 0; i < request->n_headers; i++) {
		crypto_wipe(request->headers[i].value, strlen(request->headers[i].value));
		free(request->headers[i].value);
	}
	free(request->target);
	free(request->path);
	free(request->query);
	free(request->body);
	free(request->stream.data);
	request->response = NULL;
	request->target = request->path = request->body = NULL;
	request->query = NULL;
	request->body_size = request->body_cap = request->body_max = 0;
	request->body_too_long = false;
	request->n_headers = 0;
	request->stream = (struct es_http_stream){0};
	request->upgraded = (struct es_http_upgraded){.fd = -1};
	request->gone = NULL;
	request->state = ES_HTTP_IDLE;
	request->deadline_ns = clock_now_ns() + ES_HTTP_IDLE_NS;
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

static void refuse_long(struct es_http_request *request) {
	refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too long\n");
}

static bool is_method(const struct es_http_request *request) {
	static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
	size_t n = request->server->params.admit != NULL ? sizeof(known) / sizeof(known[0]) : 1;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(request->method, known[i]) == 0) {
			return true;
		}
	}
	return false;
}

// Its size as it is announced; UINT64_MAX: only its end will tell.
static uint64_t announced_body(const struct es_http_request *request) {
	const char *text =
			MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Content-Length");
	uint64_t size;
	if (MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Transfer-Encoding") !=
			NULL) {
		return UINT64_MAX;
	}
	if (text == NULL) {
		return 0;
	}
	return quantity_whole(text, 0, UINT64_MAX, &size) ? size : UINT64_MAX - 1;
}

static void expect_body(struct es_http_request *request, uint64_t size) {
	request->body_max = request->server->params.admit(request->server->params.data, request);
	if (request->state != ES_HTTP_HANDLED) {
		return; // answered
	}
	if (size != UINT64_MAX && size > request->body_max) {
		refuse_long(request);
	} else {
		request->state = ES_HTTP_BODY;
	}
}

static void handle(struct es_http_request *request) {
	request->state = ES_HTTP_HANDLED;
	request->server->params.handler(request->server->params.data, request);
}

// Once the headers are there.
static void begin(struct es_http_request *request) {
	request->state = ES_HTTP_HANDLED;
	int n_headers = MHD_get_connection_values(request->connection, MHD_HEADER_KIND, NULL, NULL);
	bool bodies = request->server->params.admit != NULL;
	uint64_t body = bodies ? announced_body(request) : 0;
	if (!is_method(request)) {
		refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED,
				bodies ? "no such method\n" : "only GET is served here\n");
	} else if (n_headers > MAX_HEADERS) {
		refuse(request, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "too many header lines\n");
	} else if (request->target == NULL || !split_target(request)) {
		refuse(request, MHD_HTTP_BAD_REQUEST, "the parameters cannot be read\n");
	} else if (body > 0) {
		expect_body(request, body);
	} else if (bodies) {
		request->state = ES_HTTP_BODY; // none, but who is answered before it was due is hung up on
	} else {
		handle(request);
	}
}

static void take_body(struct es_http_request *request, const char *data, size_t size) {
	if (request->body_too_long || size > request->body_max - request->body_size) {
		request->body_too_long = true; // the rest is read over
		return;
	}
	if (request->body_size + size > request->body_cap) {
		size_t cap = request->body_cap * 2 > request->body_size + size ? request->body_cap * 2
																	   : request->body_size + size;
		char *grown = malloc(cap);
		if (grown == NULL) {
			request->body_too_long = true;
			return;
		}
		if (request->body != NULL) {
			memcpy(grown, request->body, request->body_size);
			crypto_wipe(request->body, request->body_size);
		}
		free(request->body);
		request->body = grown;
		request->body_cap = cap;
	}
	memcpy(request->body + request->body_size, data, size);
	request->body_size += size;
}

static enum MHD_Result queue_answer(struct es_http_request *request) {
	if (request->response == NULL) {
		return MHD_NO;
	}
	enum MHD_Result result =
			MHD_queue_response(request->connection, request->code, request->response);
	MHD_destroy_response(request->response);
	request->response = NULL;
	return result;
}

enum MHD_Result http_request_step(struct es_http_request *request, const char *method,
		const char *upload, size_t *upload_size) {
	if (request->state <= ES_HTTP_READING) {
		request->method = method;
		begin(request);
		if (request->state == ES_HTTP_BODY) {
			return MHD_YES;
		}
	} else if (request->state == ES_HTTP_BODY && *upload_size > 0) {
		take_body(request, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	} else if (request->state == ES_HTTP_BODY && request->body_too_long) {
		refuse_long(request);
	} else if (request->state == ES_HTTP_BODY) {
		handle(request);
	}
	if (request->state == ES_HTTP_HELD) {
		MHD_suspend_connection(request->connection);
		return MHD_YES;
	}
	return queue_answer(request);
}

// --- the answer

void http_answer_header(struct es_http_request *request, const char *name, const char *value) {
	char *copy = request->n_headers < ES_HTTP_MAX_ANSWER_HEADERS ? strdup(value) : NULL;
	if (copy == NULL) {
		es_log(ES_LOG_WARN, "an answer goes without its header '%s': no room for it", name);
		return;
	}
	request->headers[request->n_headers++] =
			(struct es_http_answer_header){.name = name, .value = copy};
}

bool http_request_dress(struct es_http_request *request, struct MHD_Response *response) {
	const struct es_http_params *params = &request->server->params;
	bool ok = true;
	for (size_t i = 0; i < params->n_headers; i++) {
		ok = ok &&
				MHD_add_response_header(
						response, params->headers[i].name, params->headers[i].value) == MHD_YES;
	}
	for (size_t i = 0; i < request->n_headers; i++) {
		ok = ok &&
				MHD_add_response_header(
						response, request->headers[i].name, request->headers[i].value) == MHD_YES;
	}
	return ok;
}

static void resume(struct es_http_request *request) {
	request->hang_up = sd_event_source_disable_unref(request->hang_up);
	request->gone = NULL;
	request->state = ES_HTTP_ANSWERED;
	MHD_resume_connection(request->connection);
	http_server_kick(request->server);
}

void http_request_settle(
		struct es_http_request *request, unsigned code, struct MHD_Response *response) {
	bool dressed = response != NULL && http_request_dress(request, response) &&
			(request->server->params.keep_alive ||
					MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") ==
							MHD_YES);
	if (response != NULL && !dressed) {
		MHD_destroy_response(response);
		response = NULL;
	}
	request->code = code;
	request->response = response;
	if (request->state == ES_HTTP_HELD) {
		resume(request);
	}
	request->state = ES_HTTP_ANSWERED;
}

static bool is_answered(const struct es_http_request *request) {
	return request->state != ES_HTTP_HANDLED && request->state != ES_HTTP_HELD &&
			request->state != ES_HTTP_BODY;
}

static void answer_with(struct es_http_request *request, unsigned code, const char *type,
		struct MHD_Response *response, size_t size) {
	if (response != NULL && type != NULL &&
			MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_NO) {
		MHD_destroy_response(response);
		response = NULL;
	}
	request->deadline_ns =
			clock_now_ns() + ES_HTTP_ANSWER_NS + (int64_t)(size / LEAST_BYTES_PER_S) * ES_NS_PER_S;
	http_request_settle(request, code, response);
}

void http_answer(struct es_http_request *request, unsigned code, const char *type, const void *body,
		size_t size, bool constant) {
	if (is_answered(request)) {
		return;
	}
	answer_with(request, code, type,
			constant ? MHD_create_response_from_buffer_static(size, body)
					 : MHD_create_response_from_buffer_copy(size, body),
			size);
}

void http_answer_file(
		struct es_http_request *request, unsigned code, const char *type, int fd, size_t size) {
	struct MHD_Response *response =
			is_answered(request) ? NULL : MHD_create_response_from_fd(size, fd);
	if (response == NULL) {
		fd_close(&fd); // else the library's
	}
	if (!is_answered(request)) {
		answer_with(request, code, type, response, size);
	}
}

// Without a response: the connection is closed.
static void drop_held(struct es_http_request *request) {
	void (*gone)(void *) = request->gone;
	void *data = request->gone_data;
	resume(request);
	gone(data);
}

void http_request_drop(struct es_http_request *request) {
	if (request->state == ES_HTTP_HELD) {
		drop_held(request);
	} else if (request->state == ES_HTTP_STREAM) {
		http_stream_drop(request);
	} else if (request->state == ES_HTTP_UPGRADED) {
		http_upgrade_drop(request);
	}
}

static int on_hang_up(sd_event_source *source, int fd, uint32_t events, void *data) {
	drop_held(data);
	return 0;
}

void http_request_watch(struct es_http_request *request, sd_event_io_handler_t on_event) {
	if (sd_event_add_io(request->server->event, &request->hang_up, request->fd, EPOLLRDHUP,
				on_event, request) < 0) {
		es_log(ES_LOG_DEBUG, "a client that hangs up while it waits will not be noticed");
	}
}

void http_hold(struct es_http_request *request, void (*gone)(void *data), void *data) {
	request->gone = gone;
	request->gone_data = data;
	http_request_watch(request, on_hang_up);
	request->deadline_ns = 0;
	request->state = ES_HTTP_HELD;
}

// --- what it says

const char *http_request_method(const struct es_http_request *request) {
	return request->method;
}

const char *http_request_path(const struct es_http_request *request) {
	return request->path;
}

const struct es_query *http_request_query(const struct es_http_request *request) {
	return request->query;
}

const char *http_request_target(const struct es_http_request *request) {
	return request->target;
}

const char *http_request_peer(const struct es_http_request *request) {
	return request->peer;
}

const char *http_request_local(const struct es_http_request *request) {
	return request->local;
}

const void *http_request_body(const struct es_http_request *request, size_t *size) {
	*size = request->body_size;
	return request->body;
}

struct header_search {
	const char *name, *value;
	unsigned n;
};

static enum MHD_Result count_header(
		void *data, enum MHD_ValueKind kind, const char *name, const char *value) {
	struct header_search *search = data;
	if (strcasecmp(name, search->name) == 0) {
		search->value = value;
		search->n++;
	}
	return MHD_YES;
}

bool http_request_header(
		const struct es_http_request *request, const char *name, const char **value) {
	struct header_search search = {.name = name};
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_header, &search);
	*value = search.value;
	return search.n <= 1;
}

const void *http_request_certificate(const struct es_http_request *request, size_t *size) {
	const union MHD_ConnectionInfo *info = request->server->tls
			? MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)
			: NULL;
	unsigned n = 0;
	const gnutls_datum_t *chain =
			info != NULL ? gnutls_certificate_get_peers(info->tls_session, &n) : NULL;
	// The first is the one whose key signed the handshake; what follows is only claimed.
	*size = chain != NULL && n > 0 ? chain[0].size : 0;
	return chain != NULL && n > 0 ? chain[0].data : NULL;
}
