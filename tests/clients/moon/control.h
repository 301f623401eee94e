// The client's control stream: ENet with encrypted messages.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/control_msg.h"

struct es_moon_control;

enum es_moon_channel {
	MOON_CHANNEL_GENERIC = 0,
	MOON_CHANNEL_URGENT = 1,
	MOON_CHANNEL_KEYBOARD = 2,
	MOON_CHANNEL_MOUSE = 3,
	MOON_CHANNEL_PEN = 4,
	MOON_CHANNEL_TOUCH = 5,
	MOON_CHANNEL_TEXT = 6,
};
enum es_moon_delivery { MOON_RELIABLE, MOON_UNRELIABLE, MOON_UNSEQUENCED };

struct es_moon_control_stats {
	uint64_t received, malformed, forged, replayed;
};

// Connects and waits for it, at most 10 s. NULL after a message.
struct es_moon_control *control_connect(const char *host, uint16_t port, uint32_t connect_data,
		const uint8_t key[ES_KEY_SIZE], bool legacy);
void control_destroy(struct es_moon_control *control); // NULL is fine
// Says goodbye and waits for the answer, at most 2 s.
void control_leave(struct es_moon_control *control);

int control_fd(const struct es_moon_control *control);
bool control_send(struct es_moon_control *control, enum es_moon_channel channel,
		enum es_moon_delivery delivery, uint16_t type, const void *payload, size_t size);
// As control_send, but sealed with another key, or the bytes of the last input message again.
bool control_send_forged(
		struct es_moon_control *control, uint16_t type, const void *payload, size_t size);
bool control_send_replay(struct es_moon_control *control);

enum es_moon_event { MOON_NOTHING, MOON_MESSAGE, MOON_DISCONNECTED };
// Sends what is due; what came, one at a time until NOTHING.
enum es_moon_event control_next(struct es_moon_control *control, struct es_control_msg *msg);
const struct es_moon_control_stats *control_stats(const struct es_moon_control *control);
