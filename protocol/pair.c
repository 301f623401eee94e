#include "protocol/pair.h"

#include <string.h>

#define BLOCK 16
#define MIN_SIGNATURE 256 // of RSA-2048, the smallest key that a certificate may have

void pair_kill(struct es_pair *pair) {
	crypto_wipe(pair, sizeof(*pair));
	pair->state = ES_PAIR_DEAD;
}

static bool die(struct es_pair *pair, const char **why, const char *reason) {
	pair_kill(pair);
	*why = reason;
	return false;
}

static bool parse_cert(struct es_cert *cert, const char *hex, const char **why) {
	char pem[ES_CERT_MAX_PEM];
	size_t length = strlen(hex);
	if (length / 2 > sizeof(pem)) {
		*why = "the certificate is too long";
		return false;
	}
	if (!hex_decode(hex, length, pem, length / 2)) {
		*why = "the certificate is not in hexadecimal digits";
		return false;
	}
	return cert_parse_client(cert, pem, length / 2, why);
}

bool pair_begin(
		struct es_pair *pair, const char *salt_hex, const char *cert_hex, const char **why) {
	memset(pair, 0, sizeof(*pair));
	if (salt_hex == NULL ||
			!hex_decode(salt_hex, strlen(salt_hex), pair->salt, ES_PAIR_SALT_SIZE)) {
		return die(pair, why, "the salt is not 32 hexadecimal digits");
	}
	const char *reason = "there is no certificate";
	if (cert_hex == NULL || !parse_cert(&pair->client, cert_hex, &reason)) {
		return die(pair, why, reason);
	}
	pair->state = ES_PAIR_NEEDS_PIN;
	return true;
}

static bool is_pin(const char *pin) {
	for (size_t i = 0; i < 4; i++) {
		if (pin[i] < '0' || pin[i] > '9') {
			return false;
		}
	}
	return pin[4] == '\0';
}

bool pair_take_pin(struct es_pair *pair, const char *pin) {
	if (pair->state != ES_PAIR_NEEDS_PIN || pair->client.der_size == 0 || !is_pin(pin)) {
		return false;
	}
	uint8_t hash[ES_SHA256_SIZE];
	const struct es_sha256_part parts[] = {{pair->salt, sizeof(pair->salt)}, {pin, 4}};
	crypto_sha256_parts(parts, 2, hash);
	memcpy(pair->key, hash, sizeof(pair->key));
	crypto_wipe(hash, sizeof(hash));
	crypto_wipe(pair->salt, sizeof(pair->salt));
	pair->state = ES_PAIR_CHALLENGE;
	return true;
}

// The message of the one legal phase, of its exact size.
static bool take(struct es_pair *pair, enum es_pair_state state, const char *hex, uint8_t *out,
		size_t size, const char **why) {
	if (pair->state != state) {
		return die(pair, why, "a message out of order");
	}
	if (hex == NULL || !hex_decode(hex, strlen(hex), out, size)) {
		return die(pair, why, "a message of the wrong length, or not in hexadecimal digits");
	}
	return true;
}

static bool reply(struct es_pair *pair, const uint8_t *data, size_t size, char *out, size_t cap,
		const char **why) {
	if (cap < 2 * size + 1) {
		return die(pair, why, "no room for the reply");
	}
	hex_encode(data, size, out);
	return true;
}

bool pair_challenge_with(struct es_pair *pair, const struct es_identity *host, const char *hex,
		const uint8_t secret[16], const uint8_t challenge[16], char *out, size_t cap,
		const char **why) {
	uint8_t theirs[BLOCK], plain[ES_SHA256_SIZE + BLOCK];
	if (!take(pair, ES_PAIR_CHALLENGE, hex, theirs, sizeof(theirs), why)) {
		return false;
	}
	crypto_ecb_decrypt(pair->key, theirs, sizeof(theirs), theirs);
	memcpy(pair->server_secret, secret, sizeof(pair->server_secret));
	memcpy(pair->server_challenge, challenge, sizeof(pair->server_challenge));
	const struct es_sha256_part parts[] = {{theirs, sizeof(theirs)},
			{host->cert.signature, host->cert.signature_size},
			{pair->server_secret, sizeof(pair->server_secret)}};
	crypto_sha256_parts(parts, 3, plain);
	memcpy(plain + ES_SHA256_SIZE, pair->server_challenge, BLOCK);
	crypto_ecb_encrypt(pair->key, plain, sizeof(plain), plain);
	crypto_wipe(theirs, sizeof(theirs));
	pair->state = ES_PAIR_RESPONSE;
	return reply(pair, plain, sizeof(plain), out, cap, why);
}

bool pair_challenge(struct es_pair *pair, const struct es_identity *host, const char *hex,
		char *out, size_t cap, const char **why) {
	uint8_t secret[16], challenge[16];
	crypto_random(secret, sizeof(secret));
	crypto_random(challenge, sizeof(challenge));
	bool ok = pair_challenge_with(pair, host, hex, secret, challenge, out, cap, why);
	crypto_wipe(secret, sizeof(secret));
	crypto_wipe(challenge, sizeof(challenge));
	return ok;
}

bool pair_response(struct es_pair *pair, const struct es_identity *host, const char *hex, char *out,
		size_t cap, const char **why) {
	uint8_t theirs[ES_SHA256_SIZE], ours[16 + ES_CERT_MAX_SIGNATURE];
	if (!take(pair, ES_PAIR_RESPONSE, hex, theirs, sizeof(theirs), why)) {
		return false;
	}
	crypto_ecb_decrypt(pair->key, theirs, sizeof(theirs), pair->client_hash);
	memcpy(ours, pair->server_secret, 16);
	size_t size = identity_sign(host, ours, 16, ours + 16);
	if (size == 0) {
		crypto_wipe(ours, sizeof(ours));
		return die(pair, why, "the host's key cannot sign");
	}
	// The reply shows the secret to whoever asks. What of the PIN was left goes here, and what the
	// client will show is fixed by its hash.
	crypto_wipe(pair->key, sizeof(pair->key));
	crypto_wipe(pair->server_secret, sizeof(pair->server_secret));
	pair->state = ES_PAIR_SECRET;
	bool ok = reply(pair, ours, 16 + size, out, cap, why);
	crypto_wipe(ours, sizeof(ours));
	return ok;
}

// Both are looked at in any case, so that the time tells nothing about the PIN.
static bool prove(
		const struct es_pair *pair, const uint8_t *secret, size_t size, const char **why) {
	uint8_t hash[ES_SHA256_SIZE];
	const struct es_sha256_part parts[] = {{pair->server_challenge, sizeof(pair->server_challenge)},
			{pair->client.signature, pair->client.signature_size}, {secret, 16}};
	crypto_sha256_parts(parts, 3, hash);
	bool knew_pin = crypto_equal(hash, pair->client_hash, sizeof(hash));
	bool has_key = cert_verify(&pair->client, secret, 16, secret + 16, size - 16);
	*why = !has_key ? "the signature is not by the certificate's key" : "the PIN was another one";
	crypto_wipe(hash, sizeof(hash));
	return knew_pin && has_key;
}

static void wipe_secrets(struct es_pair *pair) {
	crypto_wipe(pair->salt, sizeof(pair->salt));
	crypto_wipe(pair->key, sizeof(pair->key));
	crypto_wipe(pair->server_secret, sizeof(pair->server_secret));
	crypto_wipe(pair->server_challenge, sizeof(pair->server_challenge));
	crypto_wipe(pair->client_hash, sizeof(pair->client_hash));
}

bool pair_secret(struct es_pair *pair, const char *hex, const char **why) {
	uint8_t secret[16 + ES_CERT_MAX_SIGNATURE];
	size_t size = hex != NULL ? strlen(hex) / 2 : 0;
	if (size < 16 + MIN_SIGNATURE || size > sizeof(secret)) {
		hex = NULL; // of no key's size
	}
	if (!take(pair, ES_PAIR_SECRET, hex, secret, size, why)) {
		return false;
	}
	const char *reason = NULL;
	bool proven = prove(pair, secret, size, &reason);
	crypto_wipe(secret, sizeof(secret));
	if (!proven) {
		return die(pair, why, reason);
	}
	wipe_secrets(pair);
	pair->state = ES_PAIR_DONE;
	return true;
}
