// From a GameStream client's input packets to messages on the device link. Knows what the client holds
// down, so that nothing stays down after it, and releases nothing that was never pressed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/input_msg.h"
#include "stream/client_pads.h"
#include "stream/device_queue.h"

#define ES_INPUT_N_KEYS 0x300
#define ES_INPUT_MAX_FINGERS 16

struct es_client_input {
	struct es_device_queue queue;
	bool keys[ES_INPUT_N_KEYS]; // evdev codes
	bool buttons[8]; // from BTN_LEFT on
	bool finger_down[ES_INPUT_MAX_FINGERS];
	uint32_t finger_ids[ES_INPUT_MAX_FINGERS];
	bool pen_near, pen_down;
	struct es_device_msg pen; // what was said of it last
	struct es_client_pads pads;
};

// The display's end of the device link is attached to the queue later.
void client_input_init(struct es_client_input *input);
void client_input_finish(struct es_client_input *input); // releases everything
// Takes fd over.
void client_input_attach(struct es_client_input *input, int fd);

void client_input_put(struct es_client_input *input, const struct es_input *event);
void client_input_release_all(struct es_client_input *input);
