#include "protocol/fec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/tools/rs_decode.h"

#define MAX_SIZE 1424 // of a shard in these tests

struct fixture {
	struct es_fec *fec;
	uint64_t random;
	uint8_t sent[RS_MAX_SHARDS][MAX_SIZE];
	uint8_t got[RS_MAX_SHARDS][MAX_SIZE];
	uint8_t *sent_at[RS_MAX_SHARDS], *got_at[RS_MAX_SHARDS];
};

static int setup(void **state) {
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	*state = fixture;
	if (fixture == NULL || (fixture->fec = fec_create()) == NULL) {
		return -1;
	}
	fixture->random = 88172645463325252u;
	for (size_t i = 0; i < RS_MAX_SHARDS; i++) {
		fixture->sent_at[i] = fixture->sent[i];
		fixture->got_at[i] = fixture->got[i];
	}
	return 0;
}

static int teardown(void **state) {
	struct fixture *fixture = *state;
	fec_destroy(fixture->fec);
	free(fixture);
	return 0;
}

static uint64_t next_random(struct fixture *fixture) {
	fixture->random ^= fixture->random << 13;
	fixture->random ^= fixture->random >> 7;
	fixture->random ^= fixture->random << 17;
	return fixture->random;
}

static bool encode(struct fixture *fixture, size_t n_data, size_t n_parity, size_t size) {
	return fec_encode(fixture->fec, n_data, n_parity, size,
			(const uint8_t *const *)fixture->sent_at, fixture->sent_at + n_data);
}

static void fill(struct fixture *fixture, size_t n_data, size_t size) {
	for (size_t i = 0; i < n_data; i++) {
		for (size_t k = 0; k < size; k++) {
			fixture->sent[i][k] = (uint8_t)(next_random(fixture) >> 32);
		}
	}
}

// What is lost reads as rubbish, and must come back.
static void check_decodes(
		struct fixture *fixture, size_t n_data, size_t n_parity, size_t size, const bool *present) {
	for (size_t i = 0; i < n_data + n_parity; i++) {
		if (present[i]) {
			memcpy(fixture->got[i], fixture->sent[i], size);
		} else {
			memset(fixture->got[i], 0xa5, size);
		}
	}
	assert_true(rs_decode(n_data, n_parity, size, fixture->got_at, present));
	for (size_t i = 0; i < n_data; i++) {
		assert_memory_equal(fixture->sent[i], fixture->got[i], size);
	}
}

// Shard c, byte i: 17 c + 3 i + 1.
static void test_vectors(void **state) {
	static const struct {
		size_t n_data, n_parity;
		uint8_t parity[3][8];
	} vectors[] = {
			{1, 2,
					{{0x8e, 0x02, 0x8d, 0x05, 0x88, 0x08, 0x87, 0x0b},
							{0xf4, 0xf7, 0xf6, 0x06, 0xf0, 0xfb, 0xfa, 0xf9}}},
			{3, 2,
					{{0x41, 0x7d, 0xc8, 0x07, 0x40, 0x95, 0xd1, 0x18},
							{0x50, 0xdf, 0x55, 0x2b, 0xa5, 0xcd, 0x12, 0xce}}},
			{4, 2,
					{{0x1c, 0xd4, 0x31, 0xac, 0xf2, 0xd3, 0x96, 0x5c},
							{0x5d, 0x1b, 0xd5, 0x63, 0xb5, 0x14, 0x8d, 0x9b}}},
			{5, 3,
					{{0xe7, 0x72, 0x9f, 0xb4, 0xbc, 0x65, 0x2c, 0xeb},
							{0xb9, 0x8a, 0xc0, 0x74, 0x8f, 0xeb, 0x4b, 0xb7},
							{0xb5, 0x3a, 0x49, 0x6b, 0xc9, 0x26, 0x19, 0xd9}}},
	};
	struct fixture *fixture = *state;
	for (size_t v = 0; v < sizeof(vectors) / sizeof(vectors[0]); v++) {
		for (size_t i = 0; i < vectors[v].n_data * 8; i++) {
			fixture->sent[i / 8][i % 8] = (uint8_t)(17 * (i / 8) + 3 * (i % 8) + 1);
		}
		assert_true(encode(fixture, vectors[v].n_data, vectors[v].n_parity, 8));
		for (size_t row = 0; row < vectors[v].n_parity; row++) {
			assert_memory_equal(vectors[v].parity[row], fixture->sent[vectors[v].n_data + row], 8);
		}
	}
}

// The tests' own coder knows what it does: inverses, and the same parity for every pair.
static void test_against_plain_coder(void **state) {
	struct fixture *fixture = *state;
	for (unsigned a = 1; a < 256; a++) {
		assert_int_equal(1, rs_multiply((uint8_t)a, rs_inverse((uint8_t)a)));
	}
	for (size_t n_data = 1; n_data < RS_MAX_SHARDS; n_data += n_data < 20 ? 1 : 13) {
		for (size_t n_parity = 1; n_data + n_parity <= RS_MAX_SHARDS;
				n_parity += n_parity < 10 ? 3 : 37) {
			size_t size = 1 + (size_t)(next_random(fixture) % 100);
			fill(fixture, n_data, size);
			memcpy(fixture->got, fixture->sent, n_data * MAX_SIZE);
			rs_encode(n_data, n_parity, size, fixture->got_at);
			assert_true(encode(fixture, n_data, n_parity, size));
			for (size_t i = n_data; i < n_data + n_parity; i++) {
				assert_memory_equal(fixture->got[i], fixture->sent[i], size);
			}
		}
	}
}

// Every pattern of losses that leaves enough, for all small blocks; and with less it says so.
static void test_every_erasure_of_small_blocks(void **state) {
	struct fixture *fixture = *state;
	for (size_t n_data = 1; n_data <= 8; n_data++) {
		for (size_t n_parity = 1; n_parity <= 4; n_parity++) {
			fill(fixture, n_data, 5);
			assert_true(encode(fixture, n_data, n_parity, 5));
			for (unsigned pattern = 0; pattern < 1u << (n_data + n_parity); pattern++) {
				bool present[12];
				size_t n_present = 0;
				for (size_t i = 0; i < n_data + n_parity; i++) {
					present[i] = pattern >> i & 1;
					n_present += present[i];
				}
				if (n_present >= n_data) {
					check_decodes(fixture, n_data, n_parity, 5, present);
				} else {
					assert_false(rs_decode(n_data, n_parity, 5, fixture->got_at, present));
				}
			}
		}
	}
}

static void lose(struct fixture *fixture, bool *present, size_t n_shards, size_t n_lost) {
	for (size_t i = 0; i < n_shards; i++) {
		present[i] = true;
	}
	while (n_lost > 0) {
		size_t i = (size_t)(next_random(fixture) % n_shards);
		n_lost -= present[i];
		present[i] = false;
	}
}

// As many losses as there is parity, at random places.
static void test_random_erasures_of_large_blocks(void **state) {
	static const size_t shapes[][2] = {{9, 2}, {31, 7}, {73, 15}, {100, 100}, {127, 128},
			{128, 127}, {212, 43}, {240, 15}, {254, 1}, {1, 254}};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		size_t n_data = shapes[i][0], n_parity = shapes[i][1];
		for (size_t size = 16; size <= MAX_SIZE; size = size < 64 ? size + 16 : size * 5) {
			fill(fixture, n_data, size);
			assert_true(encode(fixture, n_data, n_parity, size));
			bool present[RS_MAX_SHARDS];
			lose(fixture, present, n_data + n_parity, n_parity);
			check_decodes(fixture, n_data, n_parity, size, present);
		}
	}
}

static void test_limits(void **state) {
	struct fixture *fixture = *state;
	assert_false(encode(fixture, 0, 1, 16));
	assert_false(encode(fixture, 255, 1, 16));
	assert_false(encode(fixture, 1, 255, 16));
	assert_false(encode(fixture, 2, SIZE_MAX, 16));
	assert_false(encode(fixture, 256, 0, 16));
	fixture->sent[7][0] = 0x77;
	assert_true(encode(fixture, 7, 0, 16)); // nothing to do
	assert_int_equal(0x77, fixture->sent[7][0]);
	fec_destroy(NULL);
}

// More pairs than tables are kept of: a pair whose tables were forgotten gets them again.
static void test_many_pairs(void **state) {
	struct fixture *fixture = *state;
	for (size_t n_data = 60; n_data <= 127; n_data++) {
		for (int again = 0; again < 2; again++) {
			size_t n_parity = again ? 2 : n_data;
			size_t d = again ? 3 : n_data;
			fill(fixture, d, 16);
			assert_true(encode(fixture, d, n_parity, 16));
			bool present[RS_MAX_SHARDS];
			lose(fixture, present, d + n_parity, 2);
			check_decodes(fixture, d, n_parity, 16, present);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_vectors),
			cmocka_unit_test(test_against_plain_coder),
			cmocka_unit_test(test_every_erasure_of_small_blocks),
			cmocka_unit_test(test_random_erasures_of_large_blocks),
			cmocka_unit_test(test_limits),
			cmocka_unit_test(test_many_pairs),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
