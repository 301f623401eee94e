// `moon play`: launch or resume, then a stream until its end.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/clients/impair_model.h"
#include "tests/clients/moon/rtsp_client.h"
#include "tests/clients/moon/web.h"

struct es_moon_options {
	struct es_moon_web web;
	struct es_moon_wishes wishes;
	uint32_t app;
	bool resume;
	bool clear_rtsp; // says that it is too old for encrypted RTSP
	double seconds; // 0: no limit
	uint32_t frames; // 0: no limit
	const char *out; // file for the bitstream
	uint16_t map[3]; // ports to use instead of the host's for video, audio, control; 0: the host's
	struct es_impair_params impair; // of what is received
	uint32_t forge, replay; // messages, once playing
	bool wrong_ping;
	bool no_decode;
	bool shadow; // a second decoder is given all that came, and their pictures are compared
	bool search;
	uint8_t searched[3]; // Y, U, V, in each picture
	uint32_t lose_first, lose_every; // as of struct es_moon_video_params
	bool clicks; // tell of each in the sound
	bool stay; // go on playing at the end of standard input
	const char *key_hex; // rikey; NULL: random
};

// Exit status of the program: 0 when it ended as asked or by the host's graceful termination.
int play_run(struct es_moon_options *options);
