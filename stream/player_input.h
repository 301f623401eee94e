// From a browser's player to the device link: its messages are the link's own, and the display keeps
// count of what is held down. Knows its gamepads, so that a display that has missed something is told of
// them again.
#pragma once

#include <stdbool.h>

#include "protocol/device_msg.h"
#include "stream/device_queue.h"

struct es_player_input {
	struct es_device_queue queue;
	struct es_device_msg pads[ES_DEVICE_MAX_PADS]; // their arrivals; type 0: not there
	bool told[ES_DEVICE_MAX_PADS]; // the display knows
};

void player_input_init(struct es_player_input *input);
void player_input_finish(struct es_player_input *input); // releases everything
// Takes fd over.
void player_input_attach(struct es_player_input *input, int fd);
// One that player_msg.h allows as INPUT.
void player_input_put(struct es_player_input *input, const struct es_device_msg *msg);
void player_input_release_all(struct es_player_input *input);
