#include "stream/player_input.h"

#include <string.h>

static void forget(struct es_player_input *input) {
	memset(input->told, 0, sizeof(input->told));
}

void player_input_init(struct es_player_input *input) {
	memset(input, 0, sizeof(*input));
	device_queue_init(&input->queue);
}

void player_input_finish(struct es_player_input *input) {
	player_input_release_all(input);
	device_queue_finish(&input->queue);
}

void player_input_attach(struct es_player_input *input, int fd) {
	forget(input);
	device_queue_attach(&input->queue, fd);
}

static bool put(struct es_player_input *input, const struct es_device_msg *msg) {
	bool ok = device_queue_put(&input->queue, msg);
	if (!ok) {
		forget(input);
	}
	return ok;
}

// Of a pad that has arrived; one that the display does not know is told first.
static bool introduce(struct es_player_input *input, uint8_t pad) {
	if (input->pads[pad].type != ES_DEVICE_PAD_ARRIVAL) {
		return false;
	}
	if (!input->told[pad]) {
		input->told[pad] = put(input, &input->pads[pad]);
	}
	return input->told[pad];
}

static void put_pad(struct es_player_input *input, const struct es_device_msg *msg, uint8_t pad) {
	if (introduce(input, pad)) {
		put(input, msg);
	}
}

static void remove_pad(struct es_player_input *input, const struct es_device_msg *msg) {
	uint8_t pad = msg->pad_removal.pad;
	if (input->told[pad]) {
		put(input, msg);
	}
	input->told[pad] = false;
	input->pads[pad] = (struct es_device_msg){0};
}

void player_input_put(struct es_player_input *input, const struct es_device_msg *msg) {
	switch (msg->type) {
	case ES_DEVICE_RELEASE_ALL:
		player_input_release_all(input);
		return;
	case ES_DEVICE_PAD_ARRIVAL:
		input->pads[msg->pad_arrival.pad] = *msg;
		input->told[msg->pad_arrival.pad] = false;
		introduce(input, msg->pad_arrival.pad);
		return;
	case ES_DEVICE_PAD_REMOVAL:
		remove_pad(input, msg);
		return;
	case ES_DEVICE_PAD_STATE:
		put_pad(input, msg, msg->pad_state.pad);
		return;
	case ES_DEVICE_PAD_TOUCH:
		put_pad(input, msg, msg->pad_touch.pad);
		return;
	case ES_DEVICE_PAD_MOTION:
		put_pad(input, msg, msg->pad_motion.pad);
		return;
	case ES_DEVICE_PAD_BATTERY:
		put_pad(input, msg, msg->pad_battery.pad);
		return;
	default:
		put(input, msg);
		return;
	}
}

void player_input_release_all(struct es_player_input *input) {
	forget(input);
	put(input, &(struct es_device_msg){.type = ES_DEVICE_RELEASE_ALL});
}
