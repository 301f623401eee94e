#include "protocol/device_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/check_family.h"

#define FAMILY (&device_family)
#define REFUSE(name, change) REFUSED(FAMILY, struct es_device_msg, name, change)

static const struct es_bad_field bad_fields[] = {
		{"key", 4, 2, 0}, // code
		{"key", 4, 2, 0x300},
		{"key", 6, 1, 2}, // pressed
		{"move", 4, 4, (1 << 24) + 1}, // dx
		{"move", 8, 4, 0x80000000}, // dy
		{"button", 4, 2, 0x10f}, // code
		{"button", 4, 2, 0x118},
		{"button", 6, 1, 255}, // pressed
		{"wheel", 4, 4, (1 << 20) + 1}, // x
		{"wheel", 8, 4, 0x80000000}, // y
		{"touch", 4, 1, 0}, // phase
		{"touch", 4, 1, 5},
		{"text", 4, 2, 5}, // length
		{"text", 4, 2, 65},
		{"text", 6, 1, 0}, // NUL
		{"text", 6, 1, 0x80}, // a continuation byte alone
		{"text", 7, 2, 0xafc0}, // overlong
		{"text", 7, 2, 0x61c3}, // without its continuation
		{"text", 9, 2, 0x80e0}, // overlong
		{"text", 9, 2, 0xa0ed}, // a surrogate
		{"text", 9, 1, 0xf0}, // cut at the end
		{"pad_arrival", 4, 1, 16}, // pad
		{"pad_arrival", 5, 1, 5}, // type
		{"pad_removal", 4, 1, 16},
		{"pad_state", 4, 1, 16},
		{"pad_touch", 4, 1, 16},
		{"pad_touch", 6, 1, 0}, // phase
		{"pad_touch", 6, 1, 5},
		{"pad_motion", 4, 1, 16},
		{"pad_motion", 5, 1, 0}, // sensor
		{"pad_motion", 5, 1, 3},
		{"pad_motion", 6, 4, 100000001},
		{"pad_motion", 10, 4, 0x80000000},
		{"pad_battery", 4, 1, 16},
		{"pad_battery", 5, 1, 6}, // state
		{"pad_battery", 6, 1, 101}, // percent
		{"trigger_rumble", 4, 1, 16},
		{"trigger_effect", 4, 1, 16},
		{"trigger_effect", 5, 1, 1}, // sides
		{"rumble", 4, 1, 16}, // pad
		{"led", 4, 1, 16}, // pad
		{"motion_request", 4, 1, 16}, // pad
		{"motion_request", 5, 1, 0}, // sensor
		{"motion_request", 5, 1, 3},
		{"pcm", 4, 8, UINT64_MAX}, // time
		{"pcm", 12, 1, 0}, // channels
		{"pcm", 12, 1, 9},
		{"pcm", 12, 1, 3}, // four samples of three channels
		{"pcm", 13, 2, 0}, // samples
		{"pcm", 13, 2, 1922},
		{"pcm", 13, 2, 65535},
		{"mic_pcm", 4, 2, 0}, // samples
		{"mic_pcm", 4, 2, 241},
		{"mic_pcm", 4, 2, 65535},
		{"clipboard", 4, 4, 0}, // size
		{"clipboard", 4, 4, 65537},
		{"clipboard", 4, 4, 65535}, // the part goes beyond it
		{"clipboard", 8, 4, 65536}, // offset
		{"clipboard", 8, 4, 0xffffffff},
		{"clipboard", 12, 2, 0}, // bytes
		{"clipboard", 12, 2, 3841},
};

static void test_decode_refuses(void **state) {
	check_bad_fields(FAMILY, bad_fields, sizeof(bad_fields) / sizeof(bad_fields[0]));
}

static void test_encode_refuses(void **state) {
	REFUSE("key", msg.type = (enum es_device_msg_type) - 1);
	REFUSE("key", msg.key.code = 0);
	REFUSE("key", msg.key.code = 0x10001);
	REFUSE("move", msg.pointer_move.dx = -ES_DEVICE_MAX_MOVE - 1);
	REFUSE("move", msg.pointer_move.dy = INT32_MIN);
	REFUSE("button", msg.pointer_button.code = 0x10110);
	REFUSE("wheel", msg.pointer_wheel.x120 = ES_DEVICE_MAX_WHEEL + 1);
	REFUSE("wheel", msg.pointer_wheel.y120 = INT32_MIN);
	REFUSE("touch", msg.touch.phase = (enum es_touch_phase)257);
	REFUSE("text", msg.text.utf8[0] = '\0');
	REFUSE("text", msg.text.utf8[2] = 'x');
	REFUSE("text", memset(msg.text.utf8, 'x', sizeof(msg.text.utf8)));
	REFUSE("pad_arrival", msg.pad_arrival.type = 5);
	REFUSE("pad_state", msg.pad_state.pad = ES_DEVICE_MAX_PADS);
	REFUSE("pad_motion", msg.pad_motion.z = ES_PAD_MAX_MOTION + 1);
	REFUSE("pad_battery", msg.pad_battery.percent = 101);
	REFUSE("trigger_effect", msg.trigger_effect.sides = 2);
	REFUSE("rumble", msg.rumble.pad = ES_DEVICE_MAX_PADS);
	REFUSE("led", msg.led.pad = 255);
	REFUSE("motion_request", msg.motion_request.pad = ES_DEVICE_MAX_PADS);
	REFUSE("motion_request", msg.motion_request.sensor = 3);
	REFUSE("pcm", msg.pcm.time_ns = -1);
	REFUSE("pcm", msg.pcm.channels = 0);
	REFUSE("pcm", msg.pcm.channels = 9);
	REFUSE("pcm", msg.pcm.n_samples = 0);
	REFUSE("pcm", msg.pcm.n_samples = 3);
	REFUSE("pcm", msg.pcm.n_samples = ES_DEVICE_MAX_PCM_SAMPLES + 2);
	REFUSE("mic_pcm", msg.mic_pcm.n_samples = ES_DEVICE_MAX_MIC_SAMPLES + 1);
	REFUSE("clipboard", msg.clipboard.offset = UINT32_MAX);
	REFUSE("clipboard", msg.clipboard.size = 65535);
}

static bool takes_text(const char *text) {
	struct es_device_msg msg = {.type = ES_DEVICE_TEXT};
	memcpy(msg.text.utf8, text, strlen(text));
	uint8_t bytes[ES_DEVICE_MSG_MAX];
	return device_msg_encode(&msg, bytes, sizeof(bytes)) > 0;
}

// The borders of what UTF-8 allows.
static void test_text(void **state) {
	assert_true(takes_text("\x7f"));
	assert_true(takes_text("\xc2\x80"));
	assert_true(takes_text("\xdf\xbf"));
	assert_true(takes_text("\xe0\xa0\x80"));
	assert_true(takes_text("\xed\x9f\xbf"));
	assert_true(takes_text("\xee\x80\x80"));
	assert_true(takes_text("\xf0\x90\x80\x80"));
	assert_true(takes_text("\xf4\x8f\xbf\xbf"));
	assert_false(takes_text("\xc1\xbf"));
	assert_false(takes_text("\xe0\x9f\xbf"));
	assert_false(takes_text("\xed\xa0\x80"));
	assert_false(takes_text("\xf0\x8f\xbf\xbf"));
	assert_false(takes_text("\xf4\x90\x80\x80"));
	assert_false(takes_text("\xf5\x80\x80\x80"));
	assert_false(takes_text("a\xe2\x82"));
	assert_false(takes_text("\xff"));
}

static void test_largest(void **state) {
	struct es_device_msg msg = {
			.type = ES_DEVICE_PCM,
			.pcm = {.channels = 8, .n_samples = ES_DEVICE_MAX_PCM_SAMPLES},
	};
	memset(msg.pcm.samples, 0x81, sizeof(msg.pcm.samples));
	uint8_t bytes[ES_DEVICE_MSG_MAX];
	size_t size = device_msg_encode(&msg, bytes, sizeof(bytes));
	assert_int_equal(15 + 2 * ES_DEVICE_MAX_PCM_SAMPLES, size);
	struct es_device_msg decoded;
	assert_true(device_msg_decode(&decoded, bytes, size, 0));
	assert_memory_equal(&decoded, &msg, sizeof(msg));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			CHECK_FAMILY(FAMILY),
			cmocka_unit_test(test_decode_refuses),
			cmocka_unit_test(test_encode_refuses),
			cmocka_unit_test(test_text),
			cmocka_unit_test(test_largest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
