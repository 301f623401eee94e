#include "protocol/session_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/check_family.h"

#define FAMILY (&session_family)
#define REFUSE(name, change) REFUSED(FAMILY, struct es_session_msg, name, change)

static const struct es_bad_field bad_fields[] = {
		{"start_display", 4, 4, 8193}, // mode
		{"start_display", 16, 4, 249}, // scale
		{"start_display", 16, 4, 8001},
		{"start_display", 20, 4, 999}, // detached rate
		{"start_display", 20, 4, 1000001},
		{"start_display", 20, 4, 0x80000000},
		{"start_display", 24, 2, 2}, // length of the name
		{"start_display", 24, 2, 64},
		{"start_display", 26, 1, 0}, // NUL
		{"start_display", 34, 1, 2}, // primaries
		{"start_display", 40, 1, 7}, // channels
		{"start_display", 41, 2, 64}, // length of the sound card's name
		{"start_display", 44, 1, 6}, // gamepad
		{"start_display", 46, 2, 64}, // length of the seat's name
		{"start_encode", 4, 1, 3}, // codec
		{"start_encode", 5, 2, 32}, // length of the encoder's name
		{"start_encode", 11, 4, 99}, // bitrate
		{"start_encode", 11, 4, 1000001},
		{"start_encode", 15, 4, 257}, // threads
		{"start_stream", 4, 1, 0}, // container
		{"start_stream", 4, 1, 5},
		{"start_stream", 5, 2, 512}, // length of the path
		{"start_stream", 8, 1, 0}, // NUL
		{"start_stream", 11, 1, 1}, // channels
		{"attach", 4, 1, 0}, // kind
		{"attach", 4, 1, 4},
		{"attach", 9, 1, 2}, // primary
		{"attach", 10, 4, 1000}, // patience where there is no encoder
		{"attach", 14, 1, 2}, // clipboard
		{"attach_frame", 14, 1, 1}, // of no use to an encoder
		{"attach_frame", 10, 4, 99}, // patience with an encoder
		{"attach_frame", 10, 4, 60001},
		{"start_gamestream", 78, 1, 4}, // channels
		{"start_gamestream", 79, 1, 6}, // ms of a packet
		{"start_gamestream", 80, 1, 2}, // quality
		{"start_player", 4, 4, 999}, // refresh
		{"start_player", 8, 4, 99}, // bitrate
		{"start_player", 12, 4, 0}, // patience
		{"start_player", 16, 1, 6}, // channels
		{"start_player", 17, 1, 6}, // ms of a packet
		{"mode", 4, 4, 15},
		{"resize", 4, 4, 15},
		{"mode", 8, 4, 8193},
		{"mode", 12, 4, 999},
		{"bitrate", 4, 4, 0},
		{"ready", 4, 2, 64}, // lengths of the texts
		{"ready", 10, 2, 16},
		{"ready", 12, 2, 16},
		{"ready", 7, 1, 0}, // NUL
		{"stream_stats", 44, 8, UINT64_MAX}, // first
		{"stream_stats", 44, 8, 8}, // after the last
		{"stream_stats", 52, 8, 5}, // last
		{"stream_stats", 454, 1, 0}, // NUL
		{"stream_stats", 458, 1, 3}, // codec
		{"end", 4, 1, 0}, // code
		{"end", 4, 1, 7},
		{"end", 9, 2, 512}, // length of the text
		{"end", 11, 1, 0}, // NUL
};

static void test_decode_refuses(void **state) {
	check_bad_fields(FAMILY, bad_fields, sizeof(bad_fields) / sizeof(bad_fields[0]));
}

static void test_encode_refuses_starts(void **state) {
	REFUSE("idr", msg.type = (enum es_session_msg_type)0);
	REFUSE("start_display", msg.start_display.mode.width = 0);
	REFUSE("start_display", msg.start_display.scale_milli = 249);
	REFUSE("start_display", msg.start_display.detached_mhz = -1);
	REFUSE("start_display", memset(msg.start_display.name, 'x', sizeof(msg.start_display.name)));
	REFUSE("attach_frame", msg.attach.stuck_ms = 0);
	REFUSE("start_display", msg.start_display.colour.depth = 9);
	REFUSE("start_encode", memset(msg.start_encode.device, 'x', sizeof(msg.start_encode.device)));
	REFUSE("start_encode", msg.start_encode.codec = ES_CODEC_COUNT);
	REFUSE("start_encode", memset(msg.start_encode.encoder, 'x', sizeof(msg.start_encode.encoder)));
	REFUSE("start_encode", msg.start_encode.bitrate_kbps = 99);
	REFUSE("start_encode", msg.start_encode.threads = ES_SESSION_MAX_THREADS + 1);
	REFUSE("start_stream", msg.start_stream.container = (enum es_container)257);
	REFUSE("start_stream", memset(msg.start_stream.path, 'x', sizeof(msg.start_stream.path)));
}

static void test_encode_refuses(void **state) {
	REFUSE("attach", msg.attach.kind = (enum es_attach_kind)0);
	REFUSE("attach", msg.attach.kind = (enum es_attach_kind)257);
	REFUSE("mode", msg.mode.refresh_mhz = 0);
	REFUSE("bitrate", msg.bitrate.kbps = 1000001);
	REFUSE("ready", memset(msg.ready.wayland_display, 'x', sizeof(msg.ready.wayland_display)));
	REFUSE("ready", memset(msg.ready.x11_display, 'x', sizeof(msg.ready.x11_display)));
	REFUSE("ready", memset(msg.ready.renderer, 'x', sizeof(msg.ready.renderer)));
	REFUSE("stream_stats", msg.stream_stats.first_ns = -1);
	REFUSE("stream_stats", msg.stream_stats.last_ns = 5);
	REFUSE("stream_stats", msg.stream_stats.codec = (enum es_codec)256);
	REFUSE("stream_stats", memset(msg.stream_stats.encoder, 'x', sizeof(msg.stream_stats.encoder)));
	REFUSE("end", msg.end.code = (enum es_end_code)258);
	REFUSE("end", memset(msg.end.text, 'x', sizeof(msg.end.text)));
}

static void test_largest(void **state) {
	struct es_session_msg msg = {.type = ES_SESSION_START_STREAM};
	msg.start_stream.container = ES_CONTAINER_MKV;
	memset(msg.start_stream.path, 'x', ES_SESSION_MAX_TEXT - 1);
	uint8_t bytes[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(&msg, bytes, sizeof(bytes));
	assert_int_equal(8 + ES_SESSION_MAX_TEXT - 1, size);
	struct es_session_msg decoded;
	assert_true(session_msg_decode(&decoded, bytes, size, 1));
	assert_memory_equal(&decoded, &msg, sizeof(msg));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			CHECK_FAMILY(FAMILY),
			cmocka_unit_test(test_decode_refuses),
			cmocka_unit_test(test_encode_refuses_starts),
			cmocka_unit_test(test_encode_refuses),
			cmocka_unit_test(test_largest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
