// How a route is written down, and what its handler has at hand. A file of routes ends in a table;
// host/api.c lists the tables.
//
// A request has been checked against its route's fields before the handler sees it: what is there is
// of the right type and within its limits, what is required is there, and nothing else is.
#pragma once

#include <stdint.h>
#include <yyjson.h>

#include "host/api.h"
#include "host/api_host.h"

enum es_api_type {
	ES_API_TEXT, // of min to max bytes
	ES_API_NUMBER, // whole, from min to max
	ES_API_REAL, // answers only
	ES_API_BOOL,
	ES_API_TEXTS, // a list of min to max texts, each of at most ES_API_WORD_MAX bytes
	ES_API_NUMBERS, // a list of min to max numbers from 1 to 2^31-1
	ES_API_OBJECT, // answers only: of a schema
	ES_API_OBJECTS, // the same: a list of them
	ES_API_ANY, // answers only: a text, a number, a bool or null
};
#define ES_API_WORD_MAX 4096

struct es_api_field {
	const char *name; // NULL ends a list of fields
	enum es_api_type type;
	bool required; // answers: always there
	int64_t min, max;
	const char *const *words; // of a text: the only ones, ended by NULL; may be NULL
	const char *help;
	const struct es_api_schema *of;
	bool nullable; // null is taken too: api_has is true, api_is_null as well
};

struct es_api_schema {
	const char *name; // in openapi.json
	const struct es_api_field *fields;
};

struct es_api_request;

enum es_api_outcome {
	ES_API_DONE, // request->root is the answer
	ES_API_REFUSED, // by api_refuse
	ES_API_LATER, // the call waits, or was answered already
};

struct es_route {
	const char *method; // NULL ends a table
	// Below /api/v1. One part may be {id}, a number from 1 on, or {name}: [A-Za-z0-9._-], not
	// beginning with a dot.
	const char *path;
	enum es_role role;
	bool confirm; // the password must have been given a short while ago
	const struct es_api_field *fields; // GET and DELETE: of the query; else of the body. NULL: none
	const struct es_api_schema *answer; // NULL: {} or what `produces` says
	const char *help; // a sentence without its full stop
	enum es_api_outcome (*handle)(struct es_api_request *request); // NULL: only a web server's
	const char *consumes; // a body that is no JSON, as "image/png"; NULL: JSON
	const char *produces; // the same for the answer
};

struct es_api_request {
	struct es_api_call *call;
	const struct es_api_host *host;
	const struct es_route *route;
	uint32_t id; // in the path
	char name[65]; // the same
	yyjson_val *args; // an object; gone once the handler has returned
	yyjson_mut_doc *doc; // the answer
	yyjson_mut_val *root;
	unsigned status; // 200; refused: that of the refusal
	char error[512];
};

// --- what was asked; NULL, 0 or false where it is absent

bool api_has(const struct es_api_request *request, const char *name);
bool api_is_null(const struct es_api_request *request, const char *name);
const char *api_text(const struct es_api_request *request, const char *name);
int64_t api_number(const struct es_api_request *request, const char *name);
bool api_bool(const struct es_api_request *request, const char *name);
yyjson_val *api_list(const struct es_api_request *request, const char *name);

// --- what is answered

// Returns ES_API_REFUSED.
enum es_api_outcome api_refuse(struct es_api_request *request, unsigned status, const char *format,
		...) __attribute__((format(printf, 3, 4)));
// A copy, fit for a terminal.
void api_add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text);

// For a call that waits: a new answer, and its end. Both tolerate that there is no memory. The call
// may be gone when they return.
yyjson_mut_doc *api_begin(yyjson_mut_val **root);
void api_end(struct es_api_call *call, unsigned status, yyjson_mut_doc *doc); // takes it over
void api_end_error(struct es_api_call *call, unsigned status, const char *text);
// An answer that is no JSON; `data` (from malloc) is taken over.
void api_end_raw(struct es_api_call *call, const char *type, void *data, size_t size);

// --- checks, for a test and for openapi.json

// False with the reason in error[cap]. *status is 400, or 413 where it is too large.
bool api_fields_check(const struct es_api_field *fields, yyjson_val *args, char *error, size_t cap);
// The query "a=b&c=d" as an object with the types of its fields; NULL with the reason in error[cap].
yyjson_doc *api_query_parse(
		const struct es_api_field *fields, const char *query, char *error, size_t cap);
// The n-th route of all tables; NULL: there are no more.
const struct es_route *api_route_at(size_t n);

extern const struct es_route api_login_routes[];
extern const struct es_route api_system_routes[];
extern const struct es_route api_pairing_routes[];
extern const struct es_route api_clients_routes[];
extern const struct es_route api_apps_routes[];
extern const struct es_route api_doctor_routes[];
extern const struct es_route api_log_routes[];
extern const struct es_route api_settings_routes[];
extern const struct es_route api_sessions_routes[];
extern const struct es_route api_recordings_routes[];

// Shared by answers.
extern const struct es_api_schema api_error_schema;
