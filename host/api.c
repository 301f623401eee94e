#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/api_route.h"
#include "host/nearest.h"
#include "host/quantity.h"
#include "host/safe_text.h"

#define MAX_PATH 256
#define MAX_ROUTES 128

static const char json_type[] = "application/json";

static const struct es_route *const tables[] = {
		api_system_routes,
		api_login_routes,
		api_doctor_routes,
		api_log_routes,
		api_settings_routes,
		api_pairing_routes,
		api_clients_routes,
		api_apps_routes,
		api_sessions_routes,
		api_recordings_routes,
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

const struct es_route *api_route_at(size_t n) {
	for (size_t t = 0; t < N_TABLES; t++) {
		for (const struct es_route *route = tables[t]; route->method != NULL; route++) {
			if (n-- == 0) {
				return route;
			}
		}
	}
	return NULL;
}

// --- roles

static const char *const role_names[] = {
		[ES_ROLE_NONE] = "none",
		[ES_ROLE_VIEW] = "view",
		[ES_ROLE_PLAY] = "play",
		[ES_ROLE_ADMIN] = "admin",
};

const char *role_name(enum es_role role) {
	return role_names[role];
}

bool role_parse(const char *name, enum es_role *role) {
	for (size_t i = 0; i < sizeof(role_names) / sizeof(role_names[0]); i++) {
		if (strcmp(name, role_names[i]) == 0) {
			*role = (enum es_role)i;
			return true;
		}
	}
	return false;
}

// --- answers

static const struct es_api_field error_fields[] = {
		{"error", ES_API_TEXT, true, .help = "what was wrong, and what helps"},
		{"confirm", ES_API_BOOL, .help = "true: the password must be given again first"},
		{"result", ES_API_TEXT, .help = "of a pairing that failed: wrong-pin, failed or expired"},
		{NULL},
};
const struct es_api_schema api_error_schema = {"Error", error_fields};

yyjson_mut_doc *api_begin(yyjson_mut_val **root) {
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	*root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
	yyjson_mut_doc_set_root(doc, *root);
	return doc;
}

static void send(struct es_api_call *call, const struct es_api_answer *answer) {
	call->waits = false;
	call->answer(call->data, answer);
}

static void end(struct es_api_call *call, unsigned status, yyjson_mut_doc *doc, const char *allow) {
	struct es_api_answer answer = {.status = status, .type = json_type, .allow = allow};
	if (yyjson_mut_doc_get_root(doc) != NULL) {
		// All of ASCII: a terminal cannot be made to do anything by what a device calls itself.
		answer.body = yyjson_mut_write(doc, YYJSON_WRITE_ESCAPE_UNICODE, &answer.size);
	}
	yyjson_mut_doc_free(doc);
	if (answer.body == NULL) {
		answer.status = 500;
	}
	send(call, &answer);
}

void api_end(struct es_api_call *call, unsigned status, yyjson_mut_doc *doc) {
	end(call, status, doc, NULL);
}

static void end_refused(struct es_api_call *call, unsigned status, const char *text, bool confirm,
		const char *allow) {
	yyjson_mut_val *root;
	yyjson_mut_doc *doc = api_begin(&root);
	api_add_text(doc, root, "error", text);
	if (confirm) {
		yyjson_mut_obj_add_bool(doc, root, "confirm", true);
	}
	end(call, status, doc, allow);
}

void api_end_error(struct es_api_call *call, unsigned status, const char *text) {
	end_refused(call, status, text, false, NULL);
}

void api_end_raw(struct es_api_call *call, const char *type, void *data, size_t size) {
	struct es_api_answer answer = {.status = 200, .type = type, .body = data, .size = size};
	send(call, &answer);
}

enum es_api_outcome api_refuse(
		struct es_api_request *request, unsigned status, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(request->error, sizeof(request->error), format, args);
	va_end(args);
	request->status = status;
	return ES_API_REFUSED;
}

void api_add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text) {
	char safe[2048];
	if (!safe_text_is(text)) {
		safe_text(safe, sizeof(safe), text);
		text = safe;
	}
	yyjson_mut_obj_add_strcpy(doc, object, key, text);
}

// --- paths

struct match {
	const struct es_route *route;
	uint32_t id;
	char name[65];
};

static bool take_name(struct match *match, const char *part, size_t size) {
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
								  "0123456789._-";
	if (size == 0 || size >= sizeof(match->name) || part[0] == '.') {
		return false;
	}
	memcpy(match->name, part, size);
	match->name[size] = '\0';
	return strspn(match->name, letters) == size;
}

static bool take_id(struct match *match, const char *part, size_t size) {
	char text[16];
	uint64_t id;
	if (size == 0 || size >= sizeof(text)) {
		return false;
	}
	memcpy(text, part, size);
	text[size] = '\0';
	if (!quantity_whole(text, 1, UINT32_MAX, &id)) {
		return false;
	}
	match->id = (uint32_t)id;
	return true;
}

static bool take_part(
		struct match *match, const char *pattern, size_t n, const char *part, size_t size) {
	if (n == 4 && memcmp(pattern, "{id}", 4) == 0) {
		return take_id(match, part, size);
	}
	if (n == 6 && memcmp(pattern, "{name}", 6) == 0) {
		return take_name(match, part, size);
	}
	return n == size && memcmp(pattern, part, n) == 0;
}

static bool matches(struct match *match, const char *pattern, const char *path) {
	while (*pattern == '/' && *path == '/') {
		pattern++;
		path++;
		size_t n = strcspn(pattern, "/"), size = strcspn(path, "/");
		if (!take_part(match, pattern, n, path, size)) {
			return false;
		}
		pattern += n;
		path += size;
	}
	return *pattern == '\0' && *path == '\0';
}

// Whatever its method: how many routes have this path, their methods in allow[cap]; the one that has
// the method too is in match->route.
static size_t find_routes(
		const char *method, const char *path, struct match *match, char *allow, size_t cap) {
	const struct es_route *route;
	size_t found = 0, used = 0;
	*match = (struct match){.route = NULL};
	for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
		struct match other = {.route = route};
		if (!matches(&other, route->path, path)) {
			continue;
		}
		used += (size_t)snprintf(
				allow + used, cap - used, "%s%s", found++ > 0 ? ", " : "", route->method);
		if (strcmp(route->method, method) == 0) {
			*match = other;
		}
	}
	return found;
}

// The path without root and query in path[cap]; the query, or "". False: it is not ours.
static bool split_target(const char *target, char *path, size_t cap, const char **query) {
	size_t size = strcspn(target, "?");
	*query = target[size] == '?' ? target + size + 1 : "";
	const size_t root = strlen(ES_API_ROOT);
	if (size < root || size - root >= cap || strncmp(target, ES_API_ROOT, root) != 0) {
		return false;
	}
	memcpy(path, target + root, size - root);
	path[size - root] = '\0';
	return true;
}

static void refuse_path(struct es_api_call *call) {
	const char *paths[MAX_ROUTES], *target = call->target;
	char text[512], path[MAX_PATH];
	size_t n = 0;
	for (const struct es_route *route; n < MAX_ROUTES && (route = api_route_at(n)) != NULL; n++) {
		paths[n] = route->path;
	}
	const char *query;
	const char *nearest =
			split_target(target, path, sizeof(path), &query) ? nearest_word(path, paths, n) : NULL;
	snprintf(text, sizeof(text), "there is nothing at '%.80s'; %s" ES_API_ROOT "%s%s", target,
			nearest != NULL ? "did you mean '" : "see ", nearest != NULL ? nearest : "/help",
			nearest != NULL ? "'?" : "");
	api_end_error(call, 404, text);
}

bool api_demand(const char *method, const char *target, struct es_api_demand *demand) {
	char path[MAX_PATH], allow[64];
	const char *query;
	struct match match;
	if (!split_target(target, path, sizeof(path), &query) ||
			find_routes(method, path, &match, allow, sizeof(allow)) == 0 || match.route == NULL) {
		return false;
	}
	*demand = (struct es_api_demand){
			.role = match.route->role,
			.confirmed = match.route->confirm,
			.max_body = match.route->consumes != NULL ? ES_API_COVER_MAX : ES_API_JSON_MAX,
			.streams = match.route->handle == NULL,
			.id = match.id,
	};
	return true;
}

// --- dispatch

static bool is_allowed(struct es_api_call *call, const struct es_route *route) {
	char text[256];
	if (call->role < route->role && call->role == ES_ROLE_NONE) {
		api_end_error(call, 401, "log in first, or send a token");
		return false;
	}
	if (call->role < route->role) {
		snprintf(text, sizeof(text), "this needs the role '%s', you have '%s'",
				role_name(route->role), role_name(call->role));
		api_end_error(call, 403, text);
		return false;
	}
	if (route->confirm && !call->confirmed) {
		end_refused(call, 403, "give your password again for this", true, NULL);
		return false;
	}
	return true;
}

static bool takes_body(const struct es_route *route) {
	return strcmp(route->method, "GET") != 0 && strcmp(route->method, "DELETE") != 0;
}

static yyjson_doc *read_body(
		const struct es_api_call *call, unsigned *status, char *error, size_t cap) {
	yyjson_read_err failure;
	if (call->body_size > ES_API_JSON_MAX) {
		*status = 413;
		snprintf(error, cap, "the body has %zu bytes, at most %zu are taken", call->body_size,
				ES_API_JSON_MAX);
		return NULL;
	}
	const char *text = call->body_size > 0 ? call->body : "{}";
	size_t size = call->body_size > 0 ? call->body_size : 2;
	yyjson_doc *doc = yyjson_read_opts((char *)text, size, 0, NULL, &failure);
	if (doc == NULL) {
		snprintf(error, cap, "the body is no JSON: byte %zu: %s", failure.pos, failure.msg);
	} else if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
		snprintf(error, cap, "the body is not a JSON object");
		yyjson_doc_free(doc);
		doc = NULL;
	}
	return doc;
}

// What was sent, as the route takes it; NULL with status and reason.
static yyjson_doc *read_args(const struct es_api_call *call, const struct es_route *route,
		const char *query, unsigned *status, char *error, size_t cap) {
	bool body = takes_body(route) && route->consumes == NULL;
	*status = 400;
	if ((body || route->consumes != NULL) && query[0] != '\0') {
		snprintf(error, cap, "nothing is taken behind the '?' here");
		return NULL;
	}
	if (!takes_body(route) && call->body_size > 0) {
		snprintf(error, cap, "a %s has no body", route->method);
		return NULL;
	}
	if (route->consumes != NULL && call->body_size > ES_API_COVER_MAX) {
		*status = 413;
		snprintf(error, cap, "the body has %zu bytes, at most %zu are taken", call->body_size,
				ES_API_COVER_MAX);
		return NULL;
	}
	yyjson_doc *doc = body ? read_body(call, status, error, cap)
						   : api_query_parse(route->fields, query, error, cap);
	if (doc != NULL && !api_fields_check(route->fields, yyjson_doc_get_root(doc), error, cap)) {
		yyjson_doc_free(doc);
		doc = NULL;
	}
	return doc;
}

static void handle_route(struct es_api_call *call, const struct match *match, const char *query) {
	struct es_api_request request = {.call = call,
			.host = call->host,
			.route = match->route,
			.id = match->id,
			.status = 200};
	yyjson_doc *args = read_args(
			call, match->route, query, &request.status, request.error, sizeof(request.error));
	if (args == NULL) {
		api_end_error(call, request.status, request.error);
		return;
	}
	request.status = 200;
	memcpy(request.name, match->name, sizeof(request.name));
	request.args = yyjson_doc_get_root(args);
	request.doc = api_begin(&request.root);
	// The call may be answered, and gone, before its handler returns LATER: not touched after that.
	switch (match->route->handle(&request)) {
	case ES_API_DONE:
		api_end(call, request.status, request.doc);
		break;
	case ES_API_REFUSED:
		yyjson_mut_doc_free(request.doc);
		api_end_error(call, request.status, request.error);
		break;
	case ES_API_LATER:
		yyjson_mut_doc_free(request.doc);
		break;
	}
	yyjson_doc_free(args);
}

void api_handle(struct es_api_call *call) {
	char path[MAX_PATH], allow[64], text[256];
	const char *query;
	struct match match;
	assert(!call->waits);
	if (!split_target(call->target, path, sizeof(path), &query) ||
			find_routes(call->method, path, &match, allow, sizeof(allow)) == 0) {
		refuse_path(call);
	} else if (match.route == NULL) {
		snprintf(text, sizeof(text), "this path takes %s, not '%.16s'", allow, call->method);
		end_refused(call, 405, text, false, allow);
	} else if (!is_allowed(call, match.route)) {
		return;
	} else if (match.route->handle == NULL) {
		api_end_error(call, 426, "this is a stream, which is had over HTTPS only");
	} else {
		handle_route(call, &match, query);
	}
}

void api_forget(struct es_api_call *call) {
	if (call->waits) {
		call->waits = false;
		call->forget(call);
	}
}
