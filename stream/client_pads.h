// A GameStream client's gamepads on their way to the device link: which of them the display knows, and
// which have gone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/device_msg.h"
#include "protocol/input_msg.h"
#include "stream/device_queue.h"

struct es_client_pads {
	bool there[ES_DEVICE_MAX_PADS]; // the client has it
	bool told[ES_DEVICE_MAX_PADS]; // the display knows
	enum es_pad_type types[ES_DEVICE_MAX_PADS];
	uint16_t capabilities[ES_DEVICE_MAX_PADS];
};

// The display has been told nothing, or has missed something: what is there arrives once more.
void client_pads_forget(struct es_client_pads *pads);

// Events of gamepads only. Those of a pad that is not there are dropped. False: as of device_queue_put.
bool client_pads_put(
		struct es_client_pads *pads, struct es_device_queue *queue, const struct es_input *event);
