// Messages of the control stream and input packets as they lie on the wire.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"
#include "protocol/input_msg.h"

// 00 01 .. 0f: of all the messages and of RTSP's.
extern const uint8_t vector_key[ES_KEY_SIZE];

struct es_control_vector {
	const char *name;
	bool from_host, legacy;
	uint32_t sequence;
	uint16_t type;
	const char *payload, *wire; // hex
};
extern const struct es_control_vector control_vectors[];
extern const size_t n_control_vectors;

struct es_input_vector {
	const char *name;
	const char *hex;
	struct es_input input;
	uint16_t width, height; // of the reference, for an absolute position
};
extern const struct es_input_vector input_vectors[];
extern const size_t n_input_vectors;

// What hex says, spaces apart; returns the size. out has ES_VECTOR_MAX_SIZE bytes.
size_t hex_bytes(const char *hex, uint8_t *out);
