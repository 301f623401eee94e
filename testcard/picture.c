#include "testcard/picture.h"

#include <stdio.h>
#include <string.h>

#define GREY 0x202020
#define WHITE 0xebebeb

static void fill(const struct es_picture *p, int32_t x, int32_t y, int32_t width, int32_t height,
		uint32_t colour) {
	for (int32_t row = y < 0 ? 0 : y; row < y + height && row < p->height; row++) {
		uint32_t *line = p->px + (size_t)row * (size_t)p->width;
		for (int32_t i = x < 0 ? 0 : x; i < x + width && i < p->width; i++) {
			line[i] = colour;
		}
	}
}

void picture_strip(const struct es_picture *picture, int32_t *top, int32_t *height) {
	*height = picture->height / 4 + 1;
	*top = picture->height - *height;
}

void picture_draw_still(const struct es_picture *picture) {
	static const uint32_t bars[] = {
			0xbfbfbf, 0xbfbf00, 0x00bfbf, 0x00bf00, 0xbf00bf, 0xbf0000, 0x0000bf, 0x101010};
	int32_t strip, strip_height, ramp_height = picture->height / 12;
	picture_strip(picture, &strip, &strip_height);
	for (int32_t i = 0; i < 8; i++) {
		int32_t from = picture->width * i / 8, to = picture->width * (i + 1) / 8;
		fill(picture, from, 0, to - from, strip - ramp_height, bars[i]);
	}
	for (int32_t x = 0; x < picture->width; x++) {
		uint32_t grey = (uint32_t)(255 * (int64_t)x / picture->width);
		fill(picture, x, strip - ramp_height, 1, ramp_height, grey << 16 | grey << 8 | grey);
	}
}

// Three by five dots, a row in three bits, the top one first.
static unsigned glyph(char c) {
	static const struct {
		char c;
		unsigned dots;
	} glyphs[] = {{'0', 075557}, {'1', 026227}, {'2', 071747}, {'3', 071317}, {'4', 055711},
			{'5', 074717}, {'6', 074757}, {'7', 071122}, {'8', 075757}, {'9', 075717},
			{':', 002020}, {'.', 000002}, {'x', 005250}};
	for (size_t i = 0; i < sizeof(glyphs) / sizeof(glyphs[0]); i++) {
		if (glyphs[i].c == c) {
			return glyphs[i].dots;
		}
	}
	return 0;
}

static void draw_text(
		const struct es_picture *p, int32_t x, int32_t y, int32_t dot, const char *text) {
	for (; *text != '\0'; text++, x += 4 * dot) {
		unsigned dots = glyph(*text);
		for (int32_t i = 0; i < 15; i++) {
			if (dots >> (14 - i) & 1) {
				fill(p, x + i % 3 * dot, y + i / 3 * dot, dot, dot, WHITE);
			}
		}
	}
}

void picture_draw_strip(
		const struct es_picture *picture, uint32_t frame, const struct timespec *now) {
	int32_t top, height;
	picture_strip(picture, &top, &height);
	fill(picture, 0, top, picture->width, height, GREY);
	int32_t bar = picture->width / 40 + 1, step = picture->width / 160 + 1;
	int32_t at = (int32_t)((int64_t)frame * step % (picture->width + bar)) - bar;
	fill(picture, at, top, bar, height / 3, WHITE);

	struct tm tm;
	localtime_r(&now->tv_sec, &tm);
	char text[64];
	snprintf(text, sizeof(text), "%07u %02d:%02d:%02d.%03ld %dx%d", frame % 10000000, tm.tm_hour,
			tm.tm_min, tm.tm_sec, now->tv_nsec / 1000000, picture->width, picture->height);
	int32_t fits = picture->width / (4 * (int32_t)strlen(text) + 4), tall = height / 3 / 5;
	int32_t dot = fits < tall ? fits : tall;
	dot = dot > 0 ? dot : 1;
	draw_text(picture, 2 * dot, top + height * 2 / 3 - 5 * dot / 2, dot, text);
}
