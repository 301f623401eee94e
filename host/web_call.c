#include <stdlib.h>
#include <string.h>

#include "host/web_state.h"

struct web_call {
	struct es_api_call call;
	struct es_web_visit visit;
	struct es_http_request *request;
	bool begun, answered;
};

static void on_answer(void *data, const struct es_api_answer *answer) {
	struct web_call *web = data;
	struct es_http_request *request = web->request;
	http_answer_header(request, "Cache-Control", "no-store");
	if (answer->allow != NULL) {
		http_answer_header(request, "Allow", answer->allow);
	}
	if (web->visit.cookie[0] != '\0') {
		http_answer_header(request, "Set-Cookie", web->visit.cookie);
	}
	if (web->visit.retry_after[0] != '\0') {
		http_answer_header(request, "Retry-After", web->visit.retry_after);
	}
	if (answer->body != NULL) {
		http_answer(request, answer->status, answer->type, answer->body, answer->size, false);
	} else {
		web_refuse(request, 500, "out of memory");
	}
	free(answer->body);
	web->answered = true;
	if (web->begun) {
		free(web);
	}
}

static void on_gone(void *data) {
	struct web_call *web = data;
	api_forget(&web->call);
	free(web);
}

struct es_login_who web_call_who(
		const struct es_web_server *server, const struct es_http_request *request) {
	const char *cookies, *authorization;
	// Shown twice is not shown.
	if (!http_request_header(request, "Cookie", &cookies)) {
		cookies = NULL;
	}
	if (!http_request_header(request, "Authorization", &authorization)) {
		authorization = NULL;
	}
	return login_who(server->login, cookies, authorization, server->tls);
}

// What the table has no handler for. False: it is for the table after all, if only to be refused.
static bool begin_stream(struct es_web_server *server, struct es_http_request *request) {
	struct es_login_who who = web_call_who(server, request);
	struct es_api_demand demand;
	if (!api_demand(http_request_method(request), http_request_target(request), &demand) ||
			!demand.streams || who.role < demand.role) {
		return false;
	}
	if (demand.id != 0) {
		web_socket_begin(server, request, &who, demand.id);
	} else {
		web_events_begin(server, request, &who);
	}
	return true;
}

void web_call_begin(struct es_web_server *server, struct es_http_request *request) {
	if (begin_stream(server, request)) {
		return;
	}
	struct web_call *web = calloc(1, sizeof(*web));
	if (web == NULL) {
		web_refuse(request, 500, "out of memory");
		return;
	}
	struct es_login_who who = web_call_who(server, request);
	const char *method = http_request_method(request);
	web->request = request;
	web->visit = (struct es_web_visit){
			.who = who, .peer = http_request_peer(request), .secure = server->tls};
	web->call = (struct es_api_call){
			.host = server->api,
			.method = strcmp(method, "HEAD") == 0 ? "GET" : method,
			.target = http_request_target(request),
			.role = who.role,
			.confirmed = who.confirmed_s > 0,
			.visit = &web->visit,
			.answer = on_answer,
			.data = web,
	};
	web->call.body = http_request_body(request, &web->call.body_size);
	api_handle(&web->call);
	if (web->answered) {
		free(web);
		return;
	}
	web->begun = true;
	http_hold(request, on_gone, web);
}
