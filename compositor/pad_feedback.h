// What a pad is to do, on its way to the viewer: only the latest of each kind counts, so that an app that
// writes a thousand times a second costs no more than one that writes seldom.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/device_msg.h"

enum es_pad_feedback_slot {
	ES_PAD_SLOT_RUMBLE,
	ES_PAD_SLOT_TRIGGER_RUMBLE,
	ES_PAD_SLOT_LED,
	ES_PAD_SLOT_ACCELEROMETER,
	ES_PAD_SLOT_GYROSCOPE,
	ES_PAD_SLOT_EFFECT,
	ES_PAD_SLOT_COUNT,
};

#define ES_PAD_FEEDBACK_SIZE 48 // bytes of any message of this kind on the link

struct es_pad_feedback {
	uint8_t messages[ES_PAD_SLOT_COUNT][ES_PAD_FEEDBACK_SIZE]; // encoded
	uint8_t sizes[ES_PAD_SLOT_COUNT]; // 0: never told
	bool waits[ES_PAD_SLOT_COUNT];
};

void pad_feedback_put(struct es_pad_feedback *feedback, const struct es_device_msg *msg);
// For a viewer that knows nothing yet.
void pad_feedback_repeat(struct es_pad_feedback *feedback);
// The next that waits, decoded; false: none. It waits until pad_feedback_sent.
bool pad_feedback_next(
		const struct es_pad_feedback *feedback, struct es_device_msg *msg, size_t *slot);
void pad_feedback_sent(struct es_pad_feedback *feedback, size_t slot);
