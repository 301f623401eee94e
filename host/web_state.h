// What the web server's files share. Not for others.
#pragma once

#include "host/http_server.h"
#include "host/web_server.h"

#define ES_WEB_API "/api/"

struct es_web_server {
	sd_event *event; // borrowed
	const struct es_settings *settings; // borrowed
	const struct es_api_host *api; // borrowed
	struct es_login *login; // borrowed
	struct es_http_server *http;
	int root_fd; // -1: no files
	bool tls;
	char machine[256];
	struct es_web_player player; // open NULL: nobody lets browsers play
	struct web_stream *streams; // of events
	struct web_socket *sockets; // of players
	sd_event_source *heartbeat; // while there are streams
};

// The text is a constant without what JSON would want escaped.
void web_refuse(struct es_http_request *request, unsigned status, const char *text);

// web_call.c: a request to the API, from its asker to its answer.
struct es_login_who web_call_who(
		const struct es_web_server *server, const struct es_http_request *request);
void web_call_begin(struct es_web_server *server, struct es_http_request *request);

// web_events.c: GET /api/v1/events
void web_events_begin(struct es_web_server *server, struct es_http_request *request,
		const struct es_login_who *who);
// Those whose login has ended are closed.
void web_events_check(struct es_web_server *server);

// web_socket.c: GET /api/v1/sessions/{id}/player
void web_socket_begin(struct es_web_server *server, struct es_http_request *request,
		const struct es_login_who *who, uint32_t session);
void web_socket_check(struct es_web_server *server);
