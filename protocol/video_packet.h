// From an access unit to the datagrams of GameStream video: frame header, shards, FEC blocks, parity,
// encryption. (Reference, sections 6.2 to 6.6.) Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"
#include "protocol/fec.h"

#define ES_VIDEO_PREFIX 32 // of an encrypted datagram: IV, frame number, tag
#define ES_VIDEO_HEADER 16 // RTP and reserved
#define ES_VIDEO_MAX_BLOCKS 4

enum es_frame_type {
	ES_FRAME_P = 1,
	ES_FRAME_IDR = 2,
	ES_FRAME_INTRA_REFRESH = 4,
	ES_FRAME_RECOVERY = 5, // refers to nothing that was invalidated
};

struct es_packetizer_params {
	uint16_t packet_size; // P
	uint8_t min_parity; // per block, 0..2
	const uint8_t *key; // ES_KEY_SIZE bytes to encrypt with; NULL: clear
};
// What counts on; all 0 in a new session but frame, which is 1.
struct es_packet_counters {
	uint16_t sequence; // RTP
	uint32_t packet_index; // 24 bits
	uint32_t frame; // of the next frame
	uint64_t iv;
};

struct es_packetizer;
struct es_packetizer *packetizer_create(
		const struct es_packetizer_params *params); // NULL: no memory
void packetizer_destroy(struct es_packetizer *packetizer); // NULL is fine
struct es_packet_counters *packetizer_counters(struct es_packetizer *packetizer);

struct es_frame_shape {
	uint32_t n_datagrams, n_parity;
	uint32_t datagram_size; // all equal
	uint32_t n_blocks;
};
// What a unit of `size` bytes, padding included, becomes at that FEC percentage (0..255). No datagrams: too large to be
// sent, more than 4 * 1023 * (P - 16) - 8 bytes.
struct es_frame_shape packetizer_shape(
		const struct es_packetizer *packetizer, size_t size, uint8_t fec_percent);

struct es_frame_info {
	enum es_frame_type type;
	uint32_t timestamp; // 90 kHz
	uint16_t latency; // host's, in 0.1 ms
	uint8_t fec_percent;
	uint32_t padding; // zero bytes to put behind the unit
};
// Writes all datagrams in the order in which they are to be sent, one every datagram_size bytes, into
// out (n_datagrams * datagram_size bytes by packetizer_shape). `size` is without the padding. Never fails for a shape that was asked
// for; counters go on. Does not allocate once warm.
void packetizer_make(struct es_packetizer *packetizer, const struct es_frame_info *info,
		const uint8_t *unit, size_t size, uint8_t *out);
