// Session keys that were used since the start, as fingerprints: a key serves once, because every
// counter begins anew with a session.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"

#define ES_USED_KEYS_MAX 1000000 // more are refused: forgetting one would be worse

// All zero at first.
struct es_used_keys {
	uint8_t (*fingerprints)[ES_SHA256_SIZE]; // owned
	size_t n, cap;
};

// True if the key is new; it counts as used from now on. False: it was used before, or there is no
// room to remember it.
bool used_keys_take(struct es_used_keys *keys, const uint8_t key[ES_KEY_SIZE]);
void used_keys_finish(struct es_used_keys *keys);
