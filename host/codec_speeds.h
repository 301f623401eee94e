// How fast the encoders are on this machine, as measured, and what that is enough for. Kept in a
// file that counts only for the version and the CPU it was measured with.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

#define ES_CODEC_SPEEDS_MAX 16

struct es_codec_speed {
	char encoder[32];
	uint32_t width, height;
	double fps;
};

// All zero: nothing was measured.
struct es_codec_speeds {
	struct es_codec_speed items[ES_CODEC_SPEEDS_MAX];
	size_t n;
};

// Adds, or replaces what is there for encoder and size. False: no room, or not a speed.
bool codec_speeds_set(struct es_codec_speeds *speeds, const char *encoder, uint32_t width,
		uint32_t height, double fps);
// "ENCODER WIDTHxHEIGHT FPS" with or without a line feed, as the encoder's probe prints it.
bool codec_speeds_parse_line(struct es_codec_speed *speed, const char *line);

// Enough for every frame of the mode, with a margin for the app that shares the CPU.
bool codec_speeds_sustain(
		const struct es_codec_speeds *speeds, const char *encoder, const struct es_mode *mode);
// The one rule of what clients are told: in serverinfo, before there is a mode (NULL), and in the answer
// to DESCRIBE, for one. What is offered for any mode is offered without one.
bool codec_speeds_offer(
		const struct es_codec_speeds *speeds, const char *encoder, const struct es_mode *mode);

// `key` names version and CPU. False: there is none for this key, or it cannot be read.
bool codec_speeds_load(struct es_codec_speeds *speeds, const char *path, const char *key);
// Replaces the file, making its folder. False after a logged warning.
bool codec_speeds_save(const struct es_codec_speeds *speeds, const char *path, const char *key);
// Version, CPU model and number of CPUs that this process may use.
void codec_speeds_make_key(char *out, size_t cap);
