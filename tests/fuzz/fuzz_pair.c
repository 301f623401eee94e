// Messages of a pairing, right and wrong ones in any order, beside a model of what may follow what.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocol/pair.h"
#include "tests/vectors/pairing_vectors.h"
#include "tests/vectors/test_certs.h"

// A command is one byte: the message, and how its text is made from the one of the vector.
enum { BEGIN, PIN, CHALLENGE, RESPONSE, SECRET, KILL, NO_ROOM };
#define MESSAGE_MASK 0x07
#define OTHER_TEXT 0x08 // follows: its size in a byte, and the text
#define EDITED 0x10 // follows: where, in two bytes, and what to XOR there
#define SALT 0x20 // the text is the salt and not the certificate
#define MAX_TEXT 4096
#define MAX_COMMANDS 24

struct input {
	const uint8_t *data;
	size_t size;
};

struct run {
	struct es_pair pair;
	enum es_pair_state expected;
	bool genuine; // all texts that the proof depends on were the vector's
	bool same_cert;
};

struct host {
	struct es_identity identity;
	char client_hex[MAX_TEXT];
	uint8_t secret[16], challenge[16];
	bool ready;
};

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "pair: %s\n", what);
		abort();
	}
}

static const struct host *get_host(void) {
	static struct host host;
	if (!host.ready) {
		const char *why = NULL;
		require(identity_load(&host.identity, key_server_pem, cert_server_pem, &why), "identity");
		hex_encode(cert_client_pem, strlen(cert_client_pem), host.client_hex);
		require(hex_decode(pairing_vector.server_secret, 32, host.secret, 16) &&
						hex_decode(pairing_vector.server_challenge, 32, host.challenge, 16),
				"vectors");
		host.ready = true;
	}
	return &host;
}

// What RSA and X.509 have said before to the same is said again: else they take all the time, and
// most inputs repeat the vector's certificate and have the host sign the same secret.
struct remembered {
	uint8_t asked[ES_SHA256_SIZE];
	bool known, ok;
	const char *why;
	struct es_cert cert;
	uint8_t signature[ES_CERT_MAX_SIGNATURE];
	size_t size;
};

bool __real_cert_parse_client(struct es_cert *cert, const char *pem, size_t size, const char **why);
bool __wrap_cert_parse_client(struct es_cert *cert, const char *pem, size_t size, const char **why);
bool __real_cert_verify(const struct es_cert *cert, const void *data, size_t data_size,
		const void *signature, size_t signature_size);
bool __wrap_cert_verify(const struct es_cert *cert, const void *data, size_t data_size,
		const void *signature, size_t signature_size);
size_t __real_identity_sign(const struct es_identity *identity, const void *data, size_t size,
		uint8_t out[ES_CERT_MAX_SIGNATURE]);
size_t __wrap_identity_sign(const struct es_identity *identity, const void *data, size_t size,
		uint8_t out[ES_CERT_MAX_SIGNATURE]);

// False: something else was asked last.
static bool remember(struct remembered *last, const struct es_sha256_part *parts, size_t n_parts) {
	uint8_t asked[ES_SHA256_SIZE];
	crypto_sha256_parts(parts, n_parts, asked);
	bool same = last->known && memcmp(asked, last->asked, sizeof(asked)) == 0;
	memcpy(last->asked, asked, sizeof(asked));
	last->known = true;
	return same;
}

bool __wrap_cert_parse_client(
		struct es_cert *cert, const char *pem, size_t size, const char **why) {
	static struct remembered last;
	if (!remember(&last, &(struct es_sha256_part){pem, size}, 1)) {
		last.ok = __real_cert_parse_client(&last.cert, pem, size, &last.why);
	}
	*cert = last.cert;
	if (!last.ok) {
		*why = last.why;
	}
	return last.ok;
}

bool __wrap_cert_verify(const struct es_cert *cert, const void *data, size_t data_size,
		const void *signature, size_t signature_size) {
	static struct remembered last;
	const struct es_sha256_part parts[] = {{cert->der, cert->der_size}, {data, data_size},
			{signature, signature_size}, {&data_size, sizeof(data_size)}};
	if (!remember(&last, parts, sizeof(parts) / sizeof(parts[0]))) {
		last.ok = __real_cert_verify(cert, data, data_size, signature, signature_size);
	}
	return last.ok;
}

// There is only one identity.
size_t __wrap_identity_sign(const struct es_identity *identity, const void *data, size_t size,
		uint8_t out[ES_CERT_MAX_SIGNATURE]) {
	static struct remembered last;
	if (!remember(&last, &(struct es_sha256_part){data, size}, 1)) {
		last.size = __real_identity_sign(identity, data, size, last.signature);
	}
	memcpy(out, last.signature, last.size);
	return last.size;
}

static uint8_t take_byte(struct input *in) {
	if (in->size == 0) {
		return 0;
	}
	in->size--;
	return *in->data++;
}

// The text that the command makes of the vector's one; the caller's to free.
static char *make_text(struct input *in, uint8_t command, const char *right) {
	size_t length = strlen(right);
	if ((command & OTHER_TEXT) != 0) {
		length = take_byte(in);
		length = length < in->size ? length : in->size;
		right = (const char *)in->data;
		in->data += length;
		in->size -= length;
	}
	char *text = malloc(length + 1); // of its own size, for the sanitizer
	if (text == NULL) {
		abort();
	}
	if (length > 0) {
		memcpy(text, right, length);
	}
	text[length] = '\0';
	if ((command & EDITED) != 0 && length > 0) {
		size_t at = take_byte(in);
		at = (at << 8 | take_byte(in)) % length;
		text[at] = (char)(text[at] ^ take_byte(in));
	}
	return text;
}

static bool is_right(const char *text, const char *right) {
	return strcasecmp(text, right) == 0;
}

static bool send_begin(struct run *run, const char *text, bool is_salt) {
	const struct host *host = get_host();
	const char *salt = is_salt ? text : pairing_vector.salt;
	const char *cert = is_salt ? host->client_hex : text;
	const char *why = NULL;
	bool ok = pair_begin(&run->pair, salt, cert, &why);
	run->genuine = is_right(salt, pairing_vector.salt);
	run->same_cert = is_right(cert, host->client_hex);
	require(ok || !run->genuine || !run->same_cert, "the right first message is refused");
	run->expected = ok ? ES_PAIR_NEEDS_PIN : ES_PAIR_DEAD;
	return ok;
}

static void send_pin(struct run *run, const char *text) {
	bool is_pin = strlen(text) == 4 && strspn(text, "0123456789") == 4;
	bool ok = pair_take_pin(&run->pair, text);
	require(ok == (is_pin && run->expected == ES_PAIR_NEEDS_PIN), "a PIN");
	if (ok) {
		run->genuine = run->genuine && strcmp(text, pairing_vector.pin) == 0;
		run->expected = ES_PAIR_CHALLENGE;
	}
}

static bool send_phase(struct run *run, int message, const char *text, size_t cap) {
	const struct host *host = get_host();
	char out[ES_PAIR_REPLY_MAX] = "";
	const char *why = NULL;
	bool ok = message == CHALLENGE ? pair_challenge_with(&run->pair, &host->identity, text,
											 host->secret, host->challenge, out, cap, &why)
			: message == RESPONSE ? pair_response(&run->pair, &host->identity, text, out, cap, &why)
								  : pair_secret(&run->pair, text, &why);
	require(ok == (why == NULL), "a reason if and only if refused");
	require(ok || out[0] == '\0', "a reply to what is refused");
	return ok;
}

static void send_and_check(struct run *run, int message, const char *text, const char *right) {
	bool in_order = run->expected == (enum es_pair_state)(ES_PAIR_CHALLENGE + message - CHALLENGE);
	bool ok = send_phase(run, message, text, ES_PAIR_REPLY_MAX);
	require(!ok || in_order, "out of order");
	run->genuine = run->genuine && (message == CHALLENGE || is_right(text, right));
	if (message != SECRET) {
		require(ok || !in_order || !is_right(text, right), "the right message is refused");
	} else {
		require(!ok || run->genuine, "paired without the proof");
		require(ok || !in_order || !run->genuine || !run->same_cert, "the proof is refused");
	}
	run->expected = ok ? (enum es_pair_state)(run->expected + 1) : ES_PAIR_DEAD;
}

static void check_state(const struct run *run) {
	static struct es_pair dead;
	dead.state = ES_PAIR_DEAD;
	require(run->pair.state == run->expected, "another state");
	if (run->expected == ES_PAIR_DEAD) {
		require(memcmp(&dead, &run->pair, sizeof(dead)) == 0, "a secret is left of a dead one");
	}
}

static void run_command(struct run *run, struct input *in) {
	uint8_t command = take_byte(in);
	int message = command & MESSAGE_MASK;
	const struct pairing_vector *v = &pairing_vector;
	bool is_salt = (command & SALT) != 0;
	const char *const right[] = {[BEGIN] = is_salt ? v->salt : get_host()->client_hex,
			[PIN] = v->pin,
			[CHALLENGE] = v->request_clientchallenge,
			[RESPONSE] = v->request_serverchallengeresp,
			[SECRET] = v->request_clientpairingsecret};
	if (message > SECRET) {
		if (message == NO_ROOM) {
			send_phase(run, CHALLENGE, v->request_clientchallenge, 96);
		} else {
			pair_kill(&run->pair);
		}
		run->expected = ES_PAIR_DEAD;
		return;
	}
	char *text = make_text(in, command, right[message]);
	if (message == BEGIN) {
		send_begin(run, text, is_salt);
	} else if (message == PIN) {
		send_pin(run, text);
	} else {
		send_and_check(run, message, text, right[message]);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct input in = {data, size};
	struct run run;
	memset(&run, 0, sizeof(run));
	pair_kill(&run.pair);
	run.expected = ES_PAIR_DEAD;
	for (int i = 0; i < MAX_COMMANDS && in.size > 0; i++) {
		run_command(&run, &in);
		check_state(&run);
	}
	pair_kill(&run.pair);
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const struct {
		size_t size;
		uint8_t bytes[16];
	} seeds[] = {
			{5, {BEGIN, PIN, CHALLENGE, RESPONSE, SECRET}},
			{6, {BEGIN, PIN, CHALLENGE, RESPONSE, RESPONSE, SECRET}},
			{6, {BEGIN, PIN, CHALLENGE, CHALLENGE, RESPONSE, SECRET}},
			{9, {BEGIN, PIN | OTHER_TEXT, 4, '4', '7', '1', '1', CHALLENGE, RESPONSE}},
			{8, {BEGIN, PIN, CHALLENGE, RESPONSE, SECRET | EDITED, 0, 200, 1}},
			{8, {BEGIN | EDITED, 3, 0, 1, PIN, CHALLENGE, RESPONSE, SECRET}},
			{8, {BEGIN | SALT | EDITED, 0, 5, 1, PIN, CHALLENGE, RESPONSE, SECRET}},
			{6, {BEGIN, PIN, CHALLENGE | OTHER_TEXT, 2, '0', '0'}},
			{4, {BEGIN, PIN, NO_ROOM, CHALLENGE}},
			{3, {BEGIN, KILL, PIN}},
	};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || seeds[index].size > cap) {
		return 0;
	}
	memcpy(out, seeds[index].bytes, seeds[index].size);
	return seeds[index].size;
}
