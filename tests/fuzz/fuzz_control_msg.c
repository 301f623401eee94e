// The control stream: an envelope as it comes, or one that is sealed here around the input, so that
// what lies within is looked at too.
//
// Input: a byte of flags, four of the sequence, then the envelope or what is within.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/control_msg.h"
#include "protocol/input_msg.h"
#include "tests/vectors/control_vectors.h"

#define LEGACY 1
#define RAW 2
#define HEAD 5
#define INNER_SIZE 4
#define MAX_INNER (INNER_SIZE + ES_CONTROL_MAX_PAYLOAD)
#define TAG_AT 8
#define INNER_AT (TAG_AT + ES_TAG_SIZE)

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "control: %s\n", what);
		abort();
	}
}

static void check_payload(const struct es_control_msg *msg) {
	uint8_t out[32];
	struct es_fec_status status;
	if (control_parse_fec_status(&status, msg)) {
		require(control_put_fec_status(out, &status) == msg->size &&
						memcmp(out, msg->payload, msg->size) == 0,
				"another FEC status");
		require(status.total_data > 0 && status.received_data <= status.total_data, "shares");
	}
	uint32_t first, last;
	if (control_parse_invalidate(&first, &last, msg)) {
		require(control_put_invalidate(out, first, last) == msg->size &&
						memcmp(out, msg->payload, 16) == 0 && first <= last,
				"another range");
	}
	struct es_input input;
	if (msg->type == ES_CONTROL_INPUT) {
		input_parse(&input, msg->payload, msg->size);
	}
}

static size_t seal(struct es_control_crypt *client, uint32_t sequence, const uint8_t *inner,
		size_t size, uint8_t *wire) {
	struct es_writer w = writer_init(wire, TAG_AT);
	put_le16(&w, 1);
	put_le16(&w, (uint16_t)(4 + ES_TAG_SIZE + size));
	put_le32(&w, sequence);
	uint8_t iv[16] = {(uint8_t)sequence};
	if (!client->legacy) {
		memcpy(iv, wire + 4, 4);
		iv[10] = 'C';
		iv[11] = 'C';
	}
	gcm_seal(
			client->gcm, iv, client->legacy ? 16 : 12, inner, size, wire + INNER_AT, wire + TAG_AT);
	return INNER_AT + size;
}

// One bit of the tag changed: forged, and nothing is remembered of it.
static void check_forged(struct es_control_crypt *host, uint8_t *wire, size_t size) {
	struct es_control_crypt before = *host;
	struct es_control_msg msg;
	wire[TAG_AT] ^= 1;
	require(control_open(host, &msg, wire, size) == ES_CONTROL_FORGED, "a forged one");
	wire[TAG_AT] ^= 1;
	require(memcmp(&before, host, sizeof(before)) == 0, "a forged one is remembered");
}

static void check_sealed(struct es_control_crypt *host, struct es_control_crypt *client,
		uint32_t sequence, const uint8_t *inner, size_t size) {
	uint8_t wire[INNER_AT + MAX_INNER], again[INNER_AT + MAX_INNER];
	size_t wire_size = seal(client, sequence, inner, size, wire);
	if (size < INNER_SIZE) {
		struct es_control_msg msg;
		require(control_open(host, &msg, wire, wire_size) == ES_CONTROL_MALFORMED, "a short one");
		return;
	}
	check_forged(host, wire, wire_size);
	struct es_reader r = reader_init(inner, size);
	uint16_t type = get_le16(&r);
	bool good = type != 1 && get_le16(&r) == size - INNER_SIZE;
	struct es_control_msg msg;
	enum es_control_opened opened = control_open(host, &msg, wire, wire_size);
	require(opened == (good ? ES_CONTROL_OPENED : ES_CONTROL_MALFORMED), "opened or not");
	if (good) {
		require(msg.type == type && msg.sequence == sequence && msg.size == size - INNER_SIZE,
				"another one");
		client->next_sequence = sequence;
		require(control_seal(client, msg.type, msg.payload, msg.size, again, sizeof(again)) ==
								wire_size &&
						memcmp(wire, again, wire_size) == 0,
				"sealed in another way");
		check_payload(&msg);
	}
	check_forged(host, wire, wire_size);
	require(control_open(host, &msg, wire, wire_size) == ES_CONTROL_REPLAYED, "taken twice");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size < HEAD) {
		return 0;
	}
	struct es_reader r = reader_init(data, HEAD);
	uint8_t flags = get_u8(&r);
	uint32_t sequence = get_le32(&r);
	struct es_control_crypt host, client;
	bool legacy = (flags & LEGACY) != 0;
	require(control_crypt_init(&host, vector_key, legacy, true) &&
					control_crypt_init(&client, vector_key, legacy, false),
			"no memory");
	if ((flags & RAW) != 0 || size - HEAD > MAX_INNER) {
		struct es_control_msg msg;
		if (control_open(&host, &msg, data + HEAD, size - HEAD) == ES_CONTROL_OPENED) {
			check_payload(&msg);
		}
	} else {
		check_sealed(&host, &client, sequence, data + HEAD, size - HEAD);
	}
	control_crypt_finish(&host);
	control_crypt_finish(&client);
	return 0;
}

static size_t seed(uint8_t *out, size_t cap, uint8_t flags, uint16_t type, const char *hex) {
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	size_t size = hex_bytes(hex, bytes);
	struct es_writer w = writer_init(out, cap);
	put_u8(&w, flags);
	put_le32(&w, 7);
	if ((flags & RAW) == 0) {
		put_le16(&w, type);
		put_le16(&w, (uint16_t)size);
	}
	put_bytes(&w, bytes, size);
	return w.ok ? w.pos : 0;
}

// Every vector as it lies on the wire and as what is in it, and messages that have no vector.
size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const struct {
		uint16_t type;
		const char *hex;
	} more[] = {
			{ES_CONTROL_FEC_STATUS, "00000001 0011 0003 0003 000f 0003 000c 0003 14 00 01"},
			{ES_CONTROL_INVALIDATE, "1e000000 00000000 1f000000 00000000 00000000 00000000"},
			{ES_CONTROL_START_B, "00"},
			{ES_CONTROL_INPUT, "0000000a 03000000 00 4180 01 0000"},
	};
	size_t n_more = sizeof(more) / sizeof(more[0]);
	if (index < n_more) {
		return seed(out, cap, 0, more[index].type, more[index].hex);
	}
	const struct es_control_vector *vector = &control_vectors[(index - n_more) / 2];
	if ((index - n_more) / 2 >= n_control_vectors) {
		return 0;
	}
	uint8_t flags = vector->legacy ? LEGACY : 0;
	return (index - n_more) % 2 == 0 ? seed(out, cap, flags, vector->type, vector->payload)
									 : seed(out, cap, flags | RAW, 0, vector->wire);
}
