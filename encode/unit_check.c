#include "encode/unit_check.h"

#define EMPTY "it is empty"
#define NOISE "it is no bitstream"
#define NO_PICTURE "there is no picture in it"
#define NO_HEADERS "an IDR without its parameter sets"
#define NOT_IDR "it is no IDR, though the encoder says so"

// What was found in front of the first slice, and that itself.
struct found {
	bool vps, sps, pps;
	bool picture, idr, bad;
};

// Of the start code's first byte that is no zero; `size` if there is none.
static size_t find_start(const uint8_t *data, size_t size, size_t at) {
	while (at + 3 <= size) {
		if (data[at + 2] > 1) {
			at += 3;
		} else if (data[at] == 0 && data[at + 1] == 0 && data[at + 2] == 1) {
			return at + 3;
		} else {
			at++;
		}
	}
	return size;
}

static void take_h264(struct found *found, const uint8_t *nal) {
	uint8_t type = nal[0] & 31;
	found->bad = (nal[0] & 0x80) != 0 || type == 0 || type > 23;
	found->sps |= type == 7;
	found->pps |= type == 8;
	found->idr |= type == 5;
	found->picture |= type >= 1 && type <= 5;
}

static void take_hevc(struct found *found, const uint8_t *nal) {
	uint8_t type = nal[0] >> 1 & 63;
	found->bad = (nal[0] & 0x80) != 0 || (nal[1] & 7) == 0 || (type > 40 && type < 62) ||
			(type > 9 && type < 16) || (type > 21 && type < 32);
	found->vps |= type == 32;
	found->sps |= type == 33;
	found->pps |= type == 34;
	found->idr |= type == 19 || type == 20;
	found->picture |= type < 32;
}

static struct found look_at_nals(const uint8_t *data, size_t size, bool hevc) {
	struct found found = {0};
	size_t zeros = 0;
	while (zeros < size && data[zeros] == 0) {
		zeros++;
	}
	size_t at = find_start(data, size, 0);
	found.bad = at != zeros + 1; // anything before the first start code
	while (!found.bad && !found.picture && at + 2 <= size) {
		if (hevc) {
			take_hevc(&found, data + at);
		} else {
			take_h264(&found, data + at);
		}
		if (!found.picture) { // nothing is looked for in a slice: it is long
			at = find_start(data, size, at);
		}
	}
	found.vps |= !hevc;
	return found;
}

// OBUs, each with its size.
static struct found look_at_obus(const uint8_t *data, size_t size) {
	struct found found = {.vps = true, .pps = true};
	size_t at = 0;
	while (!found.bad && !found.picture && at < size) {
		uint8_t type = data[at] >> 3 & 15;
		bool extended = (data[at] & 4) != 0, sized = (data[at] & 2) != 0;
		found.bad = (data[at] & 0x81) != 0 || type == 0 || (type > 8 && type < 15);
		found.sps |= type == 1;
		found.picture |= type == 3 || type == 6;
		at += extended ? 2 : 1;
		uint64_t length = 0;
		unsigned shift = 0;
		do {
			found.bad |= !sized || at >= size || shift > 28;
			length |= found.bad ? 0 : (uint64_t)(data[at] & 127) << shift;
			shift += 7;
		} while (!found.bad && (data[at++] & 128) != 0);
		found.bad |= length > size - (at < size ? at : size);
		at += found.bad ? 0 : (size_t)length;
	}
	found.idr = found.sps; // nothing else says so in front of the frame's own header
	return found;
}

const char *unit_check(enum es_codec codec, const uint8_t *data, size_t size, bool idr) {
	if (size == 0) {
		return EMPTY;
	}
	struct found found = codec == ES_CODEC_AV1 ? look_at_obus(data, size)
											   : look_at_nals(data, size, codec == ES_CODEC_HEVC);
	if (found.bad) {
		return NOISE;
	}
	if (!found.picture) {
		return NO_PICTURE;
	}
	if (idr && !found.idr) {
		return NOT_IDR;
	}
	return idr && !(found.vps && found.sps && found.pps) ? NO_HEADERS : NULL;
}
