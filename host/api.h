// What can be asked of a running host, by its operator at the control socket and by a browser, a
// script or a plugin over HTTPS: one table of routes, from which dispatch, rights and openapi.json come.
// Single-threaded, on the host's event loop.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ES_API_ROOT "/api/v1"
#define ES_API_JSON_MAX ((size_t)64 << 10) // of a body
#define ES_API_COVER_MAX ((size_t)4 << 20) // of a body that is a picture

// Each may what the ones before it may.
enum es_role {
	ES_ROLE_NONE, // a stranger
	ES_ROLE_VIEW,
	ES_ROLE_PLAY,
	ES_ROLE_ADMIN,
};
const char *role_name(enum es_role role); // "none", "view", "play", "admin"
bool role_parse(const char *name, enum es_role *role); // false: it is none of these

struct es_api_host; // what the routes work on, see api_host.h
struct es_web_visit; // how a browser came by, see login.h

struct es_api_answer {
	unsigned status; // as of HTTP
	const char *type; // "application/json", ...; constant
	char *body; // the callee's to free; NULL: no memory
	size_t size;
	const char *allow; // of status 405: what the path takes; NULL else. Valid during the call.
};

// One request under way: the caller's memory, which must stay where it is until it is answered or
// forgotten.
struct es_api_call {
	const struct es_api_host *host;
	const char *method, *target; // "GET", "/api/v1/apps?x=y"; needed until api_handle returns
	const void *body; // the same; may be NULL
	size_t body_size;
	enum es_role role; // of who asks
	struct es_web_visit *visit; // NULL: not over the web
	bool confirmed; // the password was given a short while ago; true at the control socket
	// Called exactly once, now or later.
	void (*answer)(void *data, const struct es_api_answer *answer);
	void *data;
	// The route's, while it waits.
	bool waits;
	void (*forget)(struct es_api_call *call);
	void *waits_for;
};

void api_handle(struct es_api_call *call);
// The asker has gone: answer is not called any more.
void api_forget(struct es_api_call *call);

// What a path asks of who uses it, for what a web server answers by itself (a stream of events, the
// upgrade to a WebSocket): false if the table has no such route.
struct es_api_demand {
	enum es_role role;
	bool confirmed;
	size_t max_body; // of a request
	bool streams; // the web server's to answer
	unsigned id; // the number in the path, 0: it has none
};
bool api_demand(const char *method, const char *target, struct es_api_demand *demand);
