#include "protocol/audio_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/clients/moon/audio_packets.h"

#define OPUS_SIZE 60
#define WRAP_BLOCKS 512

static const uint8_t key[ES_KEY_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// A packetizer, and a client that checks what it is handed.
struct pair {
	struct es_audio_packetizer *packetizer;
	struct es_moon_audio_packets *client;
	uint16_t next; // sequence to be handed out
	uint64_t handed, lost, wrong;
};

static void make_opus(uint16_t sequence, uint8_t out[OPUS_SIZE]) {
	for (size_t i = 0; i < OPUS_SIZE; i++) {
		out[i] = (uint8_t)(sequence * 7 + (sequence >> 8) + i * 13);
	}
}

static void handle_packet(void *data, uint16_t sequence, const uint8_t *opus, size_t size) {
	struct pair *pair = data;
	uint8_t expected[OPUS_SIZE];
	make_opus(sequence, expected);
	pair->wrong += sequence != pair->next;
	pair->next = (uint16_t)(sequence + 1);
	if (opus == NULL) {
		pair->lost++;
		return;
	}
	pair->handed++;
	pair->wrong += size != OPUS_SIZE || memcmp(opus, expected, OPUS_SIZE) != 0;
}

static void open_pair(struct pair *pair, uint16_t sequence, uint32_t key_id, bool encrypted) {
	memset(pair, 0, sizeof(*pair));
	pair->packetizer = audio_packetizer_create(&(struct es_audio_packetizer_params){
			.key = encrypted ? key : NULL, .key_id = key_id, .packet_ms = 5});
	pair->client = audio_packets_create(
			&(struct es_moon_audio_packets_params){.key = encrypted ? key : NULL,
					.key_id = key_id,
					.packet_ms = 5,
					.data = pair,
					.packet = handle_packet});
	assert_non_null(pair->packetizer);
	assert_non_null(pair->client);
	*audio_packetizer_counters(pair->packetizer) =
			(struct es_audio_counters){sequence, UINT32_MAX - 40};
	pair->next = (uint16_t)(sequence + ES_AUDIO_BLOCK);
}

static void close_pair(struct pair *pair) {
	audio_packetizer_destroy(pair->packetizer);
	audio_packets_destroy(pair->client);
}

// One block, of whose datagrams those with their bit in `lost` do not arrive.
static void send_block(struct pair *pair, unsigned lost) {
	struct es_audio_datagrams datagrams;
	unsigned number = 0;
	for (int i = 0; i < ES_AUDIO_BLOCK; i++) {
		uint8_t opus[OPUS_SIZE];
		make_opus(audio_packetizer_counters(pair->packetizer)->sequence, opus);
		assert_true(audio_packetizer_put(pair->packetizer, opus, OPUS_SIZE, &datagrams));
		assert_int_equal(i == ES_AUDIO_BLOCK - 1 ? 3 : 1, datagrams.n);
		for (size_t k = 0; k < datagrams.n; k++, number++) {
			if ((lost & 1u << number) == 0) {
				audio_packets_take(pair->client, datagrams.data[k], datagrams.sizes[k]);
			}
		}
	}
}

static void test_vectors(void **state) {
	static const char expected_hex[] =
			"806101020000050a00000000d21e9d66f4c992f0bc077afe0853d29f9abae2"
			"2e77f6d30c2a8ce013f66ac6f7";
	uint8_t expected[44], opus[20] = {0xfc};
	assert_true(hex_decode(expected_hex, 88, expected, sizeof(expected)));
	for (size_t i = 1; i < sizeof(opus); i++) {
		opus[i] = (uint8_t)i;
	}
	struct es_audio_packetizer *packetizer = audio_packetizer_create(
			&(struct es_audio_packetizer_params){.key = key, .key_id = 0x1020304, .packet_ms = 5});
	assert_non_null(packetizer);
	*audio_packetizer_counters(packetizer) = (struct es_audio_counters){0x102, 1290};
	struct es_audio_datagrams datagrams;
	assert_true(audio_packetizer_put(packetizer, opus, sizeof(opus), &datagrams));
	assert_int_equal(1, datagrams.n);
	assert_int_equal(sizeof(expected), datagrams.sizes[0]);
	assert_memory_equal(expected, datagrams.data[0], sizeof(expected));
	// A block that was not begun at its beginning has no parity.
	assert_true(audio_packetizer_put(packetizer, opus, sizeof(opus), &datagrams));
	assert_int_equal(1, datagrams.n);
	audio_packetizer_destroy(packetizer);
}

static void test_parity_vector(void **state) {
	static const uint8_t parity[2][8] = {{0x1a, 0x1b, 0x18, 0x19, 0x1e, 0x1f, 0x1c, 0x1d},
			{0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97}};
	struct es_audio_packetizer *packetizer =
			audio_packetizer_create(&(struct es_audio_packetizer_params){.packet_ms = 10});
	assert_non_null(packetizer);
	*audio_packetizer_counters(packetizer) = (struct es_audio_counters){0xfffc, 0xfffffff0};
	struct es_audio_datagrams datagrams;
	for (uint8_t i = 0; i < 4; i++) {
		uint8_t data[8];
		for (uint8_t k = 0; k < 8; k++) {
			data[k] = (uint8_t)(i << 4 | k);
		}
		assert_true(audio_packetizer_put(packetizer, data, sizeof(data), &datagrams));
	}
	static const uint8_t headers[2][24] = {
			{0x80, 0x7f, 0x00, 0x00, [13] = 97, 0xff, 0xfc, 0xff, 0xff, 0xff, 0xf0},
			{0x80, 0x7f, 0x00, 0x01, [12] = 1, 97, 0xff, 0xfc, 0xff, 0xff, 0xff, 0xf0}};
	assert_int_equal(3, datagrams.n);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(32, datagrams.sizes[1 + i]);
		assert_memory_equal(headers[i], datagrams.data[1 + i], 24);
		assert_memory_equal(parity[i], datagrams.data[1 + i] + 24, 8);
	}
	assert_int_equal(0, audio_packetizer_counters(packetizer)->sequence);
	assert_int_equal(24, audio_packetizer_counters(packetizer)->timestamp);
	audio_packetizer_destroy(packetizer);
}

// Any two of six.
static void test_recovery(void **state) {
	for (int encrypted = 0; encrypted < 2; encrypted++) {
		for (unsigned lost = 0; lost < 1u << 6; lost++) {
			struct pair pair;
			unsigned n = (unsigned)__builtin_popcount(lost);
			unsigned n_data = (unsigned)__builtin_popcount(lost & 15u);
			open_pair(&pair, 0, 5, encrypted != 0);
			send_block(&pair, 0);
			send_block(&pair, 0);
			send_block(&pair, lost);
			send_block(&pair, 0);
			const struct es_moon_audio_stats *stats = audio_packets_stats(pair.client);
			assert_int_equal(n <= 2 ? 0 : n_data, pair.lost);
			assert_int_equal(12 - pair.lost, pair.handed);
			assert_int_equal(n <= 2 ? n_data : 0, stats->recovered);
			assert_int_equal(0, pair.wrong + stats->violations + stats->forged);
			close_pair(&pair);
		}
	}
}

// Sequence, timestamp and the IV's number go past their ends, with losses around them.
static void test_wraps(void **state) {
	struct pair pair;
	open_pair(&pair, 65536 - 256 * ES_AUDIO_BLOCK, UINT32_MAX - 65000, true);
	for (unsigned i = 0; i < WRAP_BLOCKS; i++) {
		send_block(&pair, 1u << i % 6 | 1u << i / 6 % 6);
	}
	const struct es_moon_audio_stats *stats = audio_packets_stats(pair.client);
	assert_int_equal(0, pair.wrong + pair.lost + stats->violations + stats->forged);
	// Of the last block the last data packet may wait for the parity that is lost, but never for long.
	assert_true(pair.handed >= (WRAP_BLOCKS - 2) * ES_AUDIO_BLOCK);
	assert_true(stats->recovered > WRAP_BLOCKS / 2);
	close_pair(&pair);
}

// One datagram in twenty is lost, at random.
static void test_losses(void **state) {
	struct pair pair;
	uint64_t random = 88172645463325252u;
	open_pair(&pair, 0, 5, true);
	for (unsigned i = 0; i < 5000; i++) {
		unsigned lost = 0;
		for (unsigned k = 0; k < ES_AUDIO_BLOCK + ES_AUDIO_PARITY; k++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			lost |= (random >> 32) % 20 == 0 ? 1u << k : 0;
		}
		send_block(&pair, lost);
	}
	const struct es_moon_audio_stats *stats = audio_packets_stats(pair.client);
	assert_int_equal(0, pair.wrong + stats->violations + stats->forged);
	assert_true(stats->recovered > 500);
	assert_true(pair.lost > 0 && pair.lost * 200 < pair.handed + pair.lost); // below 0.5 %
	close_pair(&pair);
}

static void test_sizes(void **state) {
	static uint8_t opus[ES_AUDIO_MAX_OPUS + 1];
	struct es_audio_datagrams datagrams;
	for (int encrypted = 0; encrypted < 2; encrypted++) {
		struct pair pair;
		open_pair(&pair, 0, 1, encrypted != 0);
		assert_false(audio_packetizer_put(pair.packetizer, opus, 0, &datagrams));
		assert_false(audio_packetizer_put(pair.packetizer, opus, sizeof(opus), &datagrams));
		assert_int_equal(0, audio_packetizer_counters(pair.packetizer)->sequence);
		for (int i = 0; i < 4; i++) {
			assert_true(audio_packetizer_put(pair.packetizer, opus, ES_AUDIO_MAX_OPUS, &datagrams));
		}
		assert_int_equal(3, datagrams.n);
		assert_int_in_range(datagrams.sizes[1], ES_AUDIO_MAX_OPUS + 24, MOON_AUDIO_MAX_DATAGRAM);
		// Blocks of several sizes, and the next of one.
		for (size_t i = 0; i < 4; i++) {
			assert_true(audio_packetizer_put(pair.packetizer, opus, 40 * (i + 1), &datagrams));
			assert_int_equal(1, datagrams.n);
		}
		for (int i = 0; i < 4; i++) {
			assert_true(audio_packetizer_put(pair.packetizer, opus, 40, &datagrams));
		}
		assert_int_equal(3, datagrams.n);
		close_pair(&pair);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_vectors),
			cmocka_unit_test(test_parity_vector),
			cmocka_unit_test(test_recovery),
			cmocka_unit_test(test_wraps),
			cmocka_unit_test(test_losses),
			cmocka_unit_test(test_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
