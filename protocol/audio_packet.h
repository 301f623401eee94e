// GameStream audio on the wire: RTP, two parity datagrams after every four, encryption. (Reference,
// sections 7.2 to 7.4.) Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"

#define ES_AUDIO_BLOCK 4 // data datagrams
#define ES_AUDIO_PARITY 2
#define ES_AUDIO_RTP_SIZE 12
#define ES_AUDIO_FEC_SIZE 12 // after the RTP header of parity
#define ES_AUDIO_MAX_OPUS 1343 // 1344 with the padding of encryption
#define ES_AUDIO_MAX_DATAGRAM (ES_AUDIO_RTP_SIZE + ES_AUDIO_FEC_SIZE + ES_AUDIO_MAX_OPUS + 1)

struct es_audio_packetizer_params {
	const uint8_t *key; // ES_KEY_SIZE bytes to encrypt with; NULL: clear
	uint32_t key_id; // rikeyid as unsigned
	uint8_t packet_ms;
};
// What counts on; all 0 in a new session. A block begins where the sequence is a multiple of
// ES_AUDIO_BLOCK.
struct es_audio_counters {
	uint16_t sequence;
	uint32_t timestamp; // ms
};

struct es_audio_packetizer;
struct es_audio_packetizer *audio_packetizer_create(
		const struct es_audio_packetizer_params *params); // NULL: no memory
void audio_packetizer_destroy(struct es_audio_packetizer *packetizer); // wipes; NULL is fine
struct es_audio_counters *audio_packetizer_counters(struct es_audio_packetizer *packetizer);

// What one packet becomes: its own datagram, and behind the last of a block the parity.
struct es_audio_datagrams {
	uint8_t data[1 + ES_AUDIO_PARITY][ES_AUDIO_MAX_DATAGRAM];
	size_t sizes[1 + ES_AUDIO_PARITY];
	size_t n;
};
// False, nothing counted: larger than ES_AUDIO_MAX_OPUS, or empty. All packets of a session should be of
// one size: a block of several has no parity, and the client gives up on all parity then.
bool audio_packetizer_put(struct es_audio_packetizer *packetizer, const uint8_t *opus, size_t size,
		struct es_audio_datagrams *out);
