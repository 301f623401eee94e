#include "host/used_keys.h"

#include <stdlib.h>
#include <string.h>

static bool grow(struct es_used_keys *keys) {
	if (keys->n < keys->cap) {
		return true;
	}
	size_t cap = keys->cap > 0 ? 2 * keys->cap : 64;
	void *grown = keys->n < ES_USED_KEYS_MAX
			? realloc(keys->fingerprints, cap * sizeof(keys->fingerprints[0]))
			: NULL;
	if (grown == NULL) {
		return false;
	}
	keys->fingerprints = grown;
	keys->cap = cap;
	return true;
}

bool used_keys_take(struct es_used_keys *keys, const uint8_t key[ES_KEY_SIZE]) {
	uint8_t fingerprint[ES_SHA256_SIZE];
	crypto_sha256(key, ES_KEY_SIZE, fingerprint);
	for (size_t i = 0; i < keys->n; i++) {
		if (memcmp(keys->fingerprints[i], fingerprint, sizeof(fingerprint)) == 0) {
			return false;
		}
	}
	if (!grow(keys)) {
		return false;
	}
	memcpy(keys->fingerprints[keys->n++], fingerprint, sizeof(fingerprint));
	return true;
}

void used_keys_finish(struct es_used_keys *keys) {
	free(keys->fingerprints);
	*keys = (struct es_used_keys){0};
}
