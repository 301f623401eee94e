// The client's sound: datagrams in, and every half second of it a "sound" line that says for each channel how
// loud it was and which frequency was the strongest.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/clients/moon/audio_packets.h"

struct es_moon_audio_params {
	const uint8_t *key; // NULL: clear
	uint32_t key_id;
	uint8_t channels, packet_ms;
	bool high_quality;
	const char *surround; // surround-params of the host
	bool clicks; // a line for each sound that begins suddenly, with the time at which it can be heard
};

struct es_moon_audio;
struct es_moon_audio *audio_create(
		const struct es_moon_audio_params *params); // NULL after an error line
void audio_destroy(struct es_moon_audio *audio); // NULL is fine
void audio_take(struct es_moon_audio *audio, const uint8_t *data, size_t size);
void audio_say_statistics(const struct es_moon_audio *audio); // members of the line that has begun
