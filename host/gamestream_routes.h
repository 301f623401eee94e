// What is answered on each path of HTTP and HTTPS. (Reference, sections 3 and 4.)
#pragma once

#include "host/gamestream.h"
#include "host/http_server.h"

struct es_gamestream {
	// borrowed
	sd_event *event;
	const struct es_settings *settings;
	const char *unique_id;
	struct es_clients *clients;
	struct es_pairing_desk *desk;
	struct es_plays *plays;

	uint16_t http_port, https_port, rtsp_port;
	// owned
	struct es_http_server *http, *https;
	struct es_rtsp_server *rtsp;
};

// `client` is who proved its certificate; NULL over plain HTTP.
typedef void (*es_gamestream_route)(struct es_gamestream *gamestream,
		struct es_http_request *request, const struct es_client *client);

void route_serverinfo(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client);
void route_applist(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client);
void route_appasset(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client);
void route_launch(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client);
void route_resume(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client);
void route_cancel(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client);
// Phases 1 to 4, without trust.
void route_pair(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client);
// Phase 5: asked by who is paired.
void route_pair_challenge(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client);
void route_unpair(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client);

// --- answers; all with HTTP status 200, as some clients read no other body

void answer_xml(struct es_http_request *request, const struct es_xml *xml);
void answer_error(
		struct es_http_request *request, int status, const char *message, const char *tag);
