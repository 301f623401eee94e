#include "protocol/codec_string.h"

#include <stdio.h>

#define NAL_SPS 7
#define OBU_SEQUENCE 1

// --- H.264: the three bytes behind the NAL unit's header

static bool read_h264(char out[ES_CODEC_STRING_SIZE], const uint8_t *data, size_t size) {
	for (size_t i = 0; i + 6 < size; i++) {
		if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1 &&
				(data[i + 3] & 0x1f) == NAL_SPS) {
			snprintf(out, ES_CODEC_STRING_SIZE, "avc1.%02x%02x%02x", data[i + 4], data[i + 5],
					data[i + 6]);
			return true;
		}
	}
	return false;
}

// --- AV1 (5.5.1 of its specification)

struct bits {
	const uint8_t *data;
	size_t n, at; // bits
	bool ok;
};

static uint32_t take_bits(struct bits *bits, unsigned n) {
	uint32_t value = 0;
	for (; n > 0; n--, bits->at++) {
		if (bits->at >= bits->n) {
			bits->ok = false;
			return 0;
		}
		value = value << 1 | (bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1u);
	}
	return value;
}

// Of the first operating point. Streams with timing information are none of ours.
static bool read_sequence(char out[ES_CODEC_STRING_SIZE], const uint8_t *data, size_t size) {
	struct bits bits = {data, size * 8, 0, true};
	uint32_t profile = take_bits(&bits, 3), level, tier = 0;
	take_bits(&bits, 1);
	if (take_bits(&bits, 1) != 0) { // reduced
		level = take_bits(&bits, 5);
	} else {
		bits.ok = bits.ok && take_bits(&bits, 1) == 0;
		take_bits(&bits, 1 + 5 + 12);
		level = take_bits(&bits, 5);
		tier = level > 7 ? take_bits(&bits, 1) : 0;
	}
	if (bits.ok) {
		snprintf(out, ES_CODEC_STRING_SIZE, "av01.%u.%02u%c.08", profile, level,
				tier != 0 ? 'H' : 'M');
	}
	return bits.ok;
}

static bool take_leb128(const uint8_t *data, size_t size, size_t *at, size_t *value) {
	*value = 0;
	for (unsigned shift = 0; shift < 28 && *at < size; shift += 7) {
		uint8_t byte = data[(*at)++];
		*value |= (size_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			return true;
		}
	}
	return false;
}

static bool read_av1(char out[ES_CODEC_STRING_SIZE], const uint8_t *data, size_t size) {
	for (size_t at = 0; at < size;) {
		uint8_t header = data[at++];
		size_t length = 0;
		at += header >> 2 & 1; // extension
		if ((header & 2) == 0 || !take_leb128(data, size, &at, &length) || length > size - at) {
			return false; // the last OBU may go without a size; it is none that is looked for
		}
		if ((header >> 3 & 0xf) == OBU_SEQUENCE) {
			return read_sequence(out, data + at, length);
		}
		at += length;
	}
	return false;
}

bool codec_string_read(
		char out[ES_CODEC_STRING_SIZE], enum es_codec codec, const uint8_t *data, size_t size) {
	switch (codec) {
	case ES_CODEC_H264:
		return read_h264(out, data, size);
	case ES_CODEC_AV1:
		return read_av1(out, data, size);
	default:
		return false;
	}
}
