#include "host/gamestream.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/gamestream_routes.h"
#include "host/rtsp_server.h"

static const struct {
	const char *path;
	es_gamestream_route clear, paired; // NULL: not over this one
} routes[] = {
		{"/serverinfo", route_serverinfo, route_serverinfo},
		{"/pair", route_pair, route_pair_challenge},
		{"/unpair", route_unpair, NULL},
		{"/applist", NULL, route_applist},
		{"/appasset", NULL, route_appasset},
		{"/launch", NULL, route_launch},
		{"/resume", NULL, route_resume},
		{"/cancel", NULL, route_cancel},
};

void answer_xml(struct es_http_request *request, const struct es_xml *xml) {
	static const char none[] = "";
	if (!xml->ok) {
		es_log(ES_LOG_ERROR, "an answer was too long to be sent");
	}
	http_answer(request, xml->ok ? 200 : 500, "application/xml", xml->ok ? xml->data : none,
			xml->ok ? xml->size : 0, false);
}

static void answer_error_with(struct es_http_request *request, unsigned code, int status,
		const char *message, const char *tag) {
	char data[2048];
	struct es_xml xml = {.data = data, .cap = sizeof(data)};
	xml.ok = xml_error(&xml, status, message, tag);
	http_answer(request, code, "application/xml", data, xml.size, false);
}

void answer_error(
		struct es_http_request *request, int status, const char *message, const char *tag) {
	answer_error_with(request, 200, status, message, tag);
}

static void dispatch(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	const char *path = http_request_path(request);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		es_gamestream_route route = client != NULL ? routes[i].paired : routes[i].clear;
		if (route != NULL && strcmp(path, routes[i].path) == 0) {
			es_log(ES_LOG_DEBUG, "%s (%s): %s", client != NULL ? client->name : "a stranger",
					http_request_peer(request), routes[i].path);
			route(gamestream, request, client);
			return;
		}
	}
	answer_error_with(request, 404, 404, "There is nothing at this path", NULL);
}

static void on_http(void *data, struct es_http_request *request) {
	dispatch(data, request, NULL);
}

// The list is asked on every request: who is revoked is out at once.
static void on_https(void *data, struct es_http_request *request) {
	struct es_gamestream *gamestream = data;
	size_t size;
	const void *der = http_request_certificate(request, &size);
	const struct es_client *client =
			der != NULL ? clients_find_der(gamestream->clients, der, size) : NULL;
	if (client == NULL) {
		answer_error(request, 401, "The client is not authorized. Certificate verification failed.",
				NULL);
		return;
	}
	dispatch(gamestream, request, client);
}

struct es_gamestream *gamestream_create(const struct es_gamestream_params *params) {
	int http_fd = params->ports->http_fd, https_fd = params->ports->https_fd;
	int rtsp_fd = params->ports->rtsp_fd;
	struct es_gamestream *gamestream = calloc(1, sizeof(*gamestream));
	if (gamestream == NULL) {
		es_log(ES_LOG_ERROR, "cannot start: out of memory");
		goto fail;
	}
	*gamestream = (struct es_gamestream){
			.event = params->event,
			.settings = params->settings,
			.unique_id = params->unique_id,
			.clients = params->clients,
			.desk = params->desk,
			.plays = params->plays,
			.http_port = params->ports->http,
			.https_port = params->ports->https,
			.rtsp_port = params->ports->rtsp,
	};
	struct es_http_params http = {
			.event = params->event,
			.listen_fd = http_fd,
			.handler = on_http,
			.data = gamestream,
	};
	struct es_http_params https = http;
	https.listen_fd = https_fd;
	https.handler = on_https;
	https.key_pem = params->identity->key_pem;
	https.cert_pem = params->identity->cert_pem;
	https.ask_certificate = true;
	// Each takes its socket over, even if it fails.
	http_fd = -1;
	gamestream->http = http_server_create(&http);
	if (gamestream->http == NULL) {
		goto fail;
	}
	https_fd = -1;
	gamestream->https = http_server_create(&https);
	if (gamestream->https == NULL) {
		goto fail;
	}
	gamestream->rtsp = rtsp_server_create(params->event, rtsp_fd, params->plays);
	rtsp_fd = -1;
	if (gamestream->rtsp == NULL) {
		goto fail;
	}
	return gamestream;
fail:
	fd_close(&http_fd);
	fd_close(&https_fd);
	fd_close(&rtsp_fd);
	gamestream_destroy(gamestream);
	return NULL;
}

void gamestream_destroy(struct es_gamestream *gamestream) {
	if (gamestream == NULL) {
		return;
	}
	rtsp_server_destroy(gamestream->rtsp);
	http_server_destroy(gamestream->https);
	http_server_destroy(gamestream->http);
	free(gamestream);
}

void gamestream_set_settings(struct es_gamestream *gamestream, const struct es_settings *settings) {
	gamestream->settings = settings;
}

static bool is_paired(void *data, const void *der, size_t size) {
	const struct es_gamestream *gamestream = data;
	return der != NULL && clients_find_der(gamestream->clients, der, size) != NULL;
}

void gamestream_revoke(struct es_gamestream *gamestream) {
	http_server_close_others(gamestream->https, is_paired, gamestream);
}
