#include "protocol/unit_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/check_family.h"

#define FAMILY (&unit_family)
#define REFUSE(name, change) REFUSED(FAMILY, struct es_unit_msg, name, change)

static const struct es_bad_field bad_fields[] = {
		{"codec", 4, 1, 3}, // codec
		{"codec", 5, 4, 15}, // width
		{"codec", 17, 1, 3}, // primaries
		{"codec", 23, 2, 4}, // size of the headers
		{"codec", 23, 2, 1025},
		{"codec", 30, 2, 5}, // length of the name
		{"codec", 30, 2, 7},
		{"codec", 30, 2, 32},
		{"codec", 32, 1, 0}, // NUL in the name
		{"ring", 4, 4, 0}, // slots
		{"ring", 4, 4, 17},
		{"ring", 8, 4, 0}, // size of a slot
		{"ring", 8, 4, (256 << 20) + 1},
		{"unit", 4, 1, 16}, // slot
		{"unit", 5, 4, 0}, // size
		{"unit", 5, 4, (256 << 20) + 1},
		{"unit", 9, 8, 0}, // sequence
		{"unit", 17, 8, 0}, // of the frame
		{"unit", 25, 1, 0}, // kind
		{"unit", 25, 1, 4},
		{"unit", 26, 1, 2}, // IDR
		{"unit", 27, 1, 2}, // recovery
		{"unit", 29, 8, UINT64_MAX}, // times
		{"unit", 29, 8, 21},
		{"unit", 37, 8, 31},
		{"unit", 45, 8, 41},
		{"unit", 53, 8, 51},
		{"unit", 61, 8, 39},
		{"unit", 69, 8, 49},
		{"done", 4, 1, 16},
		{"invalidate", 4, 8, 0}, // first
		{"invalidate", 4, 8, 259},
		{"invalidate", 12, 8, 1}, // last
		{"bitrate", 4, 4, 99},
		{"bitrate", 4, 4, 1000001},
};

static void test_decode_refuses(void **state) {
	check_bad_fields(FAMILY, bad_fields, sizeof(bad_fields) / sizeof(bad_fields[0]));
}

static void test_encode_refuses(void **state) {
	REFUSE("end", msg.type = (enum es_unit_msg_type)0x10004);
	REFUSE("codec", msg.codec.codec = ES_CODEC_COUNT);
	REFUSE("codec", msg.codec.codec = (enum es_codec) - 1);
	REFUSE("codec", msg.codec.mode.height = 0);
	REFUSE("codec", msg.codec.colour.matrix = 2);
	REFUSE("codec", msg.codec.headers_size = ES_UNIT_MAX_HEADERS + 1);
	REFUSE("codec", memset(msg.codec.encoder, 'x', sizeof(msg.codec.encoder)));
	REFUSE("ring", msg.ring.n_slots = 0);
	REFUSE("ring", msg.ring.n_slots = ES_UNIT_MAX_SLOTS + 1);
	REFUSE("ring", msg.ring.slot_size = 0);
	REFUSE("ring", msg.ring.slot_size = ES_UNIT_MAX_SLOT_SIZE + 1);
	REFUSE("unit", msg.unit.slot = ES_UNIT_MAX_SLOTS);
	REFUSE("unit", msg.unit.slot = 256);
	REFUSE("unit", msg.unit.size = 0);
	REFUSE("unit", msg.unit.sequence = 0);
	REFUSE("unit", msg.unit.frame_sequence = 0);
	REFUSE("unit", msg.unit.kind = (enum es_unit_kind)257);
	REFUSE("unit", msg.unit.times.commit_ns = -1);
	REFUSE("unit", msg.unit.times.compose_ns = 9);
	REFUSE("unit", msg.unit.times.put_ns = 19);
	REFUSE("unit", msg.unit.times.taken_ns = 29);
	REFUSE("unit", msg.unit.times.converted_ns = 39);
	REFUSE("unit", msg.unit.times.encoded_ns = 49);
	REFUSE("done", msg.done.slot = ES_UNIT_MAX_SLOTS);
	REFUSE("invalidate", msg.invalidate.first = 0);
	REFUSE("invalidate", msg.invalidate.last = 1);
	REFUSE("bitrate", msg.bitrate.kbps = 99);
}

static void test_largest(void **state) {
	struct es_unit_msg msg = *(const struct es_unit_msg *)family_find(FAMILY, "codec")->msg;
	msg.codec.headers_size = ES_UNIT_MAX_HEADERS;
	memset(msg.codec.encoder, 'x', sizeof(msg.codec.encoder) - 1);
	uint8_t bytes[ES_UNIT_MSG_MAX];
	size_t size = unit_msg_encode(&msg, bytes, sizeof(bytes));
	assert_int_equal(25 + ES_UNIT_MAX_HEADERS + 2 + 31, size);
	struct es_unit_msg decoded;
	assert_true(unit_msg_decode(&decoded, bytes, size, 0));
	assert_memory_equal(&decoded, &msg, sizeof(msg));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			CHECK_FAMILY(FAMILY),
			cmocka_unit_test(test_decode_refuses),
			cmocka_unit_test(test_encode_refuses),
			cmocka_unit_test(test_largest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
