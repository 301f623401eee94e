// The client's side of RTSP: what was launched becomes a stream with ports, keys and features.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/crypto.h"
#include "protocol/mode.h"

struct es_moon_wishes {
	struct es_mode mode;
	enum es_codec codec;
	uint32_t encryption; // wanted beside what the host asks for; ES_GAMESTREAM_ENCRYPT_*
	bool exact_encryption; // and nothing else than that
	uint32_t bitrate_kbps;
	uint16_t packet_size; // 0: as Moonlight
	uint8_t slices;
	bool invalidate; // reference invalidation if the host can, which takes several reference frames
	uint8_t audio_channels, audio_packet_ms;
	bool audio_high_quality;
	const char *extra; // attribute lines for ANNOUNCE, or NULL
};

struct es_moon_terms {
	char ping[32]; // "": the host sent none of 16 characters
	uint32_t connect_data;
	uint16_t video_port, audio_port, control_port;
	uint32_t encryption; // in force
	uint16_t packet_size;
	bool host_invalidates; // reference invalidation
	bool pen_touch;
	char surround[16]; // surround-params as the host advertises them for what is wished
};

// Called when the audio port is known: its pings begin.
typedef void (*es_moon_audio_ready)(void *data, const struct es_moon_terms *terms);

// All requests, from OPTIONS to PLAY. url is the sessionUrl0. False after an "rtsp" line that says
// which request failed and how.
bool rtsp_negotiate(const char *url, const uint8_t key[ES_KEY_SIZE],
		const struct es_moon_wishes *wishes, struct es_moon_terms *terms,
		es_moon_audio_ready audio_ready, void *data);
