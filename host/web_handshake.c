#define _GNU_SOURCE
#include "host/web_handshake.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "protocol/crypto.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_DIGITS 22 // and "=="

// One of the words between commas.
static bool has_word(const char *list, const char *word) {
	while (list != NULL && *list != '\0') {
		list += strspn(list, ", \t");
		size_t size = strcspn(list, ", \t");
		if (size == strlen(word) && strncasecmp(list, word, size) == 0) {
			return true;
		}
		list += size;
	}
	return false;
}

static bool is_key(const char *key) {
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	return key != NULL && strspn(key, digits) == KEY_DIGITS && strcmp(key + KEY_DIGITS, "==") == 0;
}

bool web_handshake_check(const char *upgrade, const char *connection, const char *version,
		const char *key, char accept[ES_WEB_ACCEPT_SIZE]) {
	char text[KEY_DIGITS + 2 + sizeof(GUID)];
	uint8_t hash[ES_SHA1_SIZE];
	if (!has_word(upgrade, "websocket") || !has_word(connection, "upgrade") || version == NULL ||
			strcmp(version, "13") != 0 || !is_key(key)) {
		return false;
	}
	int size = snprintf(text, sizeof(text), "%s" GUID, key);
	crypto_sha1(text, (size_t)size, hash);
	base64_encode(hash, sizeof(hash), accept);
	return true;
}
