// What the HTTP server's files share. Not for others.
#pragma once

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdint.h>

#include "host/http_server.h"

// For the handshake and the request together, and then for the answer, however they trickle.
#define ES_HTTP_REQUEST_NS (10 * ES_NS_PER_S)
#define ES_HTTP_ANSWER_NS (20 * ES_NS_PER_S)
// Between two requests.
#define ES_HTTP_IDLE_NS (30 * ES_NS_PER_S)
#define ES_HTTP_MAX_ANSWER_HEADERS 8

enum es_http_state {
	ES_HTTP_IDLE, // between two requests
	ES_HTTP_READING,
	ES_HTTP_BODY, // of which more is to come
	ES_HTTP_HANDLED, // the handler runs
	ES_HTTP_HELD,
	ES_HTTP_STREAM,
	ES_HTTP_UPGRADED,
	ES_HTTP_ANSWERED,
};

struct es_http_answer_header {
	const char *name;
	char *value;
};

struct es_http_upgraded {
	struct es_http_upgrade as;
	struct MHD_UpgradeResponseHandle *handle; // NULL: not yet, or no longer
	int fd; // the library's
	sd_event_source *done; // the other side of fd
};

struct es_http_stream {
	char *data; // not yet taken by the library
	size_t size, cap;
	bool suspended, ended;
};

// A connection and the request on it.
struct es_http_request {
	struct es_http_server *server; // borrowed
	struct es_http_request *previous, *next;
	struct MHD_Connection *connection; // the library's
	int fd; // the library's
	char peer[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN];
	int64_t deadline_ns; // 0: none
	sd_event_source *hang_up; // while held, streamed or upgraded

	// of the request
	enum es_http_state state;
	const char *method; // the library's
	char *target; // as received; holds secrets
	size_t target_size;
	char *path;
	struct es_query *query; // holds secrets
	char *body; // holds secrets
	size_t body_size, body_cap, body_max;
	bool body_too_long;

	// of its answer
	struct es_http_answer_header headers[ES_HTTP_MAX_ANSWER_HEADERS];
	size_t n_headers;
	struct MHD_Response *response; // answered, not yet queued
	unsigned code;
	void (*gone)(void *data);
	void *gone_data;
	struct es_http_stream stream;
	struct es_http_upgraded upgraded;
};

struct es_http_server {
	sd_event *event; // borrowed
	struct es_http_params params;
	bool tls;
	struct MHD_Daemon *daemon;
	sd_event_source *io, *timer;
	struct es_http_credentials *credentials; // the newest first; NULL: the library's
	struct es_http_request *requests;
	unsigned n_requests;
};

// http_server.c: the library is run soon.
void http_server_kick(struct es_http_server *server);

// http_request.c
enum MHD_Result http_request_step(struct es_http_request *request, const char *method,
		const char *upload, size_t *upload_size);
// As it was before the first request.
void http_request_reset(struct es_http_request *request);
// Calls back when the peer hangs up.
void http_request_watch(struct es_http_request *request, sd_event_io_handler_t on_hang_up);
// The response gets the headers of all answers and of this one.
bool http_request_dress(struct es_http_request *request, struct MHD_Response *response);
// Answered by this response (NULL: the connection is closed), which is taken over.
void http_request_settle(
		struct es_http_request *request, unsigned code, struct MHD_Response *response);
// The server ends: what waits is told, and can be closed.
void http_request_drop(struct es_http_request *request);

// http_stream.c
void http_stream_drop(struct es_http_request *request);
void http_stream_finish(struct es_http_request *request);
// http_upgrade.c
void http_upgrade_drop(struct es_http_request *request);
void http_upgrade_finish(struct es_http_request *request);
