#include "tests/unit/pair_client.h"

#include <string.h>

void pair_client_begin(
		struct es_pair_client *client, const struct es_identity *identity, const char *pin) {
	uint8_t hash[ES_SHA256_SIZE];
	client->identity = identity;
	crypto_random(client->salt, sizeof(client->salt));
	crypto_random(client->challenge, sizeof(client->challenge));
	crypto_random(client->secret, sizeof(client->secret));
	struct es_sha256_part parts[] = {{client->salt, sizeof(client->salt)}, {pin, 4}};
	crypto_sha256_parts(parts, 2, hash);
	memcpy(client->key, hash, ES_KEY_SIZE);
	hex_encode(client->salt, sizeof(client->salt), client->salt_hex);
	hex_encode(identity->cert_pem, strlen(identity->cert_pem), client->hex);
}

void pair_client_challenge(struct es_pair_client *client) {
	uint8_t sealed[16];
	crypto_ecb_encrypt(client->key, client->challenge, sizeof(sealed), sealed);
	hex_encode(sealed, sizeof(sealed), client->hex);
}

bool pair_client_response(struct es_pair_client *client, const char *answer_hex) {
	uint8_t answer[48], hash[ES_SHA256_SIZE];
	if (!hex_decode(answer_hex, strlen(answer_hex), answer, sizeof(answer))) {
		return false;
	}
	crypto_ecb_decrypt(client->key, answer, sizeof(answer), answer);
	memcpy(client->host_hash, answer, sizeof(client->host_hash));
	memcpy(client->host_challenge, answer + 32, sizeof(client->host_challenge));
	const struct es_cert *cert = &client->identity->cert;
	struct es_sha256_part parts[] = {{client->host_challenge, 16},
			{cert->signature, cert->signature_size}, {client->secret, 16}};
	crypto_sha256_parts(parts, 3, hash);
	crypto_ecb_encrypt(client->key, hash, sizeof(hash), hash);
	hex_encode(hash, sizeof(hash), client->hex);
	return true;
}

bool pair_client_check(
		struct es_pair_client *client, const struct es_cert *host, const char *answer_hex) {
	uint8_t answer[16 + 256], hash[ES_SHA256_SIZE];
	if (!hex_decode(answer_hex, strlen(answer_hex), answer, sizeof(answer)) ||
			!cert_verify(host, answer, 16, answer + 16, 256)) {
		return false;
	}
	struct es_sha256_part parts[] = {
			{client->challenge, 16}, {host->signature, host->signature_size}, {answer, 16}};
	crypto_sha256_parts(parts, 3, hash);
	return crypto_equal(hash, client->host_hash, sizeof(hash));
}

void pair_client_secret(struct es_pair_client *client) {
	uint8_t secret[16 + ES_CERT_MAX_SIGNATURE];
	memcpy(secret, client->secret, 16);
	size_t size = identity_sign(client->identity, client->secret, 16, secret + 16);
	hex_encode(secret, 16 + size, client->hex);
}
