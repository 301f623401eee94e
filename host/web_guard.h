// Who may speak to the console at all, before anybody has logged in: requests that another site's page
// makes a browser send (forged ones, and those of names that were bound to our address) are refused
// here. Pure: no I/O.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/http_server.h"

struct es_web_question {
	const char *method, *path;
	// Header lines, NULL: not there.
	const char *host, *origin, *site, *mode, *dest, *content_type;
	bool repeated; // one of them is there more than once
	bool has_body;
	bool upgrade; // to another protocol
	bool bearer; // shows a token of its own, which no browser adds by itself
	bool tls;
	const char *local; // the numeric address that it has reached
	const char *const *names; // of the host, without a port
	size_t n_names;
};

struct es_web_refusal {
	unsigned status; // 0: not refused
	const char *text; // constant
};

struct es_web_refusal web_guard_check(const struct es_web_question *question);

// The header lines that every answer has.
extern const struct es_http_header web_guard_headers[];
extern const size_t web_guard_n_headers;
