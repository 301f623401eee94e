#include "tests/clients/moon/launch.h"

#include <stdio.h>
#include <string.h>

#include "protocol/crypto.h"
#include "tests/clients/moon/say.h"

#define LAUNCH_TIMEOUT_S 120

static unsigned surround_info(uint8_t channels) {
	return channels == 8 ? 0x63f0008 : channels == 6 ? 0x3f0006 : 0x30002;
}

bool launch_app(
		struct es_moon_options *options, char *url, size_t cap, uint8_t key[16], int32_t *key_id) {
	char query[512], hex[33], started[16] = "", app[32] = "";
	struct es_moon_answer answer;
	const char *error = NULL;
	if (options->key_hex != NULL) {
		hex_decode(options->key_hex, strlen(options->key_hex), key, 16);
	} else {
		crypto_random(key, 16);
	}
	crypto_random(key_id, sizeof(*key_id));
	hex_encode(key, 16, hex);
	const struct es_mode *mode = &options->wishes.mode;
	if (options->app != 0) {
		snprintf(app, sizeof(app), "appid=%u&", options->app);
	}
	snprintf(query, sizeof(query),
			"%smode=%ux%ux%d&additionalStates=1&sops=0&rikey=%s&rikeyid=%d"
			"&localAudioPlayMode=0&surroundAudioInfo=%u&remoteControllersBitmap=0&gcmap=0%s",
			app, mode->width, mode->height, (mode->refresh_mhz + 500) / 1000, hex, *key_id,
			surround_info(options->wishes.audio_channels), options->clear_rtsp ? "" : "&corever=1");
	int64_t asked_ns = now_ns();
	bool ok = web_get(&options->web, true, options->resume ? "/resume" : "/launch", query,
			LAUNCH_TIMEOUT_S, &answer, &error);
	bool sure = ok && answer.status == 200 && answer_get(&answer, "sessionUrl0", url, cap) &&
			answer_get(&answer, options->resume ? "resume" : "gamesession", started,
					sizeof(started)) &&
			strcmp(started, "0") != 0;
	say_begin("launched");
	say_bool("ok", sure);
	say_bool("resumed", options->resume);
	say_number("status", ok ? answer.status : -1);
	say_text("message", ok ? answer.message : error);
	say_text("url", sure ? url : NULL);
	say_number("asked_ns", asked_ns);
	say_number("at_ns", now_ns());
	say_end();
	return sure;
}
