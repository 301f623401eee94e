#include "host/web_cookie.h"

#include <stdio.h>
#include <string.h>

const char *web_cookie_name(bool secure) {
	return secure ? "__Host-earthshine" : "earthshine";
}

bool web_cookie_find(const char *cookies, bool secure, char *out, size_t cap) {
	const char *name = web_cookie_name(secure);
	size_t name_size = strlen(name);
	bool found = false;
	while (cookies != NULL && *cookies != '\0') {
		cookies += strspn(cookies, "; \t");
		size_t size = strcspn(cookies, ";");
		if (size > name_size && strncmp(cookies, name, name_size) == 0 &&
				cookies[name_size] == '=') {
			size_t value_size = size - name_size - 1;
			if (found || value_size >= cap) {
				return false;
			}
			memcpy(out, cookies + name_size + 1, value_size);
			out[value_size] = '\0';
			found = true;
		}
		cookies += size;
	}
	return found;
}

void web_cookie_write(char *out, size_t cap, bool secure, const char *value) {
	snprintf(out, cap, "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s",
			web_cookie_name(secure), value, value[0] != '\0' ? ES_WEB_COOKIE_S : 0,
			secure ? "; Secure" : "");
}
