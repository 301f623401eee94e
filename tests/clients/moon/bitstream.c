#include "tests/clients/moon/bitstream.h"

#include <string.h>

#define NAL_MAX 64 // looked at in one frame

struct nal {
	size_t at; // of its first byte
	uint8_t type;
};

static uint8_t nal_type(enum es_codec codec, uint8_t byte) {
	return codec == ES_CODEC_H264 ? byte & 0x1f : byte >> 1 & 0x3f;
}

static size_t find_nals(
		enum es_codec codec, const uint8_t *data, size_t size, struct nal nals[NAL_MAX]) {
	size_t n = 0;
	for (size_t i = 0; i + 3 < size && n < NAL_MAX; i++) {
		if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1) {
			nals[n++] = (struct nal){i + 3, nal_type(codec, data[i + 3])};
			i += 2;
		}
	}
	return n;
}

static bool is_aud_or_sei(enum es_codec codec, uint8_t type) {
	return codec == ES_CODEC_H264 ? type == 9 || type == 6 : type == 35 || type == 39 || type == 40;
}

static bool is_slice(enum es_codec codec, uint8_t type) {
	return codec == ES_CODEC_H264 ? type >= 1 && type <= 5 : type <= 31;
}

static bool is_idr_slice(enum es_codec codec, uint8_t type) {
	return codec == ES_CODEC_H264 ? type == 5 : type >= 16 && type <= 20;
}

// SPS, PPS or VPS, SPS, PPS, then a slice, all of it begun in the first packet.
static const char *check_key(
		enum es_codec codec, const struct nal *nals, size_t n, size_t first_packet) {
	static const uint8_t h264[] = {7, 8}, hevc[] = {32, 33, 34};
	const uint8_t *sets = codec == ES_CODEC_H264 ? h264 : hevc;
	size_t n_sets = codec == ES_CODEC_H264 ? sizeof(h264) : sizeof(hevc);
	if (n <= n_sets) {
		return "a key picture lacks parameter sets or slices";
	}
	for (size_t i = 0; i < n_sets; i++) {
		if (nals[i].type != sets[i]) {
			return "the parameter sets of a key picture are not in their order";
		}
	}
	if (!is_idr_slice(codec, nals[n_sets].type)) {
		return "no IDR slice after the parameter sets";
	}
	return nals[n_sets].at < first_packet ? NULL
										  : "the first slice does not begin in the first packet";
}

static const char *check_slices(enum es_codec codec, const struct nal *nals, size_t n, bool key) {
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		if (is_slice(codec, nals[i].type)) {
			any = true;
			if (is_idr_slice(codec, nals[i].type) != key) {
				return "IDR slices without parameter sets, or others with them";
			}
		}
	}
	return any ? NULL : "no slice";
}

static const char *examine_nals(enum es_codec codec, const uint8_t *data, size_t size,
		size_t first_packet, struct es_bitstream_info *info) {
	struct nal all[NAL_MAX];
	if (size < 5 || data[0] != 0 || data[1] != 0 ||
			!(data[2] == 1 || (data[2] == 0 && data[3] == 1))) {
		return "no start code at the start";
	}
	size_t n = find_nals(codec, data, size, all), skipped = 0;
	while (skipped < n && is_aud_or_sei(codec, all[skipped].type)) {
		skipped++;
	}
	const struct nal *nals = all + skipped;
	n -= skipped;
	if (n == 0) {
		return "no picture";
	}
	info->key = nals[0].type == (codec == ES_CODEC_H264 ? 7 : 32);
	const char *problem = check_slices(codec, nals, n, info->key);
	return problem == NULL && info->key ? check_key(codec, nals, n, first_packet) : problem;
}

// Temporal unit: OBUs with sizes; a sequence header makes it a key frame.
static const char *examine_obus(const uint8_t *data, size_t size, struct es_bitstream_info *info) {
	size_t at = 0;
	bool frame = false;
	while (at < size) {
		uint8_t type = data[at] >> 3 & 0xf;
		bool extended = data[at] & 4, sized = data[at] & 2;
		if ((data[at] & 0x81) != 0 || !sized) {
			return "an OBU without a size";
		}
		at += extended ? 2 : 1;
		uint64_t length = 0;
		for (unsigned shift = 0;; shift += 7, at++) {
			if (at >= size || shift > 28) {
				return "an OBU's size is cut off";
			}
			length |= (uint64_t)(data[at] & 0x7f) << shift;
			if ((data[at] & 0x80) == 0) {
				at++;
				break;
			}
		}
		if (length > size - at) {
			return "an OBU is longer than its frame";
		}
		info->key |= type == 1;
		frame |= type == 6 || type == 3;
		at += length;
	}
	return frame ? NULL : "no frame OBU";
}

const char *bitstream_examine(enum es_codec codec, const uint8_t *data, size_t size,
		size_t first_packet, struct es_bitstream_info *info) {
	memset(info, 0, sizeof(*info));
	return codec == ES_CODEC_AV1 ? examine_obus(data, size, info)
								 : examine_nals(codec, data, size, first_packet, info);
}
