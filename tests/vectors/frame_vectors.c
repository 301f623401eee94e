#include "protocol/frame_msg.h"
#include "tests/vectors/family.h"

static const struct es_frame_msg mode = {
		.type = ES_FRAME_MODE,
		.mode = {.mode = {1280, 720, 59940}, .colour = {1, 1, 1, false, 8, false}},
};

static const struct es_frame_msg memory = {
		.type = ES_FRAME_BUFFER,
		.buffer = {7, ES_BUFFER_MEMORY, 1280, 720, 0x34325258, 0, 1, {0}, {5120}},
};

static const struct es_frame_msg dmabuf = {
		.type = ES_FRAME_BUFFER,
		.buffer = {0x0102030405060708, ES_BUFFER_DMABUF, 1920, 1080, 0x3231564e, 0x0100000000000002,
				2, {0, 2211840}, {2048, 2048}},
};

static const struct es_frame_msg forget = {.type = ES_FRAME_FORGET, .forget = {7}};

static const struct es_frame_msg frame = {
		.type = ES_FRAME_FRAME,
		.frame = {7, 0x1234, 1000000001, 1000000002, 1000000003, false, true,
				{128, 0, 163840, 92160}, {0, 60, 1280, 600}, 2,
				{{0, 0, 1280, 720}, {8191, 8191, 1, 1}}},
};

static const struct es_frame_msg cursor_frame = {
		.type = ES_FRAME_FRAME,
		.frame = {.sequence = 1, .commit_ns = 5, .compose_ns = 5, .put_ns = 6},
};

static const struct es_frame_msg cursor_image = {
		.type = ES_FRAME_CURSOR_IMAGE,
		.cursor_image = {24, 32, -1, 2},
};

static const struct es_frame_msg cursor_hidden = {.type = ES_FRAME_CURSOR_IMAGE};

static const struct es_frame_msg cursor_move = {
		.type = ES_FRAME_CURSOR_MOVE,
		.cursor_move = {-5, 700},
};

static const struct es_frame_msg formats = {
		.type = ES_FRAME_FORMATS,
		.formats = {true, false, true, 2, {{0x34325258, 0}, {0x34325241, 0x00ffffffffffffff}}},
};

static const struct es_frame_msg no_formats = {.type = ES_FRAME_FORMATS};

static const struct es_frame_msg credit = {.type = ES_FRAME_CREDIT, .credit = {1}};

static const struct es_frame_msg release = {
		.type = ES_FRAME_RELEASE,
		.release = {7, 0x1234, 1000000004, true},
};

static const struct es_vector vectors[] = {
		{"mode", &mode, 0, "46 02 0100 00050000 d0020000 24ea0000 01 01 01 00 08 00"},
		{"memory", &memory, 1,
				"46 02 0200 0700000000000000 01 00050000 d0020000 58523234 0000000000000000"
				"01 00000000 00140000"},
		{"dmabuf", &dmabuf, 2,
				"46 02 0200 0807060504030201 02 80070000 38040000 4e563132 0200000000000001"
				"02 00000000 00080000 00c02100 00080000"},
		{"forget", &forget, 0, "46 02 0300 0700000000000000"},
		{"frame", &frame, 1,
				"46 02 0400 0700000000000000 3412000000000000 01ca9a3b00000000 02ca9a3b00000000"
				"03ca9a3b00000000 00 01 80000000 00000000 00800200 00680100"
				"0000 3c00 0005 5802 02 0000 0000 0005 d002 ff1f ff1f 0100 0100"},
		{"cursor_frame", &cursor_frame, 0,
				"46 02 0400 0000000000000000 0100000000000000 0500000000000000 0500000000000000"
				"0600000000000000 00 00 00000000 00000000 00000000 00000000"
				"0000 0000 0000 0000 00"},
		{"cursor_image", &cursor_image, 1, "46 02 0500 18000000 20000000 ffffffff 02000000"},
		{"cursor_hidden", &cursor_hidden, 0, "46 02 0500 00000000 00000000 00000000 00000000"},
		{"cursor_move", &cursor_move, 0, "46 02 0600 fbffffff bc020000"},
		{"formats", &formats, 0,
				"46 02 4000 01 00 01 0200 58523234 0000000000000000 41523234 ffffffffffffff00"},
		{"no_formats", &no_formats, 0, "46 02 4000 00 00 00 0000"},
		{"credit", &credit, 0, "46 02 4100 01"},
		{"release", &release, 1,
				"46 02 4200 0700000000000000 3412000000000000 04ca9a3b00000000 01"},
};

static size_t encode(const void *msg, void *out, size_t cap) {
	return frame_msg_encode(msg, out, cap);
}

static bool decode(void *msg, const void *data, size_t size, size_t fds) {
	return frame_msg_decode(msg, data, size, fds);
}

static size_t n_fds(const void *msg) {
	return frame_msg_n_fds(msg);
}

const struct es_family frame_family = {
		.name = "frame",
		.vectors = vectors,
		.n_vectors = sizeof(vectors) / sizeof(vectors[0]),
		.msg_size = sizeof(struct es_frame_msg),
		.max_size = ES_FRAME_MSG_MAX,
		.max_fds = ES_FRAME_MAX_PLANES,
		.encode = encode,
		.decode = decode,
		.n_fds = n_fds,
};
