// The client's audio up to the Opus packets: datagrams in, packets out in their order. Checks every rule
// of the wire format as the real client does, and repairs by parity.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"

#define MOON_AUDIO_MAX_DATAGRAM 1400 // as the real client's

struct es_moon_audio_packets_params {
	const uint8_t *key; // NULL: clear
	uint32_t key_id;
	uint8_t packet_ms;
	void *data;
	// In order, each once. opus NULL: it is lost.
	void (*packet)(void *data, uint16_t sequence, const uint8_t *opus, size_t size);
	// What the format does not allow; NULL: only counted.
	void (*violation)(void *data, const char *what);
};

struct es_moon_audio_stats {
	uint64_t datagrams, parity; // that came; parity is in datagrams
	uint64_t packets, missing, recovered; // delivered, of them recovered; and lost for good
	uint64_t late, duplicate, forged, violations;
};

struct es_moon_audio_packets;
struct es_moon_audio_packets *audio_packets_create(
		const struct es_moon_audio_packets_params *params); // NULL: no memory
void audio_packets_destroy(struct es_moon_audio_packets *packets); // NULL is fine
void audio_packets_take(struct es_moon_audio_packets *packets, const uint8_t *data, size_t size);
const struct es_moon_audio_stats *audio_packets_stats(const struct es_moon_audio_packets *packets);
