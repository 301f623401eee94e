// What a client's gamepad is to do, from the device link's message to the control stream's.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "protocol/device_msg.h"

#define ES_CLIENT_FEEDBACK_SIZE 32

// Bytes of the payload; 0: the message is about something else.
size_t client_feedback_put(
		const struct es_device_msg *msg, uint16_t *type, uint8_t out[ES_CLIENT_FEEDBACK_SIZE]);
