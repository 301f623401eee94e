// A small HTTP/1.1 server for GET requests, plain or over TLS, on the host's event loop. Each
// connection carries one request and may not take longer than a few seconds, except while its answer
// is held on purpose. Single-threaded.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "protocol/crypto.h"
#include "protocol/nvhttp.h"

struct es_http_server;
// One request. Valid until it is answered, or, if it is held, until its `gone` is called.
struct es_http_request;

// Must answer or hold the request before it returns.
typedef void (*es_http_handler)(void *data, struct es_http_request *request);

struct es_http_params {
	sd_event *event; // borrowed
	int listen_fd; // taken over, also on failure
	const struct es_identity *identity; // NULL: without TLS. Copied.
	es_http_handler handler;
	void *data;
};

// NULL after a logged error.
struct es_http_server *http_server_create(const struct es_http_params *params);
// What is held is dropped: `gone` is called. NULL is fine. Not from within a handler.
void http_server_destroy(struct es_http_server *server);

// Closes the connections whose peer's certificate (NULL: it showed none) `stays` denies.
void http_server_close_others(struct es_http_server *server,
		bool (*stays)(void *data, const void *der, size_t size), void *data);

// --- a request

const char *http_request_path(const struct es_http_request *request);
const struct es_query *http_request_query(const struct es_http_request *request);
// Numeric addresses of both ends.
const char *http_request_peer(const struct es_http_request *request);
const char *http_request_local(const struct es_http_request *request);
// The certificate that the peer has proved to own, as DER. NULL: none.
const void *http_request_certificate(const struct es_http_request *request, size_t *size);

// Takes a copy of the body, or, if `constant`, refers to it for ever.
void http_answer(struct es_http_request *request, unsigned code, const char *type, const void *body,
		size_t size, bool constant);
// Answers later, without a limit of time. `gone` is called once if the peer hangs up before that.
void http_hold(struct es_http_request *request, void (*gone)(void *data), void *data);
