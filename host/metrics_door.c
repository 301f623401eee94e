#include "host/metrics_door.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/gamestream.h"
#include "host/http_server.h"

#define OPENMETRICS "application/openmetrics-text"
#define OPENMETRICS_TYPE OPENMETRICS "; version=1.0.0; charset=utf-8"
#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct es_metrics_door {
	struct es_metrics_door_params params;
	struct es_http_server *http;
	uint16_t port;
};

static void answer(struct es_http_request *request, unsigned status, const char *text) {
	http_answer(request, status, "text/plain; charset=utf-8", text, strlen(text), true);
}

static void answer_metrics(const struct es_metrics_door *door, struct es_http_request *request) {
	size_t size = 0;
	const char *accept;
	bool openmetrics = http_request_header(request, "Accept", &accept) && accept != NULL &&
			strstr(accept, OPENMETRICS) != NULL;
	char *text = door->params.metrics(door->params.data, openmetrics, &size);
	if (text == NULL) {
		answer(request, 500, "out of memory\n");
	} else {
		http_answer(
				request, 200, openmetrics ? OPENMETRICS_TYPE : PROMETHEUS_TYPE, text, size, false);
	}
	free(text);
}

static void on_request(void *data, struct es_http_request *request) {
	const struct es_metrics_door *door = data;
	const char *path = http_request_path(request);
	if (strcmp(path, "/healthz") == 0) {
		answer(request, 200, "ok\n"); // said by the loop itself
	} else if (strcmp(path, "/readyz") == 0) {
		const char *why = door->params.unready(door->params.data);
		answer(request, why == NULL ? 200 : 503, why == NULL ? "ready\n" : why);
	} else if (strcmp(path, "/metrics") == 0 && door->params.metrics != NULL) {
		answer_metrics(door, request);
	} else {
		answer(request, 404, "there are /healthz, /readyz and /metrics\n");
	}
}

struct es_metrics_door *metrics_door_create(const struct es_metrics_door_params *params) {
	struct es_metrics_door *door = calloc(1, sizeof(*door));
	if (door == NULL) {
		es_log(ES_LOG_ERROR, "cannot listen at metrics-address: out of memory");
		return NULL;
	}
	door->params = *params;
	int fd = ports_listen(params->address, params->port, &door->port);
	if (fd < 0) {
		es_log(ES_LOG_ERROR, "cannot listen at metrics-address %s:%u: %s; choose another",
				params->address, params->port, strerror(errno));
		free(door);
		return NULL;
	}
	const struct es_http_params http = {
			.event = params->event, .listen_fd = fd, .handler = on_request, .data = door};
	door->http = http_server_create(&http);
	if (door->http == NULL) {
		metrics_door_destroy(door);
		return NULL;
	}
	return door;
}

void metrics_door_destroy(struct es_metrics_door *door) {
	if (door != NULL) {
		http_server_destroy(door->http);
		free(door);
	}
}

uint16_t metrics_door_port(const struct es_metrics_door *door) {
	return door != NULL ? door->port : 0;
}
