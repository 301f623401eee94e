// The host's side of GameStream pairing, as a strict state machine: one legal next message, anything
// else ends the attempt for good. (Reference, section 4.) Pure: no I/O, no clock; the caller limits time
// and number of attempts and stores the certificate, which it gets only after the last phase.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"

#define ES_PAIR_SALT_SIZE 16

enum es_pair_state {
	ES_PAIR_NEEDS_PIN, // phase 1 has come: certificate and salt
	ES_PAIR_CHALLENGE, // PIN known; phase 2 may come
	ES_PAIR_RESPONSE, // phase 3 may come
	ES_PAIR_SECRET, // phase 4 may come
	ES_PAIR_DONE, // the certificate may be stored
	ES_PAIR_DEAD, // for good; no secret is left in it
};

struct es_pair {
	enum es_pair_state state;
	struct es_cert client;
	uint8_t salt[ES_PAIR_SALT_SIZE];
	uint8_t key[ES_KEY_SIZE];
	uint8_t server_secret[16], server_challenge[16];
	uint8_t client_hash[ES_SHA256_SIZE];
};

// Phase 1. Texts as in the query (hex digits). False, state DEAD, with the reason in *why.
bool pair_begin(struct es_pair *pair, const char *salt_hex, const char *cert_hex, const char **why);
// Consumes the PIN: exactly four ASCII digits, else false and nothing has changed. From NEEDS_PIN only.
bool pair_take_pin(struct es_pair *pair, const char *pin);
// Each answers one phase and makes the hex text of the reply in out[cap]; false: DEAD.
#define ES_PAIR_REPLY_MAX 1100
bool pair_challenge(struct es_pair *pair, const struct es_identity *host, const char *hex,
		char *out, size_t cap, const char **why); // phase 2 -> challengeresponse
bool pair_response(struct es_pair *pair, const struct es_identity *host, const char *hex, char *out,
		size_t cap, const char **why); // phase 3 -> pairingsecret
// Phase 4: true only if the client knew the PIN and has its certificate's key. Then DONE, else DEAD.
bool pair_secret(struct es_pair *pair, const char *hex, const char **why);
// Wipes all secrets; DEAD.
void pair_kill(struct es_pair *pair);

// For tests: fixed instead of random server secret and challenge, after pair_take_pin.
bool pair_challenge_with(struct es_pair *pair, const struct es_identity *host, const char *hex,
		const uint8_t secret[16], const uint8_t challenge[16], char *out, size_t cap,
		const char **why);
