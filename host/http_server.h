// A small HTTP/1.1 server, plain or over TLS, on the host's event loop. No request may take longer than
// a few seconds, except while its answer is held or streamed on purpose. Single-threaded.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "protocol/nvhttp.h"

struct es_http_server;
// One request. Valid until it is answered, or, if it is held, streamed or upgraded, until its `gone` is
// called.
struct es_http_request;

struct es_http_header {
	const char *name, *value;
};

// Must answer, hold, stream or upgrade the request before it returns.
typedef void (*es_http_handler)(void *data, struct es_http_request *request);

struct es_http_params {
	sd_event *event; // borrowed
	int listen_fd; // taken over, also on failure
	const char *key_pem, *cert_pem; // NULL: without TLS. Copied.
	bool ask_certificate; // of clients; who has none is served all the same
	bool keep_alive; // many requests on one connection
	unsigned max_connections, max_per_address; // 0: 256, 16
	const struct es_http_header *headers; // on every answer; borrowed
	size_t n_headers;
	es_http_handler handler;
	// How long a body this request may have, once its headers are known. May answer it, and then the
	// body is not read. NULL: there are no bodies, and GET is all that is served.
	size_t (*admit)(void *data, struct es_http_request *request);
	void *data;
};

// NULL after a logged error.
struct es_http_server *http_server_create(const struct es_http_params *params);
// What is held, streamed or upgraded is dropped: `gone` is called. NULL is fine. Not from within a
// handler.
void http_server_destroy(struct es_http_server *server);

// The certificate (chain) and key for connections from now on. False with the reason in error[cap]: they
// stay what they were.
bool http_server_set_certificate(struct es_http_server *server, const char *key_pem,
		const char *cert_pem, char *error, size_t cap);

// Closes the connections whose peer's certificate (NULL: it showed none) `stays` denies.
void http_server_close_others(struct es_http_server *server,
		bool (*stays)(void *data, const void *der, size_t size), void *data);

// --- a request

const char *http_request_method(const struct es_http_request *request);
const char *http_request_path(const struct es_http_request *request);
const struct es_query *http_request_query(const struct es_http_request *request);
// As it was received: path and query.
const char *http_request_target(const struct es_http_request *request);
// Numeric addresses of both ends.
const char *http_request_peer(const struct es_http_request *request);
const char *http_request_local(const struct es_http_request *request);
// NULL in *value: there is no such header line. False: there are several.
bool http_request_header(
		const struct es_http_request *request, const char *name, const char **value);
// NULL: none.
const void *http_request_body(const struct es_http_request *request, size_t *size);
// The certificate that the peer has proved to own, as DER. NULL: none.
const void *http_request_certificate(const struct es_http_request *request, size_t *size);

// One more header line for the answer to come. The value is copied, the name is a constant.
void http_answer_header(struct es_http_request *request, const char *name, const char *value);
// Takes a copy of the body, or, if `constant`, refers to it for ever.
void http_answer(struct es_http_request *request, unsigned code, const char *type, const void *body,
		size_t size, bool constant);
// Sends `size` bytes of the file, which is taken over.
void http_answer_file(
		struct es_http_request *request, unsigned code, const char *type, int fd, size_t size);
// Answers later, without a limit of time. `gone` is called once if the peer hangs up before that.
void http_hold(struct es_http_request *request, void (*gone)(void *data), void *data);

// --- an answer that goes on (http_stream.c)

#define ES_HTTP_BACKLOG (64 * 1024)

// Answers with what http_stream_send is given, until the peer hangs up: then `gone` is called.
void http_stream(
		struct es_http_request *request, const char *type, void (*gone)(void *data), void *data);
// False: the peer has not read ES_HTTP_BACKLOG bytes yet, or there is no memory; nothing was taken.
bool http_stream_send(struct es_http_request *request, const void *data, size_t size);
// What was sent goes out, and the connection is closed; `gone` is not called any more.
void http_stream_end(struct es_http_request *request);

// --- another protocol on the connection (http_upgrade.c)

struct es_http_upgrade {
	const char *protocol; // of the header Upgrade
	// The connection's bytes are now the other protocol's. The fd (non-blocking) is taken over; over TLS
	// it is a socket pair's end. Who is done with it shuts it down, since the server keeps its own
	// duplicate; it is shut down by the server when the peer hangs up.
	void (*open)(void *data, int fd);
	void (*gone)(void *data); // called once, also if `open` never was
	void *data;
};
void http_upgrade(struct es_http_request *request, const struct es_http_upgrade *upgrade);
// Ends it; `gone` is called before this returns.
void http_upgrade_close(struct es_http_request *request);
