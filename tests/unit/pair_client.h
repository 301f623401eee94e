// The client's side of a pairing, as far as it is bytes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"

#define ES_PAIR_CLIENT_HEX 8200

struct es_pair_client {
	const struct es_identity *identity; // borrowed
	uint8_t salt[16], key[ES_KEY_SIZE], challenge[16], secret[16];
	uint8_t host_hash[ES_SHA256_SIZE], host_challenge[16];
	char hex[ES_PAIR_CLIENT_HEX]; // of the next request
	char salt_hex[33];
};

// Makes the salt and, in hex, the certificate's text.
void pair_client_begin(
		struct es_pair_client *client, const struct es_identity *identity, const char *pin);
void pair_client_challenge(struct es_pair_client *client);
// Takes the host's answer to the challenge; false: it is none.
bool pair_client_response(struct es_pair_client *client, const char *answer_hex);
// Takes the host's secret. False: the host does not know the PIN.
bool pair_client_check(
		struct es_pair_client *client, const struct es_cert *host, const char *answer_hex);
void pair_client_secret(struct es_pair_client *client);
