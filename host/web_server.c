#define _GNU_SOURCE
#include "host/web_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/event_timer.h"
#include "host/web_certificate.h"
#include "host/web_files.h"
#include "host/web_guard.h"
#include "host/web_state.h"

// A browser opens six at a time, and behind a proxy all come from one address.
#define MAX_CONNECTIONS 192
#define MAX_CONNECTIONS_PER_ADDRESS 48
#define MAX_NAMES 16

static bool is_api(const struct es_http_request *request) {
	return strncmp(http_request_path(request), ES_WEB_API, strlen(ES_WEB_API)) == 0;
}

void web_refuse(struct es_http_request *request, unsigned status, const char *text) {
	char body[512];
	int n = snprintf(body, sizeof(body), "{\"error\":\"%s\"}\n", text);
	http_answer_header(request, "Cache-Control", "no-store");
	http_answer(request, status, "application/json", body, (size_t)n, false);
}

// --- the guard

static size_t list_names(const struct es_web_server *server, const char *names[MAX_NAMES]) {
	size_t n = 0;
	if (server->machine[0] != '\0') {
		names[n++] = server->machine;
	}
	for (char *const *name = server->settings->console.names; *name != NULL && n < MAX_NAMES;
			name++) {
		names[n++] = *name;
	}
	return n;
}

// False: it was refused.
static bool guard(
		const struct es_web_server *server, struct es_http_request *request, bool has_body) {
	const char *names[MAX_NAMES], *upgrade = NULL;
	const char *authorization = NULL;
	struct es_web_question question = {
			.method = http_request_method(request),
			.path = http_request_path(request),
			.has_body = has_body,
			.tls = server->tls,
			.local = http_request_local(request),
			.names = names,
			.n_names = list_names(server, names),
	};
	const struct {
		const char *name, **value;
	} lines[] = {
			{"Host", &question.host},
			{"Origin", &question.origin},
			{"Sec-Fetch-Site", &question.site},
			{"Sec-Fetch-Mode", &question.mode},
			{"Sec-Fetch-Dest", &question.dest},
			{"Content-Type", &question.content_type},
			{"Upgrade", &upgrade},
			{"Authorization", &authorization},
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		question.repeated |= !http_request_header(request, lines[i].name, lines[i].value);
	}
	question.upgrade = upgrade != NULL;
	question.bearer = authorization != NULL;
	struct es_web_refusal refusal = web_guard_check(&question);
	if (refusal.status != 0) {
		web_refuse(request, refusal.status, refusal.text);
	}
	return refusal.status == 0;
}

// --- requests

static void answer_file(struct es_web_server *server, struct es_http_request *request) {
	const char *method = http_request_method(request);
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
		web_files_answer(server->root_fd, request);
		return;
	}
	http_answer_header(request, "Allow", "GET, HEAD");
	web_refuse(request, 405, "files can only be read");
}

static size_t admit(void *data, struct es_http_request *request) {
	struct es_web_server *server = data;
	struct es_api_demand demand;
	if (!guard(server, request, true)) {
		return 0;
	}
	if (!is_api(request)) {
		answer_file(server, request);
		return 0;
	}
	struct es_login_who who = web_call_who(server, request);
	if (!api_demand(http_request_method(request), http_request_target(request), &demand) ||
			who.role < demand.role || (demand.confirmed && who.confirmed_s == 0)) {
		web_call_begin(server, request); // which says why not, and needs no body for that
		return 0;
	}
	return demand.max_body;
}

static void on_request(void *data, struct es_http_request *request) {
	struct es_web_server *server = data;
	size_t body_size;
	bool has_body = http_request_body(request, &body_size) != NULL;
	if (!guard(server, request, has_body)) {
		return;
	}
	if (is_api(request)) {
		web_call_begin(server, request);
	} else {
		answer_file(server, request);
	}
}

// --- the server

// Streams outlive the request whose login was looked at.
static void on_login_end(void *data) {
	struct es_web_server *server = data;
	web_events_check(server);
	web_socket_check(server);
}

// The machine's own name, without its domain.
static void find_machine(char *out, size_t cap) {
	if (gethostname(out, cap) != 0) {
		out[0] = '\0';
	}
	out[cap - 1] = '\0';
	out[strcspn(out, ".")] = '\0';
}

struct es_web_server *web_server_create(const struct es_web_params *params) {
	char error[1024];
	int listen_fd = params->listen_fd;
	struct es_web_server *server = calloc(1, sizeof(*server));
	if (server == NULL) {
		es_log(ES_LOG_ERROR, "cannot start the console: out of memory");
		goto fail;
	}
	*server = (struct es_web_server){
			.event = params->event,
			.settings = params->settings,
			.api = params->api,
			.login = params->login,
			.root_fd = web_files_open(params->root, error, sizeof(error)),
			.tls = !params->settings->console.plain,
	};
	find_machine(server->machine, sizeof(server->machine));
	if (server->root_fd < 0) {
		es_log(ES_LOG_WARN, "the console has no pages, its API works: %s", error);
	}
	struct es_http_params http = {
			.event = params->event,
			.listen_fd = listen_fd,
			.key_pem = server->tls ? params->identity->key_pem : NULL,
			.cert_pem = server->tls ? params->identity->cert_pem : NULL,
			.keep_alive = true,
			.max_connections = MAX_CONNECTIONS,
			.max_per_address = MAX_CONNECTIONS_PER_ADDRESS,
			.headers = web_guard_headers,
			.n_headers = web_guard_n_headers,
			.handler = on_request,
			.admit = admit,
			.data = server,
	};
	listen_fd = -1; // the server's now, whatever comes of it
	server->http = http_server_create(&http);
	if (server->http == NULL) {
		goto fail;
	}
	if (server->tls &&
			!web_certificate_load(server->http, &params->settings->console, error, sizeof(error))) {
		es_log(ES_LOG_ERROR, "console-certificate: %s", error);
		goto fail;
	}
	login_on_end(server->login, on_login_end, server);
	return server;
fail:
	fd_close(&listen_fd);
	web_server_destroy(server);
	return NULL;
}

void web_server_destroy(struct es_web_server *server) {
	if (server == NULL) {
		return;
	}
	login_on_end(server->login, NULL, NULL);
	http_server_destroy(server->http);
	event_timer_clear(&server->heartbeat);
	fd_close(&server->root_fd);
	free(server);
}

void web_server_set_settings(struct es_web_server *server, const struct es_settings *settings) {
	char error[1024];
	if (server == NULL) {
		return;
	}
	server->settings = settings;
	if (server->tls &&
			!web_certificate_load(server->http, &settings->console, error, sizeof(error))) {
		es_log(ES_LOG_ERROR, "the console keeps the certificate that it had: %s", error);
	}
}

void web_server_on_player(struct es_web_server *server, const struct es_web_player *player) {
	if (server != NULL) {
		server->player = *player;
	}
}
