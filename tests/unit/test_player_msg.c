#include "protocol/player_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/codec_string.h"
#include "tests/unit/check_family.h"

#define FAMILY (&player_family)
#define REFUSE(name, change) REFUSED(FAMILY, struct es_player_msg, name, change)

// Sound reaches to its message's end: what is behind it is more of it.
static void check_sizes_but_sound(void **state) {
	struct es_family some = *FAMILY;
	struct es_vector vectors[32];
	some.n_vectors = 0;
	for (size_t i = 0; i < FAMILY->n_vectors; i++) {
		const char *name = FAMILY->vectors[i].name;
		if (strcmp(name, "audio") != 0 && strcmp(name, "mic") != 0) {
			vectors[some.n_vectors++] = FAMILY->vectors[i];
		}
	}
	some.vectors = vectors;
	const struct es_family *family = &some;
	check_sizes((void **)&family);
}

static const struct es_bad_field bad_fields[] = {
		{"config", 4, 1, 3}, // codec
		{"config", 5, 1, 6}, // channels
		{"config", 7, 4, 15}, // width
		{"config", 19, 2, 32}, // length of the codec's name
		{"config", 21, 1, 0}, // NUL
		{"audio", 8, 8, 0x20000000000000}, // time
		{"rumble", 4, 2, 67}, // PCM
		{"rumble", 4, 2, 1}, // a key
		{"rumble", 6, 1, 16}, // pad
		{"pong", 4, 8, 0x20000000000000},
		{"pong", 12, 8, 0x20000000000000},
		{"stats", 16, 8, 0x20000000000000},
		{"end", 4, 1, 0}, // reason
		{"end", 4, 1, 3},
		{"end", 5, 2, 256}, // length of the text
		{"idr", 4, 1, 2}, // only
		{"resize", 4, 4, 15},
		{"resize", 8, 4, 8193},
		{"resize", 12, 4, 999},
		{"key", 4, 2, 64}, // rumble
		{"key", 6, 2, 0x300}, // code
		{"key", 8, 1, 2}, // pressed
		{"pad_state", 6, 1, 16},
		{"text", 6, 2, 65},
		{"text", 8, 1, 0xff}, // not UTF-8
		{"ping", 4, 8, 0x20000000000000},
		{"bitrate", 4, 4, 99},
		{"bitrate", 4, 4, 1000001},
};

static void test_decode_refuses(void **state) {
	check_bad_fields(FAMILY, bad_fields, sizeof(bad_fields) / sizeof(bad_fields[0]));
}

static void test_encode_refuses(void **state) {
	REFUSE("idr", msg.type = (enum es_player_msg_type)0);
	REFUSE("idr", msg.type = ES_PLAYER_VIDEO);
	REFUSE("config", msg.config.codec_text[0] = '\0');
	REFUSE("config", msg.config.mode.width = 0);
	REFUSE("audio", msg.audio.size = 0);
	REFUSE("audio", msg.audio.size = ES_PLAYER_MAX_OPUS + 1);
	REFUSE("mic", msg.mic.size = 0);
	REFUSE("rumble", msg.device.type = ES_DEVICE_PCM);
	REFUSE("key", msg.device.type = ES_DEVICE_RUMBLE);
	REFUSE("end", memset(msg.end.text, 'x', sizeof(msg.end.text)));
}

static void test_longest_sound(void **state) {
	struct es_player_msg msg = {.type = ES_PLAYER_AUDIO, .audio = {.size = ES_PLAYER_MAX_OPUS}};
	uint8_t bytes[ES_PLAYER_MSG_MAX + 1] = {0};
	size_t size = player_msg_encode(&msg, bytes, sizeof(bytes));
	assert_int_equal(size, 16 + ES_PLAYER_MAX_OPUS);
	assert_true(player_msg_decode(&msg, bytes, size, 0));
	assert_int_equal(msg.audio.size, ES_PLAYER_MAX_OPUS);
	assert_false(player_msg_decode(&msg, bytes, size + 1, 0));
}

static void test_video(void **state) {
	static const uint8_t wanted[] = {'P', 1, 2, 0, 5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0,
			9, 8, 7, 6, 5, 4, 3, 0, 0x10, 0x27, 0, 0, 0xa8, 0x61, 0, 0};
	struct es_player_video video = {
			.key = true,
			.repeat = true,
			.frame = 0xffffffff,
			.commit_us = 0x03040506070809,
			.encode_us = 10000,
			.host_us = 25000,
			.size = 2,
	};
	struct es_player_video got;
	uint8_t bytes[ES_PLAYER_VIDEO_HEADER + 3] = {0};
	player_video_put(bytes, &video);
	assert_memory_equal(bytes, wanted, sizeof(wanted));
	assert_true(player_video_get(&got, bytes, ES_PLAYER_VIDEO_HEADER + 2));
	assert_true(got.key && !got.recovery && got.repeat);
	assert_int_equal(got.frame, video.frame);
	assert_int_equal(got.commit_us, video.commit_us);
	assert_int_equal(got.encode_us, 10000);
	assert_int_equal(got.host_us, 25000);
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		assert_int_equal(size == ES_PLAYER_VIDEO_HEADER + 2, player_video_get(&got, bytes, size));
	}
	bytes[4] = 8; // a flag that is none
	assert_false(player_video_get(&got, bytes, ES_PLAYER_VIDEO_HEADER + 2));
}

// --- what a codec is called

static void test_h264_string(void **state) {
	static const uint8_t unit[] = {0, 0, 0, 1, 9, 0x30, 0, 0, 0, 1, 0x67, 0x64, 0x00, 0x2a, 0xac};
	char text[ES_CODEC_STRING_SIZE];
	assert_true(codec_string_read(text, ES_CODEC_H264, unit, sizeof(unit)));
	assert_string_equal(text, "avc1.64002a");
	for (size_t size = 0; size < sizeof(unit) - 1; size++) {
		assert_false(codec_string_read(text, ES_CODEC_H264, unit, size));
	}
	assert_false(codec_string_read(text, ES_CODEC_HEVC, unit, sizeof(unit)));
}

static void test_av1_string(void **state) {
	// temporal delimiter; sequence header: profile 0, one operating point, level 8 (4.0), tier 1
	static const uint8_t unit[] = {0x12, 0, 0x0a, 4, 0x00, 0x00, 0x00, 0x46};
	char text[ES_CODEC_STRING_SIZE];
	assert_true(codec_string_read(text, ES_CODEC_AV1, unit, sizeof(unit)));
	assert_string_equal(text, "av01.0.08H.08");
	for (size_t size = 0; size < sizeof(unit); size++) {
		assert_false(codec_string_read(text, ES_CODEC_AV1, unit, size));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_prestate(check_vectors, (void *)FAMILY),
			cmocka_unit_test(check_sizes_but_sound),
			cmocka_unit_test_prestate(check_room, (void *)FAMILY),
			cmocka_unit_test_prestate(check_mutations, (void *)FAMILY),
			cmocka_unit_test_prestate(check_headers, (void *)FAMILY),
			cmocka_unit_test(test_decode_refuses),
			cmocka_unit_test(test_encode_refuses),
			cmocka_unit_test(test_longest_sound),
			cmocka_unit_test(test_video),
			cmocka_unit_test(test_h264_string),
			cmocka_unit_test(test_av1_string),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
