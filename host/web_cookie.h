// The one cookie. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ES_WEB_COOKIE_S (7 * 24 * 3600) // how long a browser keeps it

// Over TLS its name begins with "__Host-": no other host, path or plain connection can have set it.
const char *web_cookie_name(bool secure);
// The value in the header line Cookie (NULL: none) into out[cap]. False: it is not there, there twice,
// or too long.
bool web_cookie_find(const char *cookies, bool secure, char *out, size_t cap);
// The header line Set-Cookie; value "": the browser forgets it.
void web_cookie_write(char *out, size_t cap, bool secure, const char *value);
