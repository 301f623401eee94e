#include "tests/clients/moon/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/crypto.h"
#include "tests/clients/moon/say.h"

#define PIN_TIMEOUT_S 300 // the host answers phase 1 once a human has entered the PIN
#define PHASE_TIMEOUT_S 10
#define MAX_HEX (2 * MOON_PEM_MAX + 1)

struct es_moon_pairing {
	struct es_moon_web *web;
	struct es_moon_identity *identity;
	const char *pin, *device_name;
	uint8_t salt[16], key[ES_KEY_SIZE];
	uint8_t challenge[16], secret[16]; // ours
	uint8_t server_hash[ES_SHA256_SIZE], server_challenge[16];
	char server_pem[MOON_PEM_MAX];
	const char *failure; // NULL: none so far
	struct es_moon_answer answer;
};

// The value of a tag that holds hex digits, decoded; its size, 0 if it is not there or not hex.
static size_t get_hex(
		const struct es_moon_pairing *pairing, const char *tag, void *out, size_t cap) {
	char hex[MAX_HEX];
	if (!answer_get(&pairing->answer, tag, hex, sizeof(hex))) {
		return 0;
	}
	size_t digits = strlen(hex);
	return digits % 2 == 0 && digits / 2 <= cap && hex_decode(hex, digits, out, digits / 2)
			? digits / 2
			: 0;
}

static void fail(struct es_moon_pairing *pairing, const char *why) {
	if (pairing->failure == NULL) {
		pairing->failure = why;
	}
}

// Sends one phase. True if the host has said paired.
static bool ask(struct es_moon_pairing *pairing, char phase, bool https, const char *arguments) {
	char query[MAX_HEX + 256], paired[8] = "";
	const char *error = NULL;
	snprintf(query, sizeof(query), "devicename=%s&updateState=1&%s", pairing->device_name,
			arguments);
	bool ok = web_get(pairing->web, https, "/pair", query,
			phase == '1' ? PIN_TIMEOUT_S : PHASE_TIMEOUT_S, &pairing->answer, &error);
	if (ok) {
		answer_get(&pairing->answer, "paired", paired, sizeof(paired));
	}
	say_begin("phase");
	say_number("phase", phase - '0');
	say_number("status", ok ? pairing->answer.status : -1);
	say_text("paired", paired);
	say_text("message", ok ? pairing->answer.message : error);
	say_end();
	if (!ok) {
		fail(pairing, error);
		return false;
	}
	if (pairing->answer.status != 200 || strcmp(paired, "1") != 0) {
		fail(pairing, "the host has refused");
		return false;
	}
	return true;
}

static void get_server_cert(struct es_moon_pairing *pairing) {
	char arguments[MAX_HEX + 128], salt[33], cert[MAX_HEX];
	hex_encode(pairing->salt, sizeof(pairing->salt), salt);
	hex_encode(pairing->identity->cert_pem, strlen(pairing->identity->cert_pem), cert);
	snprintf(
			arguments, sizeof(arguments), "phrase=getservercert&salt=%s&clientcert=%s", salt, cert);
	if (!ask(pairing, '1', false, arguments)) {
		return;
	}
	size_t size =
			get_hex(pairing, "plaincert", pairing->server_pem, sizeof(pairing->server_pem) - 1);
	pairing->server_pem[size] = '\0';
	uint8_t signature[MOON_SIGNATURE_MAX];
	if (size == 0 || pem_signature(pairing->server_pem, signature) == 0) {
		fail(pairing, "no certificate in plaincert: another pairing is in progress");
	}
}

static void send_challenge(struct es_moon_pairing *pairing) {
	uint8_t encrypted[16], answer[48];
	char arguments[64] = "clientchallenge=";
	crypto_ecb_encrypt(pairing->key, pairing->challenge, 16, encrypted);
	hex_encode(encrypted, 16, arguments + strlen(arguments));
	if (!ask(pairing, '2', false, arguments)) {
		return;
	}
	if (get_hex(pairing, "challengeresponse", answer, sizeof(answer)) != sizeof(answer)) {
		fail(pairing, "challengeresponse is not 48 bytes");
		return;
	}
	crypto_ecb_decrypt(pairing->key, answer, sizeof(answer), answer);
	memcpy(pairing->server_hash, answer, sizeof(pairing->server_hash));
	memcpy(pairing->server_challenge, answer + ES_SHA256_SIZE, 16);
}

static void send_response(struct es_moon_pairing *pairing) {
	const struct es_moon_identity *identity = pairing->identity;
	uint8_t hash[ES_SHA256_SIZE];
	char arguments[96] = "serverchallengeresp=";
	const struct es_sha256_part parts[] = {
			{pairing->server_challenge, 16},
			{identity->signature, identity->signature_size},
			{pairing->secret, 16},
	};
	crypto_sha256_parts(parts, 3, hash);
	crypto_ecb_encrypt(pairing->key, hash, sizeof(hash), hash);
	hex_encode(hash, sizeof(hash), arguments + strlen(arguments));
	if (!ask(pairing, '3', false, arguments)) {
		return;
	}
	uint8_t secret[16 + MOON_SIGNATURE_MAX], signature[MOON_SIGNATURE_MAX],
			expected[ES_SHA256_SIZE];
	size_t size = get_hex(pairing, "pairingsecret", secret, sizeof(secret));
	if (size <= 16 || !pem_verify(pairing->server_pem, secret, 16, secret + 16, size - 16)) {
		fail(pairing, "pairingsecret is not signed by the host's certificate");
		return;
	}
	const struct es_sha256_part server_parts[] = {
			{pairing->challenge, 16},
			{signature, pem_signature(pairing->server_pem, signature)},
			{secret, 16},
	};
	crypto_sha256_parts(server_parts, 3, expected);
	if (memcmp(expected, pairing->server_hash, sizeof(expected)) != 0) {
		fail(pairing, "wrong PIN");
	}
}

static void send_secret(struct es_moon_pairing *pairing) {
	uint8_t proof[16 + MOON_SIGNATURE_MAX];
	char arguments[2 * sizeof(proof) + 32] = "clientpairingsecret=";
	memcpy(proof, pairing->secret, 16);
	size_t size = identity_sign_data(pairing->identity, pairing->secret, 16, proof + 16);
	if (size == 0) {
		fail(pairing, "cannot sign");
		return;
	}
	hex_encode(proof, 16 + size, arguments + strlen(arguments));
	ask(pairing, '4', false, arguments);
}

static void send_pair_challenge(struct es_moon_pairing *pairing) {
	if (pairing->failure == NULL && !identity_trust(pairing->identity, pairing->server_pem)) {
		fail(pairing, "cannot keep the host's certificate");
	}
	ask(pairing, '5', true, "phrase=pairchallenge");
}

static void run_phase(struct es_moon_pairing *pairing, char phase) {
	switch (phase) {
	case '1':
		get_server_cert(pairing);
		break;
	case '2':
		send_challenge(pairing);
		break;
	case '3':
		send_response(pairing);
		break;
	case '4':
		send_secret(pairing);
		break;
	case '5':
		send_pair_challenge(pairing);
		break;
	default:
		fail(pairing, "no such phase");
	}
}

static void make_secrets(struct es_moon_pairing *pairing) {
	uint8_t hash[ES_SHA256_SIZE];
	crypto_random(pairing->salt, sizeof(pairing->salt));
	crypto_random(pairing->challenge, sizeof(pairing->challenge));
	crypto_random(pairing->secret, sizeof(pairing->secret));
	const struct es_sha256_part parts[] = {
			{pairing->salt, sizeof(pairing->salt)}, {pairing->pin, strlen(pairing->pin)}};
	crypto_sha256_parts(parts, 2, hash);
	memcpy(pairing->key, hash, sizeof(pairing->key));
}

bool pair_with_host(struct es_moon_web *web, struct es_moon_identity *identity, const char *pin,
		const char *device_name, const char *order) {
	struct es_moon_pairing *pairing = calloc(1, sizeof(*pairing));
	if (pairing == NULL) {
		return false;
	}
	pairing->web = web;
	pairing->identity = identity;
	pairing->pin = pin;
	pairing->device_name = device_name;
	make_secrets(pairing);
	bool legal = strcmp(order, "12345") == 0;
	for (const char *phase = order; *phase != '\0' && (!legal || pairing->failure == NULL);
			phase++) {
		run_phase(pairing, *phase);
	}
	bool ok = pairing->failure == NULL && legal;
	if (legal && !ok) {
		const char *error; // as Moonlight does; what the host says to it does not matter
		web_get(web, false, "/unpair", "", PHASE_TIMEOUT_S, &pairing->answer, &error);
	}
	say_begin("paired");
	say_bool("ok", pairing->failure == NULL);
	say_text("outcome", pairing->failure != NULL ? pairing->failure : "paired");
	say_end();
	free(pairing);
	return ok;
}
