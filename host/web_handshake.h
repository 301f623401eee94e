// The WebSocket's handshake, as RFC 6455 has it. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ES_WEB_ACCEPT_SIZE 29

// Header lines, NULL: not there. False: it is none, or of another version.
bool web_handshake_check(const char *upgrade, const char *connection, const char *version,
		const char *key, char accept[ES_WEB_ACCEPT_SIZE]);
