#include "tests/clients/moon/web.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/crypto.h"
#include "tests/clients/moon/say.h"

static size_t take_body(char *data, size_t size, size_t count, void *user) {
	struct es_moon_answer *answer = user;
	size *= count;
	if (size >= sizeof(answer->body) - answer->size) {
		return 0;
	}
	memcpy(answer->body + answer->size, data, size);
	answer->size += size;
	answer->body[answer->size] = '\0';
	return size;
}

// The certificate that the host has shown must be the one of the pairing.
static bool is_paired_host(CURL *curl, const struct es_moon_identity *identity) {
	struct curl_certinfo *info = NULL;
	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
			info->num_of_certs != 1) {
		return false;
	}
	for (struct curl_slist *line = info->certinfo[0]; line != NULL; line = line->next) {
		if (strncmp(line->data, "Cert:", 5) == 0) {
			return pem_same(line->data + 5, identity->server_pem);
		}
	}
	return false;
}

static bool attribute(const char *body, const char *name, char *out, size_t cap) {
	const char *root = strstr(body, "<root");
	const char *end = root != NULL ? strchr(root, '>') : NULL;
	const char *at = root != NULL ? strstr(root, name) : NULL;
	if (at == NULL || end == NULL || at > end) {
		return false;
	}
	at += strlen(name);
	const char *quote = strncmp(at, "=\"", 2) == 0 ? strchr(at + 2, '"') : NULL;
	if (quote == NULL || (size_t)(quote - at - 2) >= cap) {
		return false;
	}
	memcpy(out, at + 2, (size_t)(quote - at - 2));
	out[quote - at - 2] = '\0';
	return true;
}

static void read_root(struct es_moon_answer *answer) {
	char code[16];
	answer->status = -1;
	if (attribute(answer->body, "status_code", code, sizeof(code))) {
		answer->status = (int)strtol(code, NULL, 10);
	}
	if (!attribute(answer->body, "status_message", answer->message, sizeof(answer->message))) {
		answer->message[0] = '\0';
	}
}

static void make_url(const struct es_moon_web *web, bool https, const char *path, const char *query,
		char *url, size_t cap) {
	uint8_t random[16];
	char uuid[33];
	crypto_random(random, sizeof(random));
	hex_encode(random, sizeof(random), uuid);
	snprintf(url, cap, "%s://%s:%u%s?uniqueid=%s&uuid=%s%s%s", https ? "https" : "http", web->host,
			https ? web->https_port : web->http_port, path, web->unique_id, uuid,
			query[0] != '\0' ? "&" : "", query);
}

static void set_options(CURL *curl, const struct es_moon_web *web, bool https, const char *url,
		long timeout_s, struct es_moon_answer *answer) {
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (web->from != NULL) {
		char own[80];
		snprintf(own, sizeof(own), "host!%s", web->from);
		curl_easy_setopt(curl, CURLOPT_INTERFACE, own);
	}
	if (https) {
		// Not the chain but the certificate itself is checked, when it is there.
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
		curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
		if (web->identity != NULL) {
			curl_easy_setopt(curl, CURLOPT_SSLCERT, web->identity->cert_path);
			curl_easy_setopt(curl, CURLOPT_SSLKEY, web->identity->key_path);
		}
	}
}

bool web_get(struct es_moon_web *web, bool https, const char *path, const char *query,
		long timeout_s, struct es_moon_answer *answer, const char **error) {
	size_t cap = strlen(query) + 1024;
	char *url = malloc(cap);
	CURL *curl = curl_easy_init();
	answer->size = 0;
	answer->body[0] = '\0';
	*error = "no memory";
	bool ok = url != NULL && curl != NULL && (!https || web_https_port(web) != 0);
	if (ok) {
		make_url(web, https, path, query, url, cap);
		set_options(curl, web, https, url, timeout_s, answer);
		CURLcode code = curl_easy_perform(curl);
		*error = curl_easy_strerror(code);
		ok = code == CURLE_OK;
	}
	if (ok && https && web->identity != NULL && !is_paired_host(curl, web->identity)) {
		*error = "the host's certificate is not that of the pairing";
		ok = false;
	}
	if (ok) {
		long status = 0;
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		answer->http_status = (int)status;
		read_root(answer);
	}
	curl_easy_cleanup(curl);
	free(url);
	return ok;
}

bool answer_get(const struct es_moon_answer *answer, const char *tag, char *out, size_t cap) {
	char opening[64], closing[64];
	snprintf(opening, sizeof(opening), "<%s>", tag);
	snprintf(closing, sizeof(closing), "</%s>", tag);
	const char *start = strstr(answer->body, opening);
	const char *end = start != NULL ? strstr(start, closing) : NULL;
	if (end == NULL) {
		return false;
	}
	start += strlen(opening);
	if ((size_t)(end - start) >= cap) {
		return false;
	}
	memcpy(out, start, (size_t)(end - start));
	out[end - start] = '\0';
	return true;
}

uint16_t web_https_port(struct es_moon_web *web) {
	struct es_moon_answer answer;
	const char *error;
	char text[16];
	if (web->https_port != 0) {
		return web->https_port;
	}
	if (!web_get(web, false, "/serverinfo", "", 5, &answer, &error) ||
			!answer_get(&answer, "HttpsPort", text, sizeof(text))) {
		say_error("no HttpsPort in serverinfo");
		return 0;
	}
	web->https_port = (uint16_t)strtoul(text, NULL, 10);
	return web->https_port;
}
