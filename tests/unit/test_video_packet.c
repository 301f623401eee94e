#include "protocol/video_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/tools/video_frame.h"

#define MAX_DATAGRAMS 4092

static const char *const unit_hex =
		"00000001674d00280000000168ee3c800000000165020910171e252c333a41484f565d646b727980878e"
		"959ca3aab1b8bfc6cdd4dbe2e9f0f7fe060d141b222930373e454c535a61686f767d848b9299a0a7aeb5"
		"bcc3cad1d8dfe6edf4fb030a11181f262d343b424950575e656c737a81888f969da4abb2b9";
static const char *const datagrams_hex[] = {
		"9000000000015f9000000000000000000000000001000000050010002004c00001250002210000000000"
		"0001674d00280000000168ee3c800000000165020910171e252c333a41484f565d646b727980",
		"9000000100015f9000000000000000000001000001000000010010002014c000878e959ca3aab1b8bfc6"
		"cdd4dbe2e9f0f7fe060d141b222930373e454c535a61686f767d848b9299a0a7aeb5bcc3cad1",
		"9000000200015f9000000000000000000002000001000000030010002024c000d8dfe6edf4fb030a1118"
		"1f262d343b424950575e656c737a81888f969da4abb2b9000000000000000000000000000000",
		"9000000300015f900000000000000000007a000001000000b100f7002034c000c518c409c291a6e4dd44"
		"7e45b8fb6bdaf3b5dee76665d53c77c40bed13195f7e3f2a453deb642b53c9bd31aa2478f40f",
		"9000000400015f90000000000000000000dd000001000000790051002044c00001c5a37956c0225ed490"
		"49323c17a481b16f41c833c5b85ac6bd65768ed4af944db3d35f53dd76fa9eef97038cc1b96d",
};

// One packetizer and what a client has in its place.
struct pair {
	struct es_packetizer *packetizer;
	struct video_frame_decoder *decoder;
	struct es_gcm *gcm; // NULL: clear
	uint64_t next_iv;
	size_t packet_size;
	uint8_t *datagrams; // of the frame just made
	struct es_frame_shape shape;
};

static const uint8_t key[ES_KEY_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct pair open_pair(uint16_t packet_size, uint8_t min_parity, bool encrypted) {
	struct es_packetizer_params params = {
			.packet_size = packet_size, .min_parity = min_parity, .key = encrypted ? key : NULL};
	struct pair pair = {
			.packetizer = packetizer_create(&params),
			.decoder = video_frame_decoder_create(packet_size),
			.gcm = encrypted ? gcm_create(key) : NULL,
			.packet_size = packet_size,
	};
	assert_non_null(pair.packetizer);
	assert_non_null(pair.decoder);
	return pair;
}

static void close_pair(struct pair *pair) {
	packetizer_destroy(pair->packetizer);
	video_frame_decoder_destroy(pair->decoder);
	gcm_destroy(pair->gcm);
	free(pair->datagrams);
}

// Into memory of exactly the size, so that a sanitizer sees what is written behind it.
static void make(
		struct pair *pair, const struct es_frame_info *info, const uint8_t *unit, size_t size) {
	free(pair->datagrams);
	pair->shape = packetizer_shape(pair->packetizer, size, info->fec_percent);
	assert_int_not_equal(0, pair->shape.n_datagrams);
	pair->datagrams = malloc((size_t)pair->shape.n_datagrams * pair->shape.datagram_size);
	assert_non_null(pair->datagrams);
	packetizer_make(pair->packetizer, info, unit, size, pair->datagrams);
}

static uint8_t *datagram(struct pair *pair, size_t i) {
	return pair->datagrams + i * pair->shape.datagram_size;
}

// Checks the prefix and puts the clear text in place; *clear is where it begins.
static void decrypt(struct pair *pair, size_t i, uint32_t frame, const uint8_t **clear) {
	uint8_t *data = datagram(pair, i);
	uint8_t prefix[16] = {0};
	for (size_t k = 0; k < 8; k++) {
		prefix[k] = (uint8_t)(pair->next_iv >> (8 * k));
	}
	prefix[11] = 'V';
	for (size_t k = 0; k < 4; k++) {
		prefix[12 + k] = (uint8_t)(frame >> (8 * k));
	}
	pair->next_iv++;
	assert_memory_equal(prefix, data, sizeof(prefix));
	uint8_t *text = data + ES_VIDEO_PREFIX;
	assert_true(gcm_open(
			pair->gcm, data, ES_GCM_IV_SIZE, text, pair->packet_size + 16, data + 16, text));
	*clear = text;
}

// As a client sees the frame of which `lost` (NULL: none) says what was lost.
static enum video_frame_result receive(
		struct pair *pair, uint32_t frame, const bool *lost, struct video_frame *out) {
	static const uint8_t *arrived[MAX_DATAGRAMS];
	for (size_t i = 0; i < pair->shape.n_datagrams; i++) {
		arrived[i] = datagram(pair, i);
		if (pair->gcm != NULL) {
			decrypt(pair, i, frame, &arrived[i]);
		}
		if (lost != NULL && lost[i]) {
			arrived[i] = NULL;
		}
	}
	return video_frame_decode(pair->decoder, arrived, pair->shape.n_datagrams, out);
}

static uint8_t *make_unit(size_t size, uint32_t seed) {
	uint8_t *unit = malloc(size);
	assert_non_null(unit);
	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525u + 1013904223u;
		unit[i] = (uint8_t)(seed >> 24);
	}
	return unit;
}

static void test_whole_frame_vector(void **state) {
	struct pair pair = open_pair(64, 2, false);
	uint8_t unit[121];
	assert_true(hex_decode(unit_hex, strlen(unit_hex), unit, sizeof(unit)));
	make(&pair,
			&(struct es_frame_info){
					.type = ES_FRAME_IDR, .timestamp = 90000, .latency = 37, .fec_percent = 20},
			unit, sizeof(unit));
	assert_int_equal(5, pair.shape.n_datagrams);
	assert_int_equal(2, pair.shape.n_parity);
	assert_int_equal(1, pair.shape.n_blocks);
	assert_int_equal(80, pair.shape.datagram_size);
	for (size_t i = 0; i < 5; i++) {
		uint8_t expected[80];
		assert_true(hex_decode(datagrams_hex[i], 160, expected, sizeof(expected)));
		assert_memory_equal(expected, datagram(&pair, i), sizeof(expected));
	}
	close_pair(&pair);
}

static void test_encryption_vector(void **state) {
	static const char *const wire =
			"050000000000000000000056010000000ffd6e275fce5febe03da81374ed6a4bfa9712dcf1b2008abd0acd031f"
			"23aa957e86672799d9a06a206cecf8ff045b9b7d8c85c907a63f960eb42b8d4068db37";
	static const uint8_t unit[8] = {0, 0, 0, 1, 0x67, 0x64, 0, 0x28};
	struct pair pair = open_pair(32, 2, true);
	packetizer_counters(pair.packetizer)->iv = 5;
	make(&pair,
			&(struct es_frame_info){
					.type = ES_FRAME_IDR, .timestamp = 0x15f9, .latency = 37, .fec_percent = 20},
			unit, sizeof(unit));
	uint8_t expected[80];
	assert_int_equal(80, pair.shape.datagram_size);
	assert_int_equal(3, pair.shape.n_datagrams);
	assert_true(hex_decode(wire, 160, expected, sizeof(expected)));
	assert_memory_equal(expected, datagram(&pair, 0), sizeof(expected));
	assert_int_equal(8, packetizer_counters(pair.packetizer)->iv);
	close_pair(&pair);
}

struct cut_case {
	size_t n_data;
	uint8_t percent, min_parity;
	size_t n_blocks, per_block, last_data, parity, last_parity;
};

// The reference's rules, by numbers worked out by hand.
static void test_shapes(void **state) {
	static const struct cut_case cases[] = {
			{1, 20, 0, 1, 1, 1, 1, 1},
			{1, 20, 2, 1, 1, 1, 2, 2},
			{1, 0, 2, 1, 1, 1, 0, 0}, // no parity at 0 %, whatever the minimum
			{5, 20, 2, 1, 5, 5, 2, 2},
			{10, 20, 2, 1, 10, 10, 2, 2},
			{11, 20, 2, 1, 11, 11, 3, 3},
			{212, 20, 2, 1, 212, 212, 43, 43},
			{213, 20, 2, 2, 107, 106, 22, 22},
			{424, 20, 2, 2, 212, 212, 43, 43},
			{425, 20, 2, 3, 142, 141, 29, 29},
			{637, 20, 2, 4, 160, 157, 32, 32},
			{848, 20, 2, 4, 212, 212, 43, 43},
			{849, 20, 2, 4, 213, 210, 0, 0}, // too much for four blocks with parity
			{255, 0, 0, 1, 255, 255, 0, 0},
			{256, 0, 0, 2, 128, 128, 0, 0},
			{127, 100, 0, 1, 127, 127, 127, 127},
			{128, 100, 0, 2, 64, 64, 64, 64},
			{252, 1, 2, 1, 252, 252, 3, 3},
			{100, 1, 2, 1, 100, 100, 2, 2},
			{4092, 20, 2, 4, 1023, 1023, 0, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct cut_case *c = &cases[i];
		struct pair pair = open_pair(32, c->min_parity, false);
		size_t size = c->n_data * 16 - 8 - i % 8;
		uint8_t *unit = make_unit(size, (uint32_t)i);
		make(&pair, &(struct es_frame_info){.type = ES_FRAME_P, .fec_percent = c->percent}, unit,
				size);
		struct video_frame frame;
		assert_int_equal(VIDEO_FRAME_WHOLE, receive(&pair, 1, NULL, &frame));
		assert_int_equal(c->n_blocks, pair.shape.n_blocks);
		assert_int_equal(c->n_blocks, frame.n_blocks);
		for (size_t k = 0; k < frame.n_blocks; k++) {
			bool last = k == frame.n_blocks - 1;
			assert_int_equal(last ? c->last_data : c->per_block, frame.n_data[k]);
			assert_int_equal(last ? c->last_parity : c->parity, frame.n_parity[k]);
			assert_int_equal(frame.n_data[k] + frame.n_parity[k], frame.n_arrived[k]);
		}
		assert_int_equal(c->parity * (c->n_blocks - 1) + c->last_parity, pair.shape.n_parity);
		free(unit);
		close_pair(&pair);
	}
}

static void test_too_large(void **state) {
	struct pair pair = open_pair(32, 0, false);
	assert_int_equal(4092, packetizer_shape(pair.packetizer, 4092 * 16 - 8, 20).n_datagrams);
	assert_int_equal(0, packetizer_shape(pair.packetizer, 4092 * 16 - 7, 20).n_datagrams);
	assert_int_equal(0, packetizer_shape(pair.packetizer, SIZE_MAX, 20).n_datagrams);
	close_pair(&pair);
	packetizer_destroy(NULL);
}

// Every number of shards up to three blocks, sizes at the borders of a shard, every percentage in
// turn: what was cut is put together again, also where as much as there is parity for is lost.
static void test_every_size(void **state) {
	bool *lost = calloc(MAX_DATAGRAMS, sizeof(*lost));
	assert_non_null(lost);
	for (uint8_t min_parity = 0; min_parity <= 2; min_parity++) {
		struct pair pair = open_pair(48, min_parity, min_parity == 1);
		uint32_t frame_number = 1;
		for (size_t n = 1; n < 640; n += n < 30 ? 1 : 41) {
			for (size_t under = 0; under < 3; under++, frame_number++) {
				size_t size = n * 32 - 8 - (under == 2 ? 23 : under);
				uint8_t *unit = make_unit(size, frame_number);
				struct es_frame_info info = {.type = ES_FRAME_RECOVERY,
						.timestamp = frame_number * 1500,
						.latency = (uint16_t)frame_number,
						.fec_percent = (uint8_t)(frame_number % 101)};
				make(&pair, &info, unit, size);
				struct video_frame frame;
				uint64_t iv = pair.next_iv;
				enum video_frame_result result = receive(&pair, frame_number, NULL, &frame);
				assert_int_equal(VIDEO_FRAME_WHOLE, result);
				// the first n_parity datagrams of each block
				memset(lost, 0, MAX_DATAGRAMS * sizeof(*lost));
				size_t at = 0;
				for (size_t k = 0; k < frame.n_blocks; k++) {
					for (size_t i = 0; i < frame.n_parity[k]; i++) {
						lost[at + i] = true;
					}
					at += frame.n_data[k] + frame.n_parity[k];
				}
				assert_int_equal(at, pair.shape.n_datagrams);
				if (pair.gcm == NULL) {
					pair.next_iv = iv;
					result = receive(&pair, frame_number, lost, &frame);
				}
				assert_int_equal(VIDEO_FRAME_WHOLE, result);
				assert_int_equal(size, frame.size);
				assert_memory_equal(unit, frame.unit, size);
				assert_int_equal(frame_number, frame.frame);
				assert_int_equal(ES_FRAME_RECOVERY, frame.type);
				assert_int_equal(info.timestamp, frame.timestamp);
				assert_int_equal(info.latency, frame.latency);
				free(unit);
			}
		}
		close_pair(&pair);
	}
	free(lost);
}

// Zeros behind the unit, within its last shard and as shards of their own.
static void test_padding(void **state) {
	static const uint32_t paddings[] = {0, 1, 20, 32, 33, 100};
	for (size_t size = 1; size < 100; size += 7) {
		for (size_t i = 0; i < sizeof(paddings) / sizeof(paddings[0]); i++) {
			struct pair pair = open_pair(48, 2, false);
			size_t padded = size + paddings[i];
			uint8_t *unit = make_unit(size, 1), *expected = calloc(padded, 1);
			assert_non_null(expected);
			memcpy(expected, unit, size);
			struct es_frame_info info = {
					.type = ES_FRAME_P, .fec_percent = 255, .padding = paddings[i]};
			pair.shape = packetizer_shape(pair.packetizer, padded, info.fec_percent);
			free(pair.datagrams);
			pair.datagrams = malloc((size_t)pair.shape.n_datagrams * pair.shape.datagram_size);
			assert_non_null(pair.datagrams);
			packetizer_make(pair.packetizer, &info, unit, size, pair.datagrams);
			bool lost[32] = {true};
			struct video_frame frame;
			assert_int_equal(VIDEO_FRAME_WHOLE, receive(&pair, 1, lost, &frame));
			assert_int_equal((8 + padded + 31) / 32, frame.n_data[0]);
			assert_int_equal(padded, frame.size);
			assert_memory_equal(expected, frame.unit, padded);
			free(unit);
			free(expected);
			close_pair(&pair);
		}
	}
}

// One loss more than there is parity for.
static void test_too_much_lost(void **state) {
	struct pair pair = open_pair(64, 2, false);
	uint8_t *unit = make_unit(1000, 1);
	make(&pair, &(struct es_frame_info){.type = ES_FRAME_P, .fec_percent = 20}, unit, 1000);
	bool lost[32] = {true, false, true, false, false, true};
	struct video_frame frame;
	assert_int_equal(5, pair.shape.n_parity);
	lost[7] = lost[9] = true;
	assert_int_equal(VIDEO_FRAME_WHOLE, receive(&pair, 1, lost, &frame));
	lost[25] = true;
	assert_int_equal(VIDEO_FRAME_LOST, receive(&pair, 1, lost, &frame));
	free(unit);
	close_pair(&pair);
}

// The same frames, from counters of 0 and from such that wrap on the way: the same pictures, and
// counters that go on by one.
static void run_counters(struct es_packet_counters from, bool wraps) {
	struct pair pair = open_pair(64, 2, true);
	*packetizer_counters(pair.packetizer) = from;
	pair.next_iv = from.iv;
	uint32_t index = from.packet_index;
	for (uint32_t i = 0; i < 40; i++) {
		size_t size = 100 + 397 * (i % 7);
		uint8_t *unit = make_unit(size, i);
		make(&pair, &(struct es_frame_info){.type = ES_FRAME_P, .fec_percent = 20}, unit, size);
		struct video_frame frame;
		assert_int_equal(VIDEO_FRAME_WHOLE, receive(&pair, from.frame + i, NULL, &frame));
		assert_int_equal(size, frame.size);
		assert_memory_equal(unit, frame.unit, size);
		assert_int_equal((uint32_t)(from.frame + i), frame.frame);
		assert_int_equal(index, frame.first_index);
		assert_int_equal(index & 0xffff, frame.first_sequence);
		index = (index + pair.shape.n_datagrams) & 0xffffff;
		free(unit);
	}
	const struct es_packet_counters *after = packetizer_counters(pair.packetizer);
	assert_int_equal(index, after->packet_index);
	assert_int_equal((uint32_t)(from.frame + 40), after->frame);
	assert_int_equal(wraps, after->frame < from.frame && index < from.packet_index);
	close_pair(&pair);
}

static void test_counters_wrap(void **state) {
	run_counters((struct es_packet_counters){.frame = 1}, false);
	const struct es_packet_counters sequence_wraps = {
			.frame = 1000, .packet_index = 65436, .sequence = 65436, .iv = 0xffffff00};
	run_counters(sequence_wraps, false);
	const struct es_packet_counters all_wrap = {.frame = UINT32_MAX - 20,
			.packet_index = 0xffffff - 300,
			.sequence = 0xffff - 300,
			.iv = UINT64_C(0xffffffffffffff80)};
	run_counters(all_wrap, true);
}

// The same counters or another frame: another initialisation vector, always.
static void test_no_key_stream_twice(void **state) {
	struct pair pair = open_pair(32, 2, true);
	uint8_t unit[40] = {0}, first[ES_GCM_IV_SIZE];
	make(&pair, &(struct es_frame_info){.type = ES_FRAME_P, .fec_percent = 20}, unit, sizeof(unit));
	memcpy(first, datagram(&pair, pair.shape.n_datagrams - 1), sizeof(first));
	size_t n = pair.shape.n_datagrams;
	make(&pair, &(struct es_frame_info){.type = ES_FRAME_P, .fec_percent = 20}, unit, sizeof(unit));
	assert_memory_not_equal(first, datagram(&pair, 0), sizeof(first));
	assert_int_equal(n, datagram(&pair, 0)[0]);
	close_pair(&pair);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_whole_frame_vector),
			cmocka_unit_test(test_encryption_vector),
			cmocka_unit_test(test_shapes),
			cmocka_unit_test(test_too_large),
			cmocka_unit_test(test_every_size),
			cmocka_unit_test(test_padding),
			cmocka_unit_test(test_too_much_lost),
			cmocka_unit_test(test_counters_wrap),
			cmocka_unit_test(test_no_key_stream_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
