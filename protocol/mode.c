#include "protocol/mode.h"

#include <string.h>

bool mode_valid(const struct es_mode *mode) {
	return mode->width >= ES_MODE_MIN_SIZE && mode->width <= ES_MODE_MAX_SIZE &&
			mode->height >= ES_MODE_MIN_SIZE && mode->height <= ES_MODE_MAX_SIZE &&
			mode->refresh_mhz >= ES_MODE_MIN_REFRESH_MHZ &&
			mode->refresh_mhz <= ES_MODE_MAX_REFRESH_MHZ;
}

struct es_colour colour_sdr(void) {
	return (struct es_colour){.primaries = 1, .transfer = 1, .matrix = 1, .depth = 8};
}

bool colour_valid(const struct es_colour *colour) {
	return (colour->primaries == 1 || colour->primaries == 9) &&
			(colour->transfer == 1 || colour->transfer == 16) &&
			(colour->matrix == 1 || colour->matrix == 9) &&
			(colour->depth == 8 || colour->depth == 10);
}

// One decimal number without sign, moving *text past it. False without a digit or past `max`.
static bool parse_number(const char **text, uint32_t max, uint32_t *value) {
	const char *p = *text;
	uint32_t v = 0;
	while (*p >= '0' && *p <= '9') {
		v = v * 10 + (uint32_t)(*p++ - '0');
		if (v > max) {
			return false;
		}
	}
	bool any = p != *text;
	*text = p;
	*value = v;
	return any;
}

// "." and one to three digits -> thousandths; nothing there is 0.
static bool parse_thousandths(const char **text, uint32_t *value) {
	*value = 0;
	if (**text != '.') {
		return true;
	}
	const char *digits = ++*text;
	if (!parse_number(text, 999, value)) {
		return false;
	}
	size_t n = (size_t)(*text - digits);
	for (size_t i = n; i < 3; i++) {
		*value *= 10;
	}
	return n <= 3;
}

bool refresh_parse(const char *text, int32_t *refresh_mhz) {
	uint32_t whole, thousandths;
	if (!parse_number(&text, ES_MODE_MAX_REFRESH_MHZ / 1000, &whole) ||
			!parse_thousandths(&text, &thousandths) || *text != '\0') {
		return false;
	}
	int32_t mhz = (int32_t)(whole * 1000 + thousandths);
	if (mhz < ES_MODE_MIN_REFRESH_MHZ || mhz > ES_MODE_MAX_REFRESH_MHZ) {
		return false;
	}
	*refresh_mhz = mhz;
	return true;
}

bool mode_parse(const char *text, struct es_mode *mode) {
	struct es_mode parsed = *mode;
	if (!parse_number(&text, ES_MODE_MAX_SIZE, &parsed.width) || *text++ != 'x' ||
			!parse_number(&text, ES_MODE_MAX_SIZE, &parsed.height)) {
		return false;
	}
	if (*text == '@' ? !refresh_parse(text + 1, &parsed.refresh_mhz) : *text != '\0') {
		return false;
	}
	if (!mode_valid(&parsed)) {
		return false;
	}
	*mode = parsed;
	return true;
}

static const char *const codec_names[ES_CODEC_COUNT] = {
		[ES_CODEC_H264] = "h264",
		[ES_CODEC_HEVC] = "hevc",
		[ES_CODEC_AV1] = "av1",
};

const char *codec_name(enum es_codec codec) {
	return (unsigned)codec < ES_CODEC_COUNT ? codec_names[codec] : NULL;
}

bool codec_parse(const char *text, enum es_codec *codec) {
	for (size_t i = 0; i < ES_CODEC_COUNT; i++) {
		if (strcmp(text, codec_names[i]) == 0) {
			*codec = (enum es_codec)i;
			return true;
		}
	}
	return false;
}

void put_mode(struct es_writer *w, const struct es_mode *mode) {
	w->ok = w->ok && mode_valid(mode);
	put_le32(w, mode->width);
	put_le32(w, mode->height);
	put_le32s(w, mode->refresh_mhz);
}

void get_mode(struct es_reader *r, struct es_mode *mode) {
	mode->width = get_le32(r);
	mode->height = get_le32(r);
	mode->refresh_mhz = get_le32s(r);
	r->ok = r->ok && mode_valid(mode);
}

void put_colour(struct es_writer *w, const struct es_colour *colour) {
	w->ok = w->ok && colour_valid(colour);
	put_u8(w, colour->primaries);
	put_u8(w, colour->transfer);
	put_u8(w, colour->matrix);
	put_bool(w, colour->full_range);
	put_u8(w, colour->depth);
	put_bool(w, colour->yuv444);
}

void get_colour(struct es_reader *r, struct es_colour *colour) {
	colour->primaries = get_u8(r);
	colour->transfer = get_u8(r);
	colour->matrix = get_u8(r);
	colour->full_range = get_bool(r);
	colour->depth = get_u8(r);
	colour->yuv444 = get_bool(r);
	r->ok = r->ok && colour_valid(colour);
}
