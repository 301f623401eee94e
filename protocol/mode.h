// What the virtual screen is: size, refresh and colour; and the codecs it can be sent in.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"

#define ES_MODE_MIN_SIZE 16
#define ES_MODE_MAX_SIZE 8192
#define ES_MODE_MIN_REFRESH_MHZ 1000
#define ES_MODE_MAX_REFRESH_MHZ 1000000
#define ES_MIN_KBPS 100
#define ES_MAX_KBPS 1000000

struct es_mode {
	uint32_t width, height; // pixels, ES_MODE_MIN_SIZE..ES_MODE_MAX_SIZE
	int32_t refresh_mhz; // 59.94 Hz = 59940
};

// Code points of ITU-T H.273.
struct es_colour {
	uint8_t primaries; // 1 BT.709, 9 BT.2020
	uint8_t transfer; // 1 BT.709, 16 PQ
	uint8_t matrix; // 1 BT.709, 9 BT.2020 non-constant
	bool full_range;
	uint8_t depth; // 8 or 10 bits per component
	bool yuv444;
};

enum es_codec { ES_CODEC_H264, ES_CODEC_HEVC, ES_CODEC_AV1, ES_CODEC_COUNT };

bool mode_valid(const struct es_mode *mode);
// BT.709 limited, 8 bit, 4:2:0.
struct es_colour colour_sdr(void);
bool colour_valid(const struct es_colour *colour);

// "1280x720", "1280x720@60", "1920x1080@59.94" (up to three decimals); without "@" the
// refresh in *mode stays. False, *mode untouched, on anything else or out of range.
bool mode_parse(const char *text, struct es_mode *mode);
// "60", "59.94" -> mHz within the limits.
bool refresh_parse(const char *text, int32_t *refresh_mhz);

// "h264" ...; NULL if not a codec.
const char *codec_name(enum es_codec codec);
bool codec_parse(const char *text, enum es_codec *codec);

// As they lie in link messages. A mode or colour out of range: not ok, both ways.
void put_mode(struct es_writer *w, const struct es_mode *mode);
void get_mode(struct es_reader *r, struct es_mode *mode);
void put_colour(struct es_writer *w, const struct es_colour *colour);
void get_colour(struct es_reader *r, struct es_colour *colour);
