// The client's HTTP and HTTPS: GET with a query, XML back.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/clients/moon/identity.h"

#define MOON_BODY_MAX 65536

struct es_moon_web {
	const char *host;
	const char *from; // an address of ours, NULL: any
	uint16_t http_port, https_port; // https_port 0: as serverinfo says
	const char *unique_id;
	const struct es_moon_identity *identity; // its certificate is shown over HTTPS
};

struct es_moon_answer {
	char body[MOON_BODY_MAX];
	size_t size;
	int http_status;
	int status; // status_code of the root element, -1: none
	char message[256]; // status_message
};

// False if no answer came, or over HTTPS from another host than the paired one; *error says why.
bool web_get(struct es_moon_web *web, bool https, const char *path, const char *query,
		long timeout_s, struct es_moon_answer *answer, const char **error);
// The text of the first element of that name; false if there is none or it is too long.
bool answer_get(const struct es_moon_answer *answer, const char *tag, char *out, size_t cap);
// https_port, asked for over HTTP if it is not known yet; 0 after an error.
uint16_t web_https_port(struct es_moon_web *web);
