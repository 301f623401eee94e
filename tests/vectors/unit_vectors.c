#include "protocol/unit_msg.h"
#include "tests/vectors/family.h"

static const struct es_unit_msg codec = {
		.type = ES_UNIT_CODEC,
		.codec = {ES_CODEC_AV1, {1280, 720, 60000}, {9, 16, 9, true, 10, true}, 5,
				{0, 0, 1, 0x67, 0x42}, "svtav1"},
};

static const struct es_unit_msg ring = {.type = ES_UNIT_RING, .ring = {16, 256u << 20}};

static const struct es_unit_msg unit = {
		.type = ES_UNIT_UNIT,
		.unit = {15, 70000, 3, 0x0102030405060708, ES_UNIT_REPEAT, true, false, 28,
				{10, 20, 30, 40, 50, 0x7fffffffffffffff}},
};

static const struct es_unit_msg end = {.type = ES_UNIT_END};
static const struct es_unit_msg done = {.type = ES_UNIT_DONE, .done = {15}};
static const struct es_unit_msg idr = {.type = ES_UNIT_IDR};
static const struct es_unit_msg invalidate = {.type = ES_UNIT_INVALIDATE, .invalidate = {2, 258}};
static const struct es_unit_msg bitrate = {.type = ES_UNIT_BITRATE, .bitrate = {20000}};
static const struct es_unit_msg hold = {.type = ES_UNIT_HOLD, .hold = {true}};

static const struct es_vector vectors[] = {
		{"codec", &codec, 0,
				"55 01 0100 02 00050000 d0020000 60ea0000 09 10 09 01 0a 01 0500 0000016742"
				"0600 737674617631"},
		{"ring", &ring, 1, "55 01 0200 10000000 00000010"},
		{"unit", &unit, 0,
				"55 01 0300 0f 70110100 0300000000000000 0807060504030201 02 01 00 1c"
				"0a00000000000000 1400000000000000 1e00000000000000 2800000000000000"
				"3200000000000000 ffffffffffffff7f"},
		{"end", &end, 0, "55 01 0400"},
		{"done", &done, 0, "55 01 4000 0f"},
		{"idr", &idr, 0, "55 01 4100"},
		{"invalidate", &invalidate, 0, "55 01 4200 0200000000000000 0201000000000000"},
		{"bitrate", &bitrate, 0, "55 01 4300 204e0000"},
		{"hold", &hold, 0, "55 01 4400 01"},
};

static size_t encode(const void *msg, void *out, size_t cap) {
	return unit_msg_encode(msg, out, cap);
}

static bool decode(void *msg, const void *data, size_t size, size_t fds) {
	return unit_msg_decode(msg, data, size, fds);
}

static size_t n_fds(const void *msg) {
	return unit_msg_n_fds(msg);
}

const struct es_family unit_family = {
		.name = "unit",
		.vectors = vectors,
		.n_vectors = sizeof(vectors) / sizeof(vectors[0]),
		.msg_size = sizeof(struct es_unit_msg),
		.max_size = ES_UNIT_MSG_MAX,
		.max_fds = 1,
		.encode = encode,
		.decode = decode,
		.n_fds = n_fds,
};
