// What a frame's bitstream is, by a look at its first bytes as the real client takes it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

#define BITSTREAM_PADDING 64 // as libavcodec wants behind a packet

struct es_bitstream_info {
	bool key; // starts anew: parameter sets (or a sequence header) come first
};

// Returns what breaks the rules, or NULL. first_packet: bytes of the frame in its first datagram.
const char *bitstream_examine(enum es_codec codec, const uint8_t *data, size_t size,
		size_t first_packet, struct es_bitstream_info *info);
