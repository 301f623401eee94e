#include "protocol/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/vectors/pairing_vectors.h"
#include "tests/vectors/test_certs.h"

#define HEX_MAX (2 * ES_CERT_MAX_PEM + 3)

static struct es_identity host, client;
static char client_hex[HEX_MAX];

static int setup(void **state) {
	const char *why = NULL;
	hex_encode(cert_client_pem, strlen(cert_client_pem), client_hex);
	return identity_load(&host, key_server_pem, cert_server_pem, &why) &&
					identity_load(&client, key_client_pem, cert_client_pem, &why)
			? 0
			: -1;
}

static void unhex(const char *hex, void *out, size_t size) {
	assert_true(hex_decode(hex, strlen(hex), out, size));
}

static void begin(struct es_pair *pair) {
	const char *why = NULL;
	assert_true(pair_begin(pair, pairing_vector.salt, client_hex, &why));
	assert_int_equal(ES_PAIR_NEEDS_PIN, pair->state);
}

static void assert_dead(const struct es_pair *pair) {
	struct es_pair dead;
	memset(&dead, 0, sizeof(dead));
	dead.state = ES_PAIR_DEAD;
	assert_int_equal(dead.state, pair->state);
	assert_memory_equal(&dead, pair, sizeof(dead)); // no secret is left
}

// --- the transcript

// One of the messages of the transcript; every reply is compared with the transcript's.
enum message { BEGIN, PIN, CHALLENGE, RESPONSE, SECRET, N_MESSAGES };

static bool send_message(struct es_pair *pair, enum message message) {
	const struct pairing_vector *v = &pairing_vector;
	char out[ES_PAIR_REPLY_MAX] = "";
	const char *why = NULL, *expected = "";
	uint8_t secret[16], challenge[16];
	unhex(v->server_secret, secret, 16);
	unhex(v->server_challenge, challenge, 16);
	bool ok = false;
	switch (message) {
	case BEGIN:
		return pair_begin(pair, v->salt, client_hex, &why);
	case PIN:
		return pair_take_pin(pair, v->pin);
	case CHALLENGE:
		ok = pair_challenge_with(
				pair, &host, v->request_clientchallenge, secret, challenge, out, sizeof(out), &why);
		expected = v->reply_challengeresponse;
		break;
	case RESPONSE:
		ok = pair_response(pair, &host, v->request_serverchallengeresp, out, sizeof(out), &why);
		expected = v->reply_pairingsecret;
		break;
	default:
		ok = pair_secret(pair, v->request_clientpairingsecret, &why);
		break;
	}
	assert_true(ok == (why == NULL));
	assert_string_equal(ok ? expected : "", out);
	return ok;
}

static void send_up_to(struct es_pair *pair, enum message last) {
	for (int message = BEGIN; message <= (int)last; message++) {
		assert_true(send_message(pair, (enum message)message));
	}
}

static void test_transcript(void **state) {
	struct es_pair pair;
	send_up_to(&pair, PIN);
	uint8_t key[ES_KEY_SIZE];
	unhex(pairing_vector.aes_key, key, sizeof(key));
	assert_memory_equal(key, pair.key, sizeof(key));
	send_up_to(&pair, SECRET);
	assert_int_equal(ES_PAIR_DONE, pair.state);
	assert_memory_equal(client.cert.der, pair.client.der, client.cert.der_size);
	static const struct es_pair zero;
	assert_memory_equal(zero.salt, pair.salt, sizeof(pair.salt));
	assert_memory_equal(zero.key, pair.key, sizeof(pair.key));
	assert_memory_equal(zero.server_secret, pair.server_secret, sizeof(pair.server_secret));
	assert_memory_equal(zero.server_challenge, pair.server_challenge, 16);
	assert_memory_equal(zero.client_hash, pair.client_hash, sizeof(pair.client_hash));
}

// The one without certificates: signatures of 256 times 0x51 and 0x52.
static void test_synthetic(void **state) {
	struct es_pair pair;
	struct es_identity other = host;
	memset(other.cert.signature, 0x51, 256);
	begin(&pair);
	memset(pair.client.signature, 0x52, 256);
	assert_true(pair_take_pin(&pair, "1234"));
	uint8_t secret[16], challenge[16], hash[ES_SHA256_SIZE];
	unhex(pairing_vector.server_secret, secret, 16);
	unhex(pairing_vector.server_challenge, challenge, 16);
	char out[ES_PAIR_REPLY_MAX];
	const char *why = NULL;
	assert_true(pair_challenge_with(&pair, &other, "1469e6e6b5917632146a281a04113dc6", secret,
			challenge, out, sizeof(out), &why));
	assert_string_equal("166d2c9e4a658b5ab604a8cb20b9492832b51b49403a8d158a726e436c24f16a"
						"bfa2f81981a9fe43a65d771dcc75ed50",
			out);
	assert_true(pair_response(&pair, &other,
			"6253051a1b433602d4024d0c86fdb99d0b2ef90596cf69e943da6b3aa019c86c", out, sizeof(out),
			&why));
	unhex("b1c8c9922239e660560a2d5096a957381eb8e03791fdb4fca9d630e57fb47d00", hash, sizeof(hash));
	assert_memory_equal(hash, pair.client_hash, sizeof(hash));
}

// --- every order

// What each message leads to; a PIN at the wrong time changes nothing, a new first phase starts
// anew, everything else is fatal.
static enum es_pair_state next_state(enum es_pair_state state, enum message message) {
	static const enum es_pair_state wanted[] = {[PIN] = ES_PAIR_NEEDS_PIN,
			[CHALLENGE] = ES_PAIR_CHALLENGE,
			[RESPONSE] = ES_PAIR_RESPONSE,
			[SECRET] = ES_PAIR_SECRET};
	if (message == BEGIN) {
		return ES_PAIR_NEEDS_PIN;
	}
	if (state == wanted[message]) {
		return (enum es_pair_state)(state + 1);
	}
	return message == PIN ? state : ES_PAIR_DEAD;
}

static int n_done, n_sequences;

static void try_all_after(const struct es_pair *before, int depth) {
	for (int message = BEGIN; message < N_MESSAGES; message++) {
		struct es_pair pair = *before;
		enum es_pair_state expected = next_state(pair.state, (enum message)message);
		bool legal = message == BEGIN || (expected != ES_PAIR_DEAD && expected != pair.state);
		assert_true(send_message(&pair, (enum message)message) == legal);
		assert_int_equal(expected, pair.state);
		if (expected == ES_PAIR_DEAD) {
			assert_dead(&pair);
		}
		n_sequences++;
		n_done += pair.state == ES_PAIR_DONE && message == SECRET;
		if (depth > 1) {
			try_all_after(&pair, depth - 1);
		}
	}
}

static void test_every_order(void **state) {
	struct es_pair pair;
	memset(&pair, 0, sizeof(pair));
	pair_kill(&pair);
	n_done = n_sequences = 0;
	try_all_after(&pair, 5);
	assert_int_equal(5 + 25 + 125 + 625 + 3125, n_sequences);
	assert_int_equal(1, n_done); // of five messages, in the one order
}

static void test_nothing_before_begin(void **state) {
	struct es_pair pair;
	memset(&pair, 0, sizeof(pair)); // looks like NEEDS_PIN
	assert_false(send_message(&pair, PIN));
	for (int message = CHALLENGE; message < N_MESSAGES; message++) {
		memset(&pair, 0, sizeof(pair));
		assert_false(send_message(&pair, (enum message)message));
		assert_dead(&pair);
	}
}

static void test_twice(void **state) {
	struct es_pair pair;
	for (int message = CHALLENGE; message <= SECRET; message++) {
		send_up_to(&pair, (enum message)message);
		assert_false(send_message(&pair, (enum message)message));
		assert_dead(&pair);
		assert_false(send_message(&pair, PIN));
		assert_dead(&pair);
	}
}

// --- bad texts

static void test_bad_begin(void **state) {
	static const char *const salts[] = {NULL, "", "a0a1a2a3a4a5a6a7a8a9aaabacadaea",
			"a0a1a2a3a4a5a6a7a8a9aaabacadae", "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0",
			"a0a1a2a3a4a5a6a7a8a9aaabacadaeag"};
	struct es_pair pair;
	for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
		const char *why = NULL;
		assert_false(pair_begin(&pair, salts[i], client_hex, &why));
		assert_non_null(why);
		assert_dead(&pair);
	}
	static const char *const certs[] = {cert_ca_pem, cert_ec_pem, cert_rsa1024_pem, cert_pss_pem,
			key_client_pem, "", "garbage"};
	char hex[HEX_MAX];
	for (size_t i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
		const char *why = NULL;
		hex_encode(certs[i], strlen(certs[i]), hex);
		assert_false(pair_begin(&pair, pairing_vector.salt, hex, &why));
		assert_non_null(why);
		assert_dead(&pair);
	}
}

static void test_bad_cert_hex(void **state) {
	struct es_pair pair;
	char hex[HEX_MAX];
	const char *why = NULL;
	assert_false(pair_begin(&pair, pairing_vector.salt, NULL, &why));
	snprintf(hex, sizeof(hex), "%s", client_hex);
	snprintf(hex + strlen(hex), 2, "0"); // odd
	assert_false(pair_begin(&pair, pairing_vector.salt, hex, &why));
	snprintf(hex, sizeof(hex), "%s", client_hex);
	hex[100] = 'x';
	assert_false(pair_begin(&pair, pairing_vector.salt, hex, &why));
	memset(hex, '0', sizeof(hex) - 1); // longer than any certificate
	hex[sizeof(hex) - 1] = '\0';
	assert_false(pair_begin(&pair, pairing_vector.salt, hex, &why));
	assert_dead(&pair);
}

static void test_pin(void **state) {
	static const char *const pins[] = {
			"", "123", "12345", "12 4", "-123", "123a", " 1234", "\xd9\xa1\xd9\xa2", "+999"};
	struct es_pair pair;
	begin(&pair);
	const struct es_pair before = pair;
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		assert_false(pair_take_pin(&pair, pins[i]));
		assert_memory_equal(&before, &pair, sizeof(pair));
	}
	assert_true(pair_take_pin(&pair, "1234"));
	assert_false(pair_take_pin(&pair, "1234")); // used up
	assert_int_equal(ES_PAIR_CHALLENGE, pair.state);
}

// One phase with one text.
static bool send_text(struct es_pair *pair, enum message message, const char *hex) {
	char out[ES_PAIR_REPLY_MAX];
	const char *why = NULL;
	bool ok = message == CHALLENGE ? pair_challenge(pair, &host, hex, out, sizeof(out), &why)
			: message == RESPONSE  ? pair_response(pair, &host, hex, out, sizeof(out), &why)
								   : pair_secret(pair, hex, &why);
	assert_true(ok == (why == NULL));
	return ok;
}

static void test_bad_texts(void **state) {
	struct es_pair pair;
	const struct pairing_vector *v = &pairing_vector;
	const char *good[] = {[CHALLENGE] = v->request_clientchallenge,
			[RESPONSE] = v->request_serverchallengeresp,
			[SECRET] = v->request_clientpairingsecret};
	for (int message = CHALLENGE; message <= SECRET; message++) {
		size_t length = strlen(good[message]);
		char text[ES_PAIR_REPLY_MAX];
		for (int kind = 0; kind < 7; kind++) {
			snprintf(text, sizeof(text), "%s", good[message]);
			switch (kind) {
			case 0:
				text[length - 1] = '\0';
				break; // odd
			case 1:
				text[length - 2] = '\0';
				break; // short by a byte
			case 2:
				snprintf(text + length, 3, "00");
				break; // long by a byte
			case 3:
				text[length / 2] = 'g';
				break;
			case 4:
				text[0] = '\0';
				break;
			case 5:
				text[32] = '\0';
				text[0] = message == CHALLENGE ? 'z' : '4';
				break; // 16 bytes
			default:
				break; // none
			}
			send_up_to(&pair, (enum message)(message - 1));
			assert_false(send_text(&pair, (enum message)message, kind < 6 ? text : NULL));
			assert_dead(&pair);
		}
	}
}

static void test_no_room(void **state) {
	struct es_pair pair;
	const char *why = NULL;
	char out[96];
	send_up_to(&pair, PIN);
	assert_false(pair_challenge(
			&pair, &host, pairing_vector.request_clientchallenge, out, sizeof(out), &why));
	assert_dead(&pair);
}

// --- a client of our own, with what it would check

struct attempt {
	const char *client_pin;
	const struct es_identity *signer;
	bool wrong_secret; // another one than it was bound to in phase 3
	bool long_signature; // with a zero before it
};
struct outcome {
	bool client_content; // it takes the host for one that knows the PIN
	bool paired;
};

static void client_key(const char *pin, uint8_t key[ES_KEY_SIZE]) {
	uint8_t salt[16], hash[ES_SHA256_SIZE];
	unhex(pairing_vector.salt, salt, 16);
	const struct es_sha256_part parts[] = {{salt, 16}, {pin, 4}};
	crypto_sha256_parts(parts, 2, hash);
	memcpy(key, hash, ES_KEY_SIZE);
}

static bool host_knew_pin(const uint8_t challenge[16], const uint8_t hash[ES_SHA256_SIZE],
		const uint8_t *secret, size_t size) {
	uint8_t expected[ES_SHA256_SIZE];
	const struct es_sha256_part parts[] = {
			{challenge, 16}, {host.cert.signature, host.cert.signature_size}, {secret, 16}};
	crypto_sha256_parts(parts, 3, expected);
	return cert_verify(&host.cert, secret, 16, secret + 16, size - 16) &&
			memcmp(expected, hash, sizeof(expected)) == 0;
}

static size_t make_secret(const struct attempt *attempt, const uint8_t bound[16], uint8_t *out) {
	memcpy(out, bound, 16);
	out[0] ^= attempt->wrong_secret;
	out[16] = 0;
	uint8_t *signature = out + 16 + attempt->long_signature;
	return 16 + attempt->long_signature + identity_sign(attempt->signer, out, 16, signature);
}

static struct outcome run_attempt(const struct attempt *attempt) {
	struct es_pair pair;
	struct outcome outcome = {0};
	uint8_t key[16], challenge[16], bytes[64 + ES_CERT_MAX_SIGNATURE], answer[48], secret[16];
	char hex[ES_PAIR_REPLY_MAX], out[ES_PAIR_REPLY_MAX];
	const char *why = NULL;
	begin(&pair);
	assert_true(pair_take_pin(&pair, "4711"));
	client_key(attempt->client_pin, key);
	crypto_random(challenge, 16);
	crypto_random(secret, 16);
	crypto_ecb_encrypt(key, challenge, 16, bytes);
	hex_encode(bytes, 16, hex);
	assert_true(pair_challenge(&pair, &host, hex, out, sizeof(out), &why));
	unhex(out, answer, 48);
	crypto_ecb_decrypt(key, answer, 48, answer);
	const struct es_sha256_part parts[] = {
			{answer + 32, 16}, {client.cert.signature, client.cert.signature_size}, {secret, 16}};
	crypto_sha256_parts(parts, 3, bytes);
	crypto_ecb_encrypt(key, bytes, 32, bytes);
	hex_encode(bytes, 32, hex);
	assert_true(pair_response(&pair, &host, hex, out, sizeof(out), &why));
	unhex(out, bytes, 16 + 256);
	outcome.client_content = host_knew_pin(challenge, answer, bytes, 16 + 256);
	hex_encode(bytes, make_secret(attempt, secret, bytes), hex);
	outcome.paired = pair_secret(&pair, hex, &why);
	assert_int_equal(outcome.paired ? ES_PAIR_DONE : ES_PAIR_DEAD, pair.state);
	return outcome;
}

static void test_attempts(void **state) {
	struct outcome outcome = run_attempt(&(struct attempt){"4711", &client, false, false});
	assert_true(outcome.client_content && outcome.paired);
	outcome = run_attempt(&(struct attempt){"4712", &client, false, false});
	assert_false(outcome.client_content || outcome.paired);
	outcome = run_attempt(&(struct attempt){"4711", &host, false, false});
	assert_true(outcome.client_content && !outcome.paired);
	outcome = run_attempt(&(struct attempt){"4711", &client, true, false});
	assert_true(outcome.client_content && !outcome.paired);
	outcome = run_attempt(&(struct attempt){"4711", &client, false, true});
	assert_true(outcome.client_content && !outcome.paired);
}

// Secrets are new each time.
static void test_random(void **state) {
	struct es_pair a, b;
	char out[ES_PAIR_REPLY_MAX];
	const char *why = NULL, *challenge = pairing_vector.request_clientchallenge;
	send_up_to(&a, PIN);
	send_up_to(&b, PIN);
	assert_true(pair_challenge(&a, &host, challenge, out, sizeof(out), &why));
	assert_true(pair_challenge(&b, &host, challenge, out, sizeof(out), &why));
	assert_memory_not_equal(a.server_secret, b.server_secret, 16);
	assert_memory_not_equal(a.server_challenge, b.server_challenge, 16);
	pair_kill(&a);
	assert_dead(&a);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_transcript),
			cmocka_unit_test(test_synthetic),
			cmocka_unit_test(test_every_order),
			cmocka_unit_test(test_nothing_before_begin),
			cmocka_unit_test(test_twice),
			cmocka_unit_test(test_bad_begin),
			cmocka_unit_test(test_bad_cert_hex),
			cmocka_unit_test(test_pin),
			cmocka_unit_test(test_bad_texts),
			cmocka_unit_test(test_no_room),
			cmocka_unit_test(test_attempts),
			cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests_name("pair", tests, setup, NULL);
}
