#include "protocol/device_msg.h"
#include "tests/vectors/family.h"

static const struct es_device_msg key = {.type = ES_DEVICE_KEY, .key = {0x2ff, true}};
static const struct es_device_msg move = {
		.type = ES_DEVICE_POINTER_MOVE, .pointer_move = {-256, 1}};
static const struct es_device_msg place = {
		.type = ES_DEVICE_POINTER_PLACE,
		.pointer_place = {65535, 1},
};
static const struct es_device_msg button = {
		.type = ES_DEVICE_POINTER_BUTTON,
		.pointer_button = {0x110, false},
};
static const struct es_device_msg wheel = {
		.type = ES_DEVICE_POINTER_WHEEL,
		.pointer_wheel = {-120, 240},
};
static const struct es_device_msg touch = {
		.type = ES_DEVICE_TOUCH,
		.touch = {ES_TOUCH_UP, 0xfffffffe, 1, 2},
};
static const struct es_device_msg text = {
		.type = ES_DEVICE_TEXT, .text = {"a\xc3\xa9\xe2\x82\xac"}};
static const struct es_device_msg release_all = {.type = ES_DEVICE_RELEASE_ALL};
static const struct es_device_msg pen = {
		.type = ES_DEVICE_PEN,
		.pen = {ES_PEN_MOTION, ES_PEN_ERASER, 5, 1, 65535, 32768, ES_PEN_UNKNOWN, 359, 90},
};
static const struct es_device_msg rumble = {.type = ES_DEVICE_RUMBLE, .rumble = {15, 65535, 1}};
static const struct es_device_msg led = {.type = ES_DEVICE_LED, .led = {0, 255, 128, 1}};
static const struct es_device_msg motion_request = {
		.type = ES_DEVICE_MOTION_REQUEST,
		.motion_request = {3, 2, 250},
};
static const struct es_device_msg pcm = {
		.type = ES_DEVICE_PCM,
		.pcm = {1000000001, 2, 4, {-32768, 32767, 0, -1}},
};

static const struct es_device_msg pad_arrival = {
		.type = ES_DEVICE_PAD_ARRIVAL,
		.pad_arrival = {15, ES_PAD_TYPE_STEAM, 0x1ff},
};
static const struct es_device_msg pad_removal = {.type = ES_DEVICE_PAD_REMOVAL, .pad_removal = {1}};
static const struct es_device_msg pad_state = {
		.type = ES_DEVICE_PAD_STATE,
		.pad_state = {2, ES_PAD_A | ES_PAD_MISC, 255, 1, -32768, 32767, -1, 256},
};
static const struct es_device_msg pad_touch = {
		.type = ES_DEVICE_PAD_TOUCH,
		.pad_touch = {3, 1, ES_TOUCH_MOTION, 0x01020304, 65535, 2},
};
static const struct es_device_msg pad_motion = {
		.type = ES_DEVICE_PAD_MOTION,
		.pad_motion = {4, ES_PAD_GYROSCOPE, -100000000, 100000000, 9807},
};
static const struct es_device_msg pad_battery = {
		.type = ES_DEVICE_PAD_BATTERY,
		.pad_battery = {5, ES_PAD_BATTERY_FULL, 100},
};
static const struct es_device_msg trigger_rumble = {
		.type = ES_DEVICE_TRIGGER_RUMBLE,
		.trigger_rumble = {6, 1, 65535},
};
static const struct es_device_msg trigger_effect = {
		.type = ES_DEVICE_TRIGGER_EFFECT,
		.trigger_effect = {7, ES_PAD_EFFECT_LEFT | ES_PAD_EFFECT_RIGHT, 1, 2, {3, 4, [9] = 5},
				{6, [9] = 7}},
};

static const struct es_device_msg mic_pcm = {
		.type = ES_DEVICE_MIC_PCM,
		.mic_pcm = {3, {-32768, 32767, 1}},
};
static const struct es_device_msg clipboard = {
		.type = ES_DEVICE_CLIPBOARD,
		.clipboard = {65536, 65533, 3, {'a', 'b', 'c'}},
};

static const struct es_vector vectors[] = {
		{"key", &key, 0, "44 02 0100 ff02 01"},
		{"move", &move, 0, "44 02 0200 00ffffff 01000000"},
		{"place", &place, 0, "44 02 0300 ffff 0100"},
		{"button", &button, 0, "44 02 0400 1001 00"},
		{"wheel", &wheel, 0, "44 02 0500 88ffffff f0000000"},
		{"touch", &touch, 0, "44 02 0600 03 feffffff 0100 0200"},
		{"text", &text, 0, "44 02 0700 0600 61 c3a9 e282ac"},
		{"release_all", &release_all, 0, "44 02 0800"},
		{"pen", &pen, 0, "44 02 0900 03 02 05 0100 ffff 0080 ffff 6701 5a00"},
		{"pad_arrival", &pad_arrival, 0, "44 02 0a00 0f 04 ff01"},
		{"pad_removal", &pad_removal, 0, "44 02 0b00 01"},
		{"pad_state", &pad_state, 0, "44 02 0c00 02 00102000 ff 01 0080 ff7f ffff 0001"},
		{"pad_touch", &pad_touch, 0, "44 02 0d00 03 01 02 04030201 ffff 0200"},
		{"pad_motion", &pad_motion, 0, "44 02 0e00 04 02 001f0afa 00e1f505 4f260000"},
		{"pad_battery", &pad_battery, 0, "44 02 0f00 05 05 64"},
		{"mic_pcm", &mic_pcm, 0, "44 02 1000 0300 0080 ff7f 0100"},
		{"rumble", &rumble, 0, "44 02 4000 0f ffff 0100"},
		{"led", &led, 0, "44 02 4100 00 ff 80 01"},
		{"motion_request", &motion_request, 0, "44 02 4200 03 02 fa00"},
		{"pcm", &pcm, 0, "44 02 4300 01ca9a3b00000000 02 0400 0080 ff7f 0000 ffff"},
		{"trigger_rumble", &trigger_rumble, 0, "44 02 4400 06 0100 ffff"},
		{"trigger_effect", &trigger_effect, 0,
				"44 02 4500 07 0c 01 02 03040000000000000005 06000000000000000007"},
		{"clipboard", &clipboard, 0, "44 02 8000 00000100 fdff0000 0300 616263"},
};

static size_t encode(const void *msg, void *out, size_t cap) {
	return device_msg_encode(msg, out, cap);
}

static bool decode(void *msg, const void *data, size_t size, size_t fds) {
	return device_msg_decode(msg, data, size, fds);
}

static size_t n_fds(const void *msg) {
	return 0;
}

const struct es_family device_family = {
		.name = "device",
		.vectors = vectors,
		.n_vectors = sizeof(vectors) / sizeof(vectors[0]),
		.msg_size = sizeof(struct es_device_msg),
		.max_size = ES_DEVICE_MSG_MAX,
		.max_fds = 0,
		.encode = encode,
		.decode = decode,
		.n_fds = n_fds,
};
