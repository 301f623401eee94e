#include "protocol/player_msg.h"
#include "tests/vectors/family.h"

static const struct es_player_msg config = {
		.type = ES_PLAYER_CONFIG,
		.config = {ES_CODEC_H264, "avc1.64002a", {1280, 720, 59940}, 2, 10},
};
static const struct es_player_msg audio = {
		.type = ES_PLAYER_AUDIO, .audio = {0xffffffff, 0x1fffffffffffff, 3, {1, 2, 3}}};
static const struct es_player_msg rumble = {
		.type = ES_PLAYER_FEEDBACK,
		.device = {.type = ES_DEVICE_RUMBLE, .rumble = {15, 65535, 1}},
};
static const struct es_player_msg stats = {
		.type = ES_PLAYER_STATS, .stats = {20000, 0xfffffffe, 2, 0x123456789a}};
static const struct es_player_msg pong = {.type = ES_PLAYER_PONG, .pong = {1, 0x1fffffffffffff}};
static const struct es_player_msg end = {
		.type = ES_PLAYER_END, .end = {ES_PLAYER_END_FAILED, "no"}};
static const struct es_player_msg ack = {.type = ES_PLAYER_ACK, .ack = {0xffffffff, 25000, 9000}};
static const struct es_player_msg idr = {.type = ES_PLAYER_IDR, .idr = {true}};
static const struct es_player_msg resize = {.type = ES_PLAYER_RESIZE, .resize = {16, 8192, 1000}};
static const struct es_player_msg key = {
		.type = ES_PLAYER_INPUT,
		.device = {.type = ES_DEVICE_KEY, .key = {30, true}},
};
static const struct es_player_msg release_all = {
		.type = ES_PLAYER_INPUT, .device = {.type = ES_DEVICE_RELEASE_ALL}};
static const struct es_player_msg pad_state = {
		.type = ES_PLAYER_INPUT,
		.device = {.type = ES_DEVICE_PAD_STATE,
				.pad_state = {2, ES_PAD_A, 255, 1, -32768, 32767, -1, 256}},
};
static const struct es_player_msg text = {
		.type = ES_PLAYER_INPUT, .device = {.type = ES_DEVICE_TEXT, .text = {"\xc3\xa9"}}};
static const struct es_player_msg mic = {.type = ES_PLAYER_MIC, .mic = {7, 2, {0xfc, 0xff}}};
static const struct es_player_msg ping = {.type = ES_PLAYER_PING, .ping = {1000000, 350}};
static const struct es_player_msg bitrate = {.type = ES_PLAYER_BITRATE, .bitrate = {1000000}};
static const struct es_player_msg copied = {
		.type = ES_PLAYER_COPIED,
		.device = {.type = ES_DEVICE_CLIPBOARD, .clipboard = {65536, 1920, 2, {"ab"}}},
};
static const struct es_player_msg paste = {
		.type = ES_PLAYER_PASTE,
		.device = {.type = ES_DEVICE_CLIPBOARD, .clipboard = {3, 0, 3, {"\xe2\x82\xac"}}},
};
static const struct es_player_msg bye = {.type = ES_PLAYER_BYE};

static const struct es_vector vectors[] = {
		{"config", &config, 0,
				"50 01 0100 00 02 0a 00050000 d0020000 24ea0000 0b00 617663312e363430303261"},
		{"audio", &audio, 0, "50 01 0300 ffffffff ffffffffffff1f00 010203"},
		{"rumble", &rumble, 0, "50 01 0400 4000 0f ffff 0100"},
		{"stats", &stats, 0, "50 01 0500 204e0000 feffffff 02000000 9a78563412000000"},
		{"pong", &pong, 0, "50 01 0600 0100000000000000 ffffffffffff1f00"},
		{"end", &end, 0, "50 01 0700 02 0200 6e6f"},
		{"ack", &ack, 0, "50 01 4000 ffffffff a8610000 28230000"},
		{"idr", &idr, 0, "50 01 4100 01"},
		{"resize", &resize, 0, "50 01 4200 10000000 00200000 e8030000"},
		{"key", &key, 0, "50 01 4300 0100 1e00 01"},
		{"release_all", &release_all, 0, "50 01 4300 0800"},
		{"pad_state", &pad_state, 0, "50 01 4300 0c00 02 00100000 ff 01 0080 ff7f ffff 0001"},
		{"text", &text, 0, "50 01 4300 0700 0200 c3a9"},
		{"mic", &mic, 0, "50 01 4400 07000000 fcff"},
		{"ping", &ping, 0, "50 01 4500 40420f0000000000 5e010000"},
		{"bitrate", &bitrate, 0, "50 01 4600 40420f00"},
		{"bye", &bye, 0, "50 01 4700"},
		{"copied", &copied, 0, "50 01 0800 8000 00000100 80070000 0200 6162"},
		{"paste", &paste, 0, "50 01 4800 8000 03000000 00000000 0300 e282ac"},
};

static size_t encode(const void *msg, void *out, size_t cap) {
	return player_msg_encode(msg, out, cap);
}

static bool decode(void *msg, const void *data, size_t size, size_t fds) {
	return player_msg_decode(msg, data, size, fds);
}

static size_t n_fds(const void *msg) {
	return 0;
}

const struct es_family player_family = {
		.name = "player",
		.vectors = vectors,
		.n_vectors = sizeof(vectors) / sizeof(vectors[0]),
		.msg_size = sizeof(struct es_player_msg),
		.max_size = ES_PLAYER_MSG_MAX,
		.max_fds = 0,
		.encode = encode,
		.decode = decode,
		.n_fds = n_fds,
};
