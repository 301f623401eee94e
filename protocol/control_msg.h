// The control stream's messages and the encrypted envelope around each. (Reference, section 8.) Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"

#define ES_CONTROL_MAX_PAYLOAD 1024
#define ES_CONTROL_OVERHEAD 28 // envelope header 8 (type, length, sequence), tag 16, inner header 4
#define ES_CONTROL_WINDOW 1024

enum es_control_type {
	ES_CONTROL_PING = 0x0200,
	ES_CONTROL_LOSS_STATS = 0x0201,
	ES_CONTROL_INPUT = 0x0206,
	ES_CONTROL_TERMINATION = 0x0109,
	ES_CONTROL_RUMBLE = 0x010b,
	ES_CONTROL_HDR = 0x010e,
	ES_CONTROL_INVALIDATE = 0x0301,
	ES_CONTROL_IDR = 0x0302,
	ES_CONTROL_START_B = 0x0307,
	ES_CONTROL_LTR_ACK = 0x0350,
	ES_CONTROL_TRIGGER_RUMBLE = 0x5500,
	ES_CONTROL_MOTION_REQUEST = 0x5501,
	ES_CONTROL_FEC_STATUS = 0x5502, // from the client
	ES_CONTROL_LED = 0x5502, // to the client
	ES_CONTROL_TRIGGER_EFFECT = 0x5503,
};

#define ES_TERMINATE_GRACEFUL UINT32_C(0x80030023)
#define ES_TERMINATE_PROTECTED UINT32_C(0x800e9302)
#define ES_TERMINATE_ENCODER UINT32_C(0x800e9403)

// One end of the control stream's encryption: a counter out, a replay window in.
struct es_control_crypt {
	struct es_gcm *gcm; // owned
	bool legacy; // no control v2
	char sends, receives; // 'H' and 'C' at the host, the other way round at a client
	uint64_t next_sequence; // to send; never past 2^32 - 1
	bool received_any;
	uint32_t newest; // received
	uint64_t window[ES_CONTROL_WINDOW / 64];
};
bool control_crypt_init(struct es_control_crypt *crypt, const uint8_t key[ES_KEY_SIZE], bool legacy,
		bool is_host); // false: no memory
void control_crypt_finish(struct es_control_crypt *crypt);

// Bytes written, 0: no room, too long a payload, or the counter is used up (the session must end).
size_t control_seal(struct es_control_crypt *crypt, uint16_t type, const void *payload, size_t size,
		void *out, size_t cap);

enum es_control_opened {
	ES_CONTROL_OPENED,
	ES_CONTROL_MALFORMED,
	ES_CONTROL_FORGED,
	ES_CONTROL_REPLAYED
};
struct es_control_msg {
	uint16_t type;
	uint32_t sequence;
	uint8_t payload[ES_CONTROL_MAX_PAYLOAD];
	size_t size;
};
// A replay is told only of an authentic message; forged ones leave the window as it is. In legacy mode
// only the sequence's lowest byte is authentic, so the window holds up nobody who can write packets.
enum es_control_opened control_open(
		struct es_control_crypt *crypt, struct es_control_msg *msg, const void *data, size_t size);

// --- payloads

struct es_fec_status {
	uint32_t frame;
	uint16_t highest_sequence, next_contiguous, missing_before_highest;
	uint16_t total_data, total_parity, received_data, received_parity;
	uint8_t percent, block_index, block_count;
};
// False: malformed, or more received than sent. total_data is never 0.
bool control_parse_fec_status(struct es_fec_status *status, const struct es_control_msg *msg);
// Frame indices; false if malformed or first > last.
bool control_parse_invalidate(uint32_t *first, uint32_t *last, const struct es_control_msg *msg);

// Each returns the bytes of the payload written to out (32 bytes are always enough).
size_t control_put_termination(uint8_t *out, uint32_t code);
size_t control_put_rumble(uint8_t *out, uint16_t pad, uint16_t low, uint16_t high);
size_t control_put_trigger_rumble(uint8_t *out, uint16_t pad, uint16_t left, uint16_t right);
size_t control_put_motion_request(uint8_t *out, uint16_t pad, uint16_t rate_hz, uint8_t type);
size_t control_put_led(uint8_t *out, uint16_t pad, uint8_t red, uint8_t green, uint8_t blue);
// sides: 4 right, 8 left; the parameters are 10 bytes each.
size_t control_put_trigger_effect(uint8_t *out, uint16_t pad, uint8_t sides, uint8_t left_type,
		uint8_t right_type, const uint8_t *left, const uint8_t *right);
// What a client sends (for tests).
size_t control_put_fec_status(uint8_t *out, const struct es_fec_status *status);
size_t control_put_invalidate(uint8_t *out, uint32_t first, uint32_t last);
