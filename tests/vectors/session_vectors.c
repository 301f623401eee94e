#include "protocol/session_msg.h"
#include "tests/vectors/family.h"

static const struct es_session_msg start_display = {
		.type = ES_SESSION_START_DISPLAY,
		.start_display = {{8192, 16, 1000000}, 1500, 10000, "one"},
};

static const struct es_session_msg start_encode = {
		.type = ES_SESSION_START_ENCODE,
		.start_encode = {ES_CODEC_HEVC, "x265", 20000, 2},
};

static const struct es_session_msg start_stream = {
		.type = ES_SESSION_START_STREAM,
		.start_stream = {ES_CONTAINER_RAW, "/a b"},
};

static const struct es_session_msg attach = {
		.type = ES_SESSION_ATTACH,
		.attach = {ES_ATTACH_DEVICE, 5, true},
};

static const struct es_session_msg detach = {.type = ES_SESSION_DETACH, .detach = {0xffffffff}};
static const struct es_session_msg mode = {.type = ES_SESSION_MODE, .mode = {16, 8192, 1000}};
static const struct es_session_msg bitrate = {.type = ES_SESSION_BITRATE, .bitrate = {100}};
static const struct es_session_msg idr = {.type = ES_SESSION_IDR};
static const struct es_session_msg stats = {.type = ES_SESSION_STATS};
static const struct es_session_msg drain = {.type = ES_SESSION_DRAIN};

static const struct es_session_msg ready = {
		.type = ES_SESSION_READY,
		.ready = {"wl-0", "", "pixman"},
};

static const struct es_session_msg display_stats = {
		.type = ES_SESSION_DISPLAY_STATS,
		.display_stats = {1, 2, 3, 4, 5, {6, 7, 8, 9, 10}, 11, 12, 13, {14, 15}},
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
						.usage = {16, 17},
				},
};

static const struct es_session_msg stuck = {.type = ES_SESSION_STUCK, .stuck = {1}};
static const struct es_session_msg need_encoder = {.type = ES_SESSION_NEED_ENCODER};

static const struct es_session_msg end = {
		.type = ES_SESSION_END,
		.end = {ES_END_FAILED, -1, "no"},
};

#define NO_STAGE "00000000 00000000 00000000 00000000 0000000000000000"

static const struct es_vector vectors[] = {
		{"start_display", &start_display, 0,
				"53 01 0100 00200000 10000000 40420f00 dc050000 10270000 0300 6f6e65"},
		{"start_encode", &start_encode, 0, "53 01 0200 01 0400 78323635 204e0000 02000000"},
		{"start_stream", &start_stream, 1, "53 01 0300 04 0400 2f612062"},
		{"attach", &attach, 1, "53 01 0400 03 05000000 01"},
		{"detach", &detach, 0, "53 01 0500 ffffffff"},
		{"mode", &mode, 0, "53 01 0600 10000000 00200000 e8030000"},
		{"bitrate", &bitrate, 0, "53 01 0700 64000000"},
		{"idr", &idr, 0, "53 01 0800"},
		{"stats", &stats, 0, "53 01 0900"},
		{"drain", &drain, 0, "53 01 0a00"},
		{"ready", &ready, 0, "53 01 4000 0400 776c2d30 0000 0600 7069786d616e"},
		{"display_stats", &display_stats, 0,
				"53 01 4100 0100000000000000 0200000000000000 0300000000000000 0400000000000000"
				"0500000000000000 0600000000000000 0700000000000000 0800000000000000"
				"0900000000000000 0a00000000000000 0b00000000000000 0c00000000000000"
				"0d00000000000000 0e00000000000000 0f00000000000000"},
		{"encode_stats", &encode_stats, 0,
				"53 01 4200 0100000000000000 0200000000000000 0300000000000000 0400000000000000"
				"0500000000000000 0600000000000000 0700000000000000 0800000000000000"
				"0900000000000000 0a00000000000000 0b00000000000000 0c00000000000000"
				"0d00000000000000 0e00000000000000 0f00000000000000"},
		{"stream_stats", &stream_stats, 0,
				"53 01 4300 0100000000000000 0200000000000000 0300000000000000 0400000000000000"
				"0500000000000000 0600000000000000 0700000000000000 0800000000000000"
				"01000000 02000000 03000000 04000000 0500000000000000" NO_STAGE NO_STAGE NO_STAGE
						NO_STAGE NO_STAGE NO_STAGE
				"06000000 07000000 08000000 09000000 0a00000000000000" NO_STAGE
				"0b000000 0c000000 0d000000 0e000000 0f00000000000000" NO_STAGE NO_STAGE NO_STAGE
						NO_STAGE NO_STAGE NO_STAGE
				"0400 78323634 00 1000000000000000 1100000000000000"},
		{"stuck", &stuck, 0, "53 01 4400 01000000"},
		{"need_encoder", &need_encoder, 0, "53 01 4500"},
		{"end", &end, 0, "53 01 4600 04 ffffffff 0200 6e6f"},
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
		.max_fds = 1,
		.encode = encode,
		.decode = decode,
		.n_fds = n_fds,
};
