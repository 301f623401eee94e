#include "protocol/control_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/bytes.h"
#include "tests/vectors/control_vectors.h"
#include "tests/vectors/family.h"

#define MAX_WIRE (ES_CONTROL_MAX_PAYLOAD + ES_CONTROL_OVERHEAD)

struct ends {
	struct es_control_crypt host, client;
};

static int setup_ends(void **state) {
	struct ends *ends = calloc(1, sizeof(*ends));
	*state = ends;
	return ends != NULL && control_crypt_init(&ends->host, vector_key, false, true) &&
					control_crypt_init(&ends->client, vector_key, false, false)
			? 0
			: -1;
}

static int teardown_ends(void **state) {
	struct ends *ends = *state;
	control_crypt_finish(&ends->host);
	control_crypt_finish(&ends->client);
	free(ends);
	return 0;
}

// A message of the client with that sequence.
static size_t seal_numbered(struct ends *ends, uint32_t sequence, uint8_t *wire) {
	ends->client.next_sequence = sequence;
	size_t size = control_seal(&ends->client, ES_CONTROL_IDR, "\0\0", 2, wire, MAX_WIRE);
	assert_int_equal(2 + ES_CONTROL_OVERHEAD, size);
	return size;
}

static enum es_control_opened receive(struct ends *ends, uint32_t sequence) {
	uint8_t wire[MAX_WIRE];
	struct es_control_msg msg;
	size_t size = seal_numbered(ends, sequence, wire);
	return control_open(&ends->host, &msg, wire, size);
}

static void assert_vector(const struct es_control_vector *vector) {
	uint8_t payload[ES_VECTOR_MAX_SIZE], wire[ES_VECTOR_MAX_SIZE], out[MAX_WIRE];
	size_t payload_size = hex_bytes(vector->payload, payload);
	size_t wire_size = hex_bytes(vector->wire, wire);
	struct es_control_crypt from, to;
	assert_true(control_crypt_init(&from, vector_key, vector->legacy, vector->from_host));
	assert_true(control_crypt_init(&to, vector_key, vector->legacy, !vector->from_host));
	from.next_sequence = vector->sequence;
	assert_int_equal(
			wire_size, control_seal(&from, vector->type, payload, payload_size, out, sizeof(out)));
	assert_memory_equal(wire, out, wire_size);

	struct es_control_msg msg;
	assert_int_equal(ES_CONTROL_OPENED, control_open(&to, &msg, wire, wire_size));
	assert_int_equal(vector->type, msg.type);
	assert_int_equal(vector->sequence, msg.sequence);
	assert_int_equal(payload_size, msg.size);
	assert_memory_equal(payload, msg.payload, payload_size);
	// one's own words come back as nobody's
	if (!vector->legacy) {
		assert_int_equal(ES_CONTROL_FORGED, control_open(&from, &msg, wire, wire_size));
	}
	control_crypt_finish(&from);
	control_crypt_finish(&to);
}

static void test_vectors(void **state) {
	for (size_t i = 0; i < n_control_vectors; i++) {
		print_message("%s\n", control_vectors[i].name);
		assert_vector(&control_vectors[i]);
	}
}

static void test_other_protection(void **state) {
	struct es_control_crypt legacy;
	assert_true(control_crypt_init(&legacy, vector_key, true, true));
	struct ends *ends = *state;
	uint8_t wire[MAX_WIRE];
	struct es_control_msg msg;
	size_t size = seal_numbered(ends, 0, wire);
	assert_int_equal(ES_CONTROL_FORGED, control_open(&legacy, &msg, wire, size));
	control_crypt_finish(&legacy);
}

static void test_sizes(void **state) {
	struct ends *ends = *state;
	uint8_t payload[ES_CONTROL_MAX_PAYLOAD + 1] = {1, 2, 3}, wire[MAX_WIRE + 1];
	struct es_control_msg msg;
	assert_int_equal(MAX_WIRE,
			control_seal(&ends->client, 7, payload, ES_CONTROL_MAX_PAYLOAD, wire, MAX_WIRE));
	assert_int_equal(ES_CONTROL_OPENED, control_open(&ends->host, &msg, wire, MAX_WIRE));
	assert_int_equal(ES_CONTROL_MAX_PAYLOAD, msg.size);
	assert_memory_equal(payload, msg.payload, ES_CONTROL_MAX_PAYLOAD);
	assert_int_equal(ES_CONTROL_OVERHEAD,
			control_seal(&ends->client, 7, NULL, 0, wire, ES_CONTROL_OVERHEAD));
	assert_int_equal(ES_CONTROL_OPENED, control_open(&ends->host, &msg, wire, ES_CONTROL_OVERHEAD));
	assert_int_equal(0, msg.size);

	uint64_t before = ends->client.next_sequence;
	assert_int_equal(0,
			control_seal(
					&ends->client, 7, payload, ES_CONTROL_MAX_PAYLOAD + 1, wire, sizeof(wire)));
	assert_int_equal(0, control_seal(&ends->client, 7, payload, 3, wire, 2 + ES_CONTROL_OVERHEAD));
	assert_int_equal(before, ends->client.next_sequence);
	memset(wire, 0, sizeof(wire));
	wire[0] = 1;
	wire[2] = (uint8_t)(MAX_WIRE - 3);
	wire[3] = (uint8_t)((MAX_WIRE - 3) >> 8);
	assert_int_equal(ES_CONTROL_MALFORMED, control_open(&ends->host, &msg, wire, sizeof(wire)));
}

// Whatever is changed or cut, nothing is taken and the window stays.
static void test_changed(void **state) {
	struct ends *ends = *state;
	assert_int_equal(ES_CONTROL_OPENED, receive(ends, 4));
	uint8_t wire[MAX_WIRE];
	size_t size = seal_numbered(ends, 5, wire);
	struct es_control_crypt before = ends->host;
	struct es_control_msg msg;
	for (size_t bit = 0; bit < size * 8; bit++) {
		wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(bit < 32 ? ES_CONTROL_MALFORMED : ES_CONTROL_FORGED,
				control_open(&ends->host, &msg, wire, size));
		wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t cut = 0; cut < size; cut++) {
		assert_int_equal(ES_CONTROL_MALFORMED, control_open(&ends->host, &msg, wire, cut));
	}
	assert_int_equal(ES_CONTROL_MALFORMED, control_open(&ends->host, &msg, wire, size + 1));
	assert_memory_equal(&before, &ends->host, sizeof(before));
	assert_int_equal(ES_CONTROL_OPENED, control_open(&ends->host, &msg, wire, size));
	assert_int_equal(ES_CONTROL_REPLAYED, control_open(&ends->host, &msg, wire, size));
}

// An authentic envelope around what a broken client may put there.
static enum es_control_opened open_inner(
		struct ends *ends, uint32_t sequence, const void *plain, size_t size) {
	uint8_t wire[MAX_WIRE] = {1, 0, (uint8_t)(20 + size), 0, (uint8_t)sequence};
	uint8_t iv[ES_GCM_IV_SIZE] = {(uint8_t)sequence, [10] = 'C', [11] = 'C'};
	gcm_seal(ends->client.gcm, iv, sizeof(iv), plain, size, wire + 24, wire + 8);
	struct es_control_msg msg;
	return control_open(&ends->host, &msg, wire, 24 + size);
}

static void test_malformed_inside(void **state) {
	struct ends *ends = *state;
	assert_int_equal(ES_CONTROL_OPENED, open_inner(ends, 0, "\x02\x03\x02\0\0\0", 6));
	assert_int_equal(ES_CONTROL_MALFORMED, open_inner(ends, 1, "\x02\x03\x03\0\0\0", 6));
	assert_int_equal(ES_CONTROL_MALFORMED, open_inner(ends, 2, "\x02\x03\x01\0\0\0", 6));
	assert_int_equal(ES_CONTROL_MALFORMED, open_inner(ends, 3, "\x02\x03\xff\xff\0\0", 6));
	assert_int_equal(ES_CONTROL_MALFORMED, open_inner(ends, 4, "\x01\0\x02\0\0\0", 6));
	assert_int_equal(ES_CONTROL_MALFORMED, open_inner(ends, 5, "\x02\x03\x02", 3));
	assert_int_equal(ES_CONTROL_MALFORMED, open_inner(ends, 6, "", 0));
	// it was the client's all the same: its number is used up
	assert_int_equal(ES_CONTROL_REPLAYED, open_inner(ends, 1, "\x02\x03\x02\0\0\0", 6));
}

#define MODEL_SIZE 60000

// The window against a set of all that was ever taken.
static void test_window(void **state) {
	struct ends *ends = *state;
	bool *seen = calloc(MODEL_SIZE, sizeof(*seen));
	assert_non_null(seen);
	uint32_t newest = 0, random = 12345, counts[4] = {0};
	bool any = false;
	for (size_t i = 0; i < 20000; i++) {
		random = random * 1664525 + 1013904223;
		// mostly around the newest, now and then a leap past the whole window
		uint32_t leap = random >> 8 & 0xff ? 1300 : 4000;
		uint32_t lowest = newest > 1250 ? newest - 1250 : 0;
		uint32_t sequence = lowest + (random >> 16) % leap;
		if (random >> 24 < 128) {
			sequence = newest + (random >> 16 & 3);
		}
		if (sequence >= MODEL_SIZE) {
			break;
		}
		bool taken = !any || sequence > newest ||
				(newest - sequence < ES_CONTROL_WINDOW && !seen[sequence]);
		enum es_control_opened expected = taken ? ES_CONTROL_OPENED : ES_CONTROL_REPLAYED;
		assert_int_equal(expected, receive(ends, sequence));
		counts[expected]++;
		seen[sequence] = seen[sequence] || taken;
		newest = !any || sequence > newest ? sequence : newest;
		any = true;
	}
	free(seen);
	assert_true(newest > 20000); // the walk went around the window many times
	assert_true(counts[ES_CONTROL_OPENED] > 1000 && counts[ES_CONTROL_REPLAYED] > 1000);
}

static void test_window_edges(void **state) {
	struct ends *ends = *state;
	assert_int_equal(ES_CONTROL_OPENED, receive(ends, 5000));
	assert_int_equal(ES_CONTROL_REPLAYED, receive(ends, 5000 - ES_CONTROL_WINDOW));
	assert_int_equal(ES_CONTROL_OPENED, receive(ends, 5000 - ES_CONTROL_WINDOW + 1));
	assert_int_equal(ES_CONTROL_REPLAYED, receive(ends, 5000 - ES_CONTROL_WINDOW + 1));
	assert_int_equal(ES_CONTROL_OPENED, receive(ends, 5000 + ES_CONTROL_WINDOW));
	assert_int_equal(ES_CONTROL_OPENED, receive(ends, 5001));
	assert_int_equal(ES_CONTROL_REPLAYED, receive(ends, 5000));
}

static void test_last_number(void **state) {
	struct ends *ends = *state;
	ends->client.next_sequence = UINT32_MAX - 2;
	uint8_t wire[MAX_WIRE];
	struct es_control_msg msg;
	for (uint32_t i = 0; i < 3; i++) {
		size_t size = control_seal(&ends->client, ES_CONTROL_PING, NULL, 0, wire, sizeof(wire));
		assert_int_equal(ES_CONTROL_OPENED, control_open(&ends->host, &msg, wire, size));
		assert_true(msg.sequence == UINT32_MAX - 2 + i);
	}
	for (size_t i = 0; i < 3; i++) { // none again, not even by going on
		assert_int_equal(
				0, control_seal(&ends->client, ES_CONTROL_PING, NULL, 0, wire, sizeof(wire)));
	}
	assert_int_equal(ES_CONTROL_REPLAYED, receive(ends, 0));
	assert_int_equal(ES_CONTROL_REPLAYED, receive(ends, UINT32_MAX));
	assert_int_equal(ES_CONTROL_OPENED, receive(ends, UINT32_MAX - 3));
}

// --- payloads

static struct es_control_msg message(uint16_t type, const char *hex) {
	struct es_control_msg msg = {.type = type};
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	msg.size = hex_bytes(hex, bytes);
	memcpy(msg.payload, bytes, msg.size);
	return msg;
}

static void test_fec_status(void **state) {
	struct es_control_msg msg =
			message(ES_CONTROL_FEC_STATUS, "00000001 0011 0003 0003 000f 0003 000c 0003 14 00 01");
	struct es_fec_status status;
	assert_true(control_parse_fec_status(&status, &msg));
	assert_int_equal(1, status.frame);
	assert_int_equal(17, status.highest_sequence);
	assert_int_equal(3, status.next_contiguous);
	assert_int_equal(3, status.missing_before_highest);
	assert_int_equal(15, status.total_data);
	assert_int_equal(3, status.total_parity);
	assert_int_equal(12, status.received_data);
	assert_int_equal(3, status.received_parity);
	assert_int_equal(20, status.percent);
	assert_int_equal(0, status.block_index);
	assert_int_equal(1, status.block_count);
	uint8_t out[32];
	assert_int_equal(msg.size, control_put_fec_status(out, &status));
	assert_memory_equal(msg.payload, out, msg.size);

	struct es_fec_status untouched = status;
	static const char *const refused[] = {
			"", // cut and longer ones
			"00000001 0011 0003 0003 000f 0003 000c 0003 14 00",
			"00000001 0011 0003 0003 000f 0003 000c 0003 14 00 01 00",
			"00000001 0011 0003 0003 0000 0003 0000 0003 14 00 01", // nothing was sent
			"00000001 0011 0003 0003 0400 0003 000c 0003 14 00 01",
			"00000001 0011 0003 0003 000f 0400 000c 0003 14 00 01",
			"00000001 0011 0003 0003 000f 0003 0010 0003 14 00 01", // more than was sent
			"00000001 0011 0003 0003 000f 0003 000c 0004 14 00 01",
			"00000001 0011 0003 0003 000f 0003 000c 0003 14 00 00",
			"00000001 0011 0003 0003 000f 0003 000c 0003 14 01 01",
			"00000001 0011 0003 0003 000f 0003 000c 0003 14 00 05",
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		msg = message(ES_CONTROL_FEC_STATUS, refused[i]);
		if (control_parse_fec_status(&status, &msg)) {
			fail_msg("\"%s\" is taken", refused[i]);
		}
	}
	msg = message(ES_CONTROL_PING, "00000001 0011 0003 0003 000f 0003 000c 0003 14 00 01");
	assert_false(control_parse_fec_status(&status, &msg));
	assert_memory_equal(&untouched, &status, sizeof(status));
}

static void test_invalidate(void **state) {
	struct es_control_msg msg =
			message(ES_CONTROL_INVALIDATE, "1e000000 00000000 1f000000 00000000 00000000 00000000");
	uint32_t first = 0, last = 0;
	assert_true(control_parse_invalidate(&first, &last, &msg));
	assert_int_equal(30, first);
	assert_int_equal(31, last);
	uint8_t out[32];
	assert_int_equal(24, control_put_invalidate(out, 30, 31));
	assert_memory_equal(msg.payload, out, 24);

	static const char *const refused[] = {
			"",
			"1e000000 00000000 1f000000 00000000 00000000 000000",
			"1e000000 00000000 1f000000 00000000 00000000 00000000 00",
			"20000000 00000000 1f000000 00000000 00000000 00000000", // backwards
			"1e000000 00000000 1f000000 01000000 00000000 00000000",
			"ffffffff ffffffff ffffffff ffffffff 00000000 00000000",
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		msg = message(ES_CONTROL_INVALIDATE, refused[i]);
		if (control_parse_invalidate(&first, &last, &msg)) {
			fail_msg("\"%s\" is taken", refused[i]);
		}
	}
	msg = message(ES_CONTROL_IDR, "1e000000 00000000 1f000000 00000000 00000000 00000000");
	assert_false(control_parse_invalidate(&first, &last, &msg));
	assert_int_equal(30, first);
	assert_int_equal(31, last);
}

static void assert_payload(const char *hex, const uint8_t *out, size_t size) {
	uint8_t expected[ES_VECTOR_MAX_SIZE];
	assert_int_equal(hex_bytes(hex, expected), size);
	assert_memory_equal(expected, out, size);
}

static void test_to_client(void **state) {
	uint8_t out[32];
	assert_payload("80030023", out, control_put_termination(out, ES_TERMINATE_GRACEFUL));
	assert_payload("800e9302", out, control_put_termination(out, ES_TERMINATE_PROTECTED));
	assert_payload("800e9403", out, control_put_termination(out, ES_TERMINATE_ENCODER));
	assert_payload("eeffc000 0000 3412 7856", out, control_put_rumble(out, 0, 0x1234, 0x5678));
	assert_payload("0f00 3412 7856", out, control_put_trigger_rumble(out, 15, 0x1234, 0x5678));
	assert_payload("0100 fa00 02", out, control_put_motion_request(out, 1, 250, 2));
	assert_payload("0200 0a 0b 0c", out, control_put_led(out, 2, 10, 11, 12));
	static const uint8_t left[10] = {1, [9] = 2}, right[10] = {3, [9] = 4};
	assert_payload("0300 0c 21 26 01000000000000000002 03000000000000000004", out,
			control_put_trigger_effect(out, 3, 12, 0x21, 0x26, left, right));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_vectors),
			cmocka_unit_test_setup_teardown(test_other_protection, setup_ends, teardown_ends),
			cmocka_unit_test_setup_teardown(test_sizes, setup_ends, teardown_ends),
			cmocka_unit_test_setup_teardown(test_changed, setup_ends, teardown_ends),
			cmocka_unit_test_setup_teardown(test_malformed_inside, setup_ends, teardown_ends),
			cmocka_unit_test_setup_teardown(test_window, setup_ends, teardown_ends),
			cmocka_unit_test_setup_teardown(test_window_edges, setup_ends, teardown_ends),
			cmocka_unit_test_setup_teardown(test_last_number, setup_ends, teardown_ends),
			cmocka_unit_test(test_fec_status),
			cmocka_unit_test(test_invalidate),
			cmocka_unit_test(test_to_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
