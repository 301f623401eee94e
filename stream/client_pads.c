#include "stream/client_pads.h"

#include <math.h>
#include <string.h>

void client_pads_forget(struct es_client_pads *pads) {
	memset(pads->told, 0, sizeof(pads->told));
}

static bool tell_arrival(struct es_client_pads *pads, struct es_device_queue *queue, uint8_t pad) {
	struct es_device_msg msg = {
			.type = ES_DEVICE_PAD_ARRIVAL,
			.pad_arrival = {pad, pads->types[pad], pads->capabilities[pad]},
	};
	pads->there[pad] = true;
	pads->told[pad] = device_queue_put(queue, &msg);
	return pads->told[pad];
}

static bool tell_removal(struct es_client_pads *pads, struct es_device_queue *queue, uint8_t pad) {
	struct es_device_msg msg = {.type = ES_DEVICE_PAD_REMOVAL, .pad_removal = {pad}};
	if (!device_queue_put(queue, &msg)) {
		return false; // again with the next state
	}
	pads->there[pad] = pads->told[pad] = false;
	return true;
}

static bool take_arrival(
		struct es_client_pads *pads, struct es_device_queue *queue, const struct es_input *event) {
	uint8_t pad = event->pad_arrival.pad;
	pads->types[pad] = (enum es_pad_type)event->pad_arrival.type;
	pads->capabilities[pad] = event->pad_arrival.capabilities;
	return tell_arrival(pads, queue, pad);
}

static bool is_active(const struct es_input *event, unsigned int pad) {
	return (event->pad_state.active_mask >> pad & 1) != 0;
}

// Clients say only here that a pad has gone; older ones, that one has come.
static bool follow_mask(
		struct es_client_pads *pads, struct es_device_queue *queue, const struct es_input *event) {
	uint8_t subject = (uint8_t)event->pad_state.pad;
	for (uint8_t pad = 0; pad < ES_DEVICE_MAX_PADS; pad++) {
		if (pads->there[pad] && !is_active(event, pad) && !tell_removal(pads, queue, pad)) {
			return false;
		}
	}
	if (!is_active(event, subject) || pads->told[subject]) {
		return true;
	}
	if (!pads->there[subject]) {
		pads->types[subject] = ES_PAD_TYPE_UNKNOWN;
		pads->capabilities[subject] = ES_PAD_HAS_ANALOG_TRIGGERS | ES_PAD_HAS_RUMBLE;
	}
	return tell_arrival(pads, queue, subject);
}

static bool take_state(
		struct es_client_pads *pads, struct es_device_queue *queue, const struct es_input *event) {
	if (!follow_mask(pads, queue, event)) {
		return false;
	}
	if (!is_active(event, event->pad_state.pad)) {
		return true;
	}
	struct es_device_msg msg = {
			.type = ES_DEVICE_PAD_STATE,
			.pad_state =
					{
							.pad = (uint8_t)event->pad_state.pad,
							.buttons = event->pad_state.buttons,
							.left_trigger = event->pad_state.left_trigger,
							.right_trigger = event->pad_state.right_trigger,
							.lx = event->pad_state.lx,
							.ly = event->pad_state.ly,
							.rx = event->pad_state.rx,
							.ry = event->pad_state.ry,
					},
	};
	return device_queue_put(queue, &msg);
}

static bool find_phase(uint8_t event, enum es_touch_phase *phase) {
	switch (event) {
	case ES_INPUT_DOWN:
		*phase = ES_TOUCH_DOWN;
		return true;
	case ES_INPUT_MOVE:
		*phase = ES_TOUCH_MOTION;
		return true;
	case ES_INPUT_UP:
	case ES_INPUT_CANCEL:
		*phase = ES_TOUCH_UP;
		return true;
	case ES_INPUT_CANCEL_ALL:
		*phase = ES_TOUCH_CANCEL;
		return true;
	default:
		return false;
	}
}

static uint16_t to_u16(float unit) {
	return (uint16_t)(unit * UINT16_MAX + 0.5f);
}

static bool take_touch(struct es_device_queue *queue, const struct es_input *event) {
	struct es_device_msg msg = {
			.type = ES_DEVICE_PAD_TOUCH,
			.pad_touch =
					{
							.pad = event->pad_touch.pad,
							.touchpad = event->pad_touch.touchpad,
							.id = event->pad_touch.id,
							.x = to_u16(event->pad_touch.x),
							.y = to_u16(event->pad_touch.y),
					},
	};
	return !find_phase(event->pad_touch.event, &msg.pad_touch.phase) ||
			device_queue_put(queue, &msg);
}

static bool take_motion(struct es_device_queue *queue, const struct es_input *event) {
	struct es_device_msg msg = {
			.type = ES_DEVICE_PAD_MOTION,
			.pad_motion =
					{
							.pad = event->pad_motion.pad,
							.sensor = (enum es_pad_sensor)event->pad_motion.type,
							.x = (int32_t)lrintf(event->pad_motion.x * 1000),
							.y = (int32_t)lrintf(event->pad_motion.y * 1000),
							.z = (int32_t)lrintf(event->pad_motion.z * 1000),
					},
	};
	return device_queue_put(queue, &msg);
}

static bool take_battery(struct es_device_queue *queue, const struct es_input *event) {
	struct es_device_msg msg = {
			.type = ES_DEVICE_PAD_BATTERY,
			.pad_battery =
					{
							.pad = event->pad_battery.pad,
							.state = (enum es_pad_battery)event->pad_battery.state,
							.percent = event->pad_battery.percent,
					},
	};
	return device_queue_put(queue, &msg);
}

bool client_pads_put(
		struct es_client_pads *pads, struct es_device_queue *queue, const struct es_input *event) {
	switch (event->type) {
	case ES_INPUT_PAD_ARRIVAL:
		return take_arrival(pads, queue, event);
	case ES_INPUT_PAD_STATE:
		return take_state(pads, queue, event);
	case ES_INPUT_PAD_TOUCH:
		return !pads->told[event->pad_touch.pad] || take_touch(queue, event);
	case ES_INPUT_PAD_MOTION:
		return !pads->told[event->pad_motion.pad] || take_motion(queue, event);
	case ES_INPUT_PAD_BATTERY:
		return !pads->told[event->pad_battery.pad] || take_battery(queue, event);
	default:
		return true;
	}
}
