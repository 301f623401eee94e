#include "protocol/session_msg.h"
#include "tests/vectors/family.h"

static const struct es_session_msg start_display = {
		.type = ES_SESSION_START_DISPLAY,
		.start_display = {{8192, 16, 1000000}, 1500, 10000, "one", true, "de",
				{1, 1, 1, false, 8, false}, 8, "n", ES_GAMEPAD_GENERIC, true, "s", true},
};

static const struct es_session_msg start_encode = {
		.type = ES_SESSION_START_ENCODE,
		.start_encode = {ES_CODEC_HEVC, "x265", 20000, 2, 4, 1, 500, true, "/a", "XB24:linear"},
};

static const struct es_session_msg start_stream = {
		.type = ES_SESSION_START_STREAM,
		.start_stream = {ES_CONTAINER_RAW, "/a b", 2},
};

static const struct es_session_msg attach = {
		.type = ES_SESSION_ATTACH,
		.attach = {ES_ATTACH_DEVICE, 5, true, .clipboard = true},
};

static const struct es_session_msg detach = {.type = ES_SESSION_DETACH, .detach = {0xffffffff}};
static const struct es_session_msg mode = {.type = ES_SESSION_MODE, .mode = {16, 8192, 1000}};
static const struct es_session_msg bitrate = {.type = ES_SESSION_BITRATE, .bitrate = {100}};
static const struct es_session_msg idr = {.type = ES_SESSION_IDR};
static const struct es_session_msg stats = {.type = ES_SESSION_STATS};
static const struct es_session_msg drain = {.type = ES_SESSION_DRAIN};

static const struct es_session_msg start_gamestream = {
		.type = ES_SESSION_START_GAMESTREAM,
		.start_gamestream =
				{
						.key = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
						.key_id = 0xffffffff,
						.ping = {'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
								'n', 'o', 'p'},
						.connect_data = 0xdeadbeef,
						.peer = "192.0.2.1",
						.encryption = ES_GAMESTREAM_ENCRYPT_CONTROL | ES_GAMESTREAM_ENCRYPT_VIDEO,
						.legacy_ping = true,
						.packet_size = 1360,
						.fec_percent = 20,
						.min_parity = 2,
						.dscp_video = 40,
						.dscp_audio = 46,
						.refresh_mhz = 59940,
						.bitrate_kbps = 20000,
						.lost_ms = 10000,
						.audio_channels = 6,
						.audio_packet_ms = 10,
						.audio_high_quality = true,
				},
};
static const struct es_session_msg terminate = {
		.type = ES_SESSION_TERMINATE, .terminate = {0x80030023}};
static const struct es_session_msg keyboard = {
		.type = ES_SESSION_KEYBOARD, .keyboard = {"us(intl)"}};
static const struct es_session_msg start_player = {
		.type = ES_SESSION_START_PLAYER, .start_player = {59940, 20000, 10000, 2, 10}};
static const struct es_session_msg resize = {.type = ES_SESSION_RESIZE, .mode = {16, 8192, 1000}};
static const struct es_session_msg client = {
		.type = ES_SESSION_CLIENT, .client = {ES_CLIENT_PLAYING}};

static const struct es_session_msg ready = {
		.type = ES_SESSION_READY,
		.ready = {"wl-0", "", "pixman"},
};

static const struct es_session_msg display_stats = {
		.type = ES_SESSION_DISPLAY_STATS,
		.display_stats = {1, 2, 3, 4, 5, {6, 7, 8, 9, 10}, 11, 12, 13, {14, 15}, 16},
};

static const struct es_session_msg encode_stats = {
		.type = ES_SESSION_ENCODE_STATS,
		.encode_stats = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, {14, 15}},
};

static const struct es_session_msg stream_stats = {
		.type = ES_SESSION_STREAM_STATS,
		.stream_stats =
				{
						.units_new = 1,
						.units_repeated = 2,
						.units_cursor = 3,
						.dropped = 4,
						.bytes = 5,
						.first_ns = 6,
						.last_ns = 7,
						.missed_slots = 8,
						.session = {[ES_STAGE_WAIT] = {1, 2, 3, 4, 5},
								[ES_STAGE_TOTAL] = {6, 7, 8, 9, 10}},
						.recent = {[ES_STAGE_COMPOSE] = {11, 12, 13, 14, 15}},
						.encoder = "x264",
						.codec = ES_CODEC_H264,
						.net = {18, 19, 20, 21, 22, 23, 24, 25, 26, 27},
						.usage = {16, 17},
						.sound = {1, 2, 3, 4, 5},
						.encode_within = {1, 2},
						.total_within = {[ES_LATENCY_BOUNDS - 1] = 3},
				},
};

static const struct es_session_msg stuck = {.type = ES_SESSION_STUCK, .stuck = {1}};
static const struct es_session_msg need_encoder = {.type = ES_SESSION_NEED_ENCODER};

static const struct es_session_msg rows = {.type = ES_SESSION_ROWS, .rows = {true}};
static const struct es_session_msg frames = {
		.type = ES_SESSION_FRAMES,
		.frames = {7, 2, {{1, 1, 2, {3, 4, 5, 6, 7, 8, 9}}, {10, 2, 11, {0}}}},
};

static const struct es_session_msg attach_frame = {
		.type = ES_SESSION_ATTACH,
		.attach = {ES_ATTACH_FRAME, 5, false, 1000},
};

static const struct es_session_msg end = {
		.type = ES_SESSION_END,
		.end = {ES_END_FAILED, -1, "no"},
};

#define NO_BOUND "00000000000000000000000000000000"
#define NO_STAGE "00000000 00000000 00000000 00000000 0000000000000000"

static const struct es_vector vectors[] = {
		{"start_display", &start_display, 0,
				"53 03 0100 00200000 10000000 40420f00 dc050000 10270000 0300 6f6e65 01 0200 6465"
				"01 01 01 00 08 00 08 0100 6e 05 01 0100 73 01"},
		{"start_encode", &start_encode, 0,
				"53 03 0200 01 0400 78323635 204e0000 02000000 04 01 f4010000 01 0200 2f61 "
				"0b00 584232343a6c696e656172"},
		{"start_stream", &start_stream, 1, "53 03 0300 04 0400 2f612062 02"},
		{"attach", &attach, 1, "53 03 0400 03 05000000 01 00000000 01"},
		{"attach_frame", &attach_frame, 1, "53 03 0400 01 05000000 00 e8030000 00"},
		{"detach", &detach, 0, "53 03 0500 ffffffff"},
		{"mode", &mode, 0, "53 03 0600 10000000 00200000 e8030000"},
		{"bitrate", &bitrate, 0, "53 03 0700 64000000"},
		{"idr", &idr, 0, "53 03 0800"},
		{"stats", &stats, 0, "53 03 0900"},
		{"drain", &drain, 0, "53 03 0a00"},
		{"start_gamestream", &start_gamestream, 3,
				"53 03 0b00 0102030405060708090a0b0c0d0e0f10 ffffffff 6162636465666768696a6b6c6d6e6f70"
				"efbeadde 0900 3139322e302e322e31 03000000 01 5005 14 02 28 2e 24ea0000 204e0000"
				"10270000 06 0a 01"},
		{"terminate", &terminate, 0, "53 03 0c00 23000380"},
		{"keyboard", &keyboard, 0, "53 03 0d00 0800 757328696e746c29"},
		{"start_player", &start_player, 1, "53 03 0e00 24ea0000 204e0000 10270000 02 0a"},
		{"ready", &ready, 0, "53 03 4000 0400 776c2d30 0000 0600 7069786d616e"},
		{"display_stats", &display_stats, 0,
				"53 03 4100 0100000000000000 0200000000000000 0300000000000000 0400000000000000"
				"0500000000000000 0600000000000000 0700000000000000 0800000000000000"
				"0900000000000000 0a00000000000000 0b00000000000000 0c00000000000000"
				"0d00000000000000 0e00000000000000 0f00000000000000 1000000000000000"},
		{"encode_stats", &encode_stats, 0,
				"53 03 4200 0100000000000000 0200000000000000 0300000000000000 0400000000000000"
				"0500000000000000 0600000000000000 0700000000000000 0800000000000000"
				"0900000000000000 0a00000000000000 0b00000000000000 0c00000000000000"
				"0d00000000000000 0e00000000000000 0f00000000000000"},
		{"stream_stats", &stream_stats, 0,
				"53 03 4300 0100000000000000 0200000000000000 0300000000000000 0400000000000000"
				"0500000000000000 0600000000000000 0700000000000000 0800000000000000"
				"01000000 02000000 03000000 04000000 0500000000000000" NO_STAGE NO_STAGE NO_STAGE
						NO_STAGE NO_STAGE NO_STAGE
				"06000000 07000000 08000000 09000000 0a00000000000000" NO_STAGE
				"0b000000 0c000000 0d000000 0e000000 0f00000000000000" NO_STAGE NO_STAGE NO_STAGE
						NO_STAGE NO_STAGE NO_STAGE
				"0400 78323634 00 1200000000000000 1300000000000000 1400000000000000"
				"1500000000000000 1600000000000000 1700000000000000 18000000 19000000 1a000000"
				"1b00000000000000"
				"1000000000000000 1100000000000000"
				"0100000000000000 0200000000000000 0300000000000000 04000000 05000000"
				"0100000000000000 0000000000000000 0200000000000000 0000000000000000" NO_BOUND
						NO_BOUND NO_BOUND NO_BOUND NO_BOUND NO_BOUND NO_BOUND
				"0000000000000000 0300000000000000"},
		{"stuck", &stuck, 0, "53 03 4400 01000000"},
		{"need_encoder", &need_encoder, 0, "53 03 4500"},
		{"end", &end, 0, "53 03 4600 04 ffffffff 0200 6e6f"},
		{"client", &client, 0, "53 03 4700 02"},
		{"resize", &resize, 0, "53 03 4800 10000000 00200000 e8030000"},
		{"rows", &rows, 0, "53 03 0f00 01"},
		{"frames", &frames, 0,
				"53 03 4900 07000000 02"
				"0100000000000000 01 02000000"
				"03000000 04000000 05000000 06000000 07000000 08000000 09000000"
				"0a00000000000000 02 0b000000"
				"00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
};

static size_t encode(const void *msg, void *out, size_t cap) {
	return session_msg_encode(msg, out, cap);
}

static bool decode(void *msg, const void *data, size_t size, size_t fds) {
	return session_msg_decode(msg, data, size, fds);
}

static size_t n_fds(const void *msg) {
	return session_msg_n_fds(msg);
}

const struct es_family session_family = {
		.name = "session",
		.vectors = vectors,
		.n_vectors = sizeof(vectors) / sizeof(vectors[0]),
		.msg_size = sizeof(struct es_session_msg),
		.max_size = ES_SESSION_MSG_MAX,
		.max_fds = 3,
		.encode = encode,
		.decode = decode,
		.n_fds = n_fds,
};
