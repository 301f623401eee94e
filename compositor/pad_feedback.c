#include "compositor/pad_feedback.h"

#include <string.h>

static int find_slot(const struct es_device_msg *msg) {
	switch (msg->type) {
	case ES_DEVICE_RUMBLE:
		return ES_PAD_SLOT_RUMBLE;
	case ES_DEVICE_TRIGGER_RUMBLE:
		return ES_PAD_SLOT_TRIGGER_RUMBLE;
	case ES_DEVICE_LED:
		return ES_PAD_SLOT_LED;
	case ES_DEVICE_MOTION_REQUEST:
		return msg->motion_request.sensor == ES_PAD_ACCELEROMETER ? ES_PAD_SLOT_ACCELEROMETER
																  : ES_PAD_SLOT_GYROSCOPE;
	case ES_DEVICE_TRIGGER_EFFECT:
		return ES_PAD_SLOT_EFFECT;
	default:
		return -1;
	}
}

// An effect for one trigger leaves the other's as it was.
static void keep_other_trigger(
		const struct es_pad_feedback *feedback, struct es_device_msg *effect) {
	struct es_device_msg before;
	if (!device_msg_decode(&before, feedback->messages[ES_PAD_SLOT_EFFECT],
				feedback->sizes[ES_PAD_SLOT_EFFECT], 0)) {
		return;
	}
	uint8_t kept = before.trigger_effect.sides & (uint8_t)~effect->trigger_effect.sides;
	effect->trigger_effect.sides |= kept;
	if ((kept & ES_PAD_EFFECT_LEFT) != 0) {
		effect->trigger_effect.left_type = before.trigger_effect.left_type;
		memcpy(effect->trigger_effect.left, before.trigger_effect.left, ES_PAD_EFFECT_SIZE);
	}
	if ((kept & ES_PAD_EFFECT_RIGHT) != 0) {
		effect->trigger_effect.right_type = before.trigger_effect.right_type;
		memcpy(effect->trigger_effect.right, before.trigger_effect.right, ES_PAD_EFFECT_SIZE);
	}
}

void pad_feedback_put(struct es_pad_feedback *feedback, const struct es_device_msg *msg) {
	int slot = find_slot(msg);
	if (slot < 0) {
		return;
	}
	struct es_device_msg effect;
	if (slot == ES_PAD_SLOT_EFFECT && feedback->sizes[slot] > 0) {
		effect = *msg;
		keep_other_trigger(feedback, &effect);
		msg = &effect;
	}
	uint8_t data[ES_PAD_FEEDBACK_SIZE];
	size_t size = device_msg_encode(msg, data, sizeof(data));
	if (size == 0 ||
			(size == feedback->sizes[slot] && memcmp(data, feedback->messages[slot], size) == 0)) {
		return;
	}
	memcpy(feedback->messages[slot], data, size);
	feedback->sizes[slot] = (uint8_t)size;
	feedback->waits[slot] = true;
}

void pad_feedback_repeat(struct es_pad_feedback *feedback) {
	for (size_t i = 0; i < ES_PAD_SLOT_COUNT; i++) {
		feedback->waits[i] = feedback->sizes[i] > 0;
	}
}

bool pad_feedback_next(
		const struct es_pad_feedback *feedback, struct es_device_msg *msg, size_t *slot) {
	for (size_t i = 0; i < ES_PAD_SLOT_COUNT; i++) {
		if (feedback->waits[i] &&
				device_msg_decode(msg, feedback->messages[i], feedback->sizes[i], 0)) {
			*slot = i;
			return true;
		}
	}
	return false;
}

void pad_feedback_sent(struct es_pad_feedback *feedback, size_t slot) {
	feedback->waits[slot] = false;
}
