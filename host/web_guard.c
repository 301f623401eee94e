#define _GNU_SOURCE
#include "host/web_guard.h"

#include <string.h>
#include <strings.h>

#define API "/api/"

// No header asks for HTTPS for ever: it would count for all ports of the machine's name.
const struct es_http_header web_guard_headers[] = {
		{"Content-Security-Policy",
				"default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
				"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Embedder-Policy", "require-corp"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "camera=(), geolocation=(), payment=(), usb=()"},
};
const size_t web_guard_n_headers = sizeof(web_guard_headers) / sizeof(web_guard_headers[0]);

static const struct es_web_refusal none = {0};

static struct es_web_refusal refuse(unsigned status, const char *text) {
	return (struct es_web_refusal){.status = status, .text = text};
}

// Length of the name or address in "name:port" or "[address]:port"; 0: it is neither.
static size_t name_size(const char *host) {
	size_t size = strcspn(host, ":");
	if (host[0] == '[') {
		size = strcspn(host, "]") + 1;
		if (size > strlen(host)) {
			return 0;
		}
	}
	const char *port = host + size;
	if (*port == '\0') {
		return size;
	}
	size_t digits = strspn(port + 1, "0123456789");
	return *port == ':' && digits > 0 && digits <= 5 && port[1 + digits] == '\0' ? size : 0;
}

static bool is_name(const char *host, size_t size, const char *name) {
	return strlen(name) == size && strncasecmp(host, name, size) == 0;
}

static bool is_ours(const struct es_web_question *question) {
	const char *host = question->host;
	size_t size = host != NULL ? name_size(host) : 0;
	if (size == 0) {
		return false;
	}
	if (host[0] == '[') {
		return is_name(host + 1, size - 2, question->local);
	}
	if (is_name(host, size, "localhost") || is_name(host, size, question->local)) {
		return true;
	}
	for (size_t i = 0; i < question->n_names; i++) {
		const char *name = question->names[i];
		size_t n = strlen(name);
		if (is_name(host, size, name) ||
				(size > n && strncasecmp(host, name, n) == 0 &&
						is_name(host + n, size - n, ".local"))) {
			return true;
		}
	}
	return false;
}

// A proxy in front of the plain listener may be the one that speaks TLS.
static bool is_same_origin(const struct es_web_question *question) {
	static const char secure[] = "https://", plain[] = "http://";
	const char *origin = question->origin;
	const char *rest = NULL;
	if (strncmp(origin, secure, strlen(secure)) == 0) {
		rest = origin + strlen(secure);
	} else if (!question->tls && strncmp(origin, plain, strlen(plain)) == 0) {
		rest = origin + strlen(plain);
	}
	return rest != NULL && strcasecmp(rest, question->host) == 0;
}

static bool is_read(const struct es_web_question *question) {
	return strcmp(question->method, "GET") == 0 || strcmp(question->method, "HEAD") == 0;
}

// Somebody follows a link to a page of ours: that shows it, and does nothing.
static bool is_link(const struct es_web_question *question) {
	return is_read(question) && !question->upgrade && question->mode != NULL &&
			strcmp(question->mode, "navigate") == 0 && question->dest != NULL &&
			strcmp(question->dest, "document") == 0 &&
			strncmp(question->path, API, strlen(API)) != 0;
}

static struct es_web_refusal check_site(const struct es_web_question *question) {
	const char *site = question->site;
	if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0 &&
			!is_link(question)) {
		return refuse(403, "another site may not use this console");
	}
	if (question->origin != NULL ? !is_same_origin(question)
								 : (!is_read(question) || question->upgrade) && !question->bearer) {
		return refuse(403, "the header Origin is missing or names another site");
	}
	return none;
}

static bool is_type(const char *text, const char *type) {
	size_t size = strcspn(text, "; \t");
	return is_name(text, size, type);
}

static struct es_web_refusal check_body(const struct es_web_question *question) {
	if (!question->has_body) {
		return none;
	}
	if (is_read(question)) {
		return refuse(400, "a GET request has no body");
	}
	const char *type = question->content_type != NULL ? question->content_type : "";
	bool picture = strcmp(question->method, "PUT") == 0 &&
			(is_type(type, "image/png") || is_type(type, "image/jpeg"));
	return picture || is_type(type, "application/json")
			? none
			: refuse(415, "the body must be of the type application/json");
}

struct es_web_refusal web_guard_check(const struct es_web_question *question) {
	if (question->repeated) {
		return refuse(400, "a header line is there twice");
	}
	if (!is_ours(question)) {
		return refuse(421,
				"this host does not answer to that name; use its address, or let console-name in "
				"its configuration file name it");
	}
	struct es_web_refusal refusal = check_site(question);
	return refusal.status == 0 ? check_body(question) : refusal;
}
