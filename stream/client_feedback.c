#include "stream/client_feedback.h"

#include "protocol/control_msg.h"

size_t client_feedback_put(
		const struct es_device_msg *msg, uint16_t *type, uint8_t out[ES_CLIENT_FEEDBACK_SIZE]) {
	switch (msg->type) {
	case ES_DEVICE_RUMBLE:
		*type = ES_CONTROL_RUMBLE;
		return control_put_rumble(out, msg->rumble.pad, msg->rumble.low, msg->rumble.high);
	case ES_DEVICE_TRIGGER_RUMBLE:
		*type = ES_CONTROL_TRIGGER_RUMBLE;
		return control_put_trigger_rumble(
				out, msg->trigger_rumble.pad, msg->trigger_rumble.left, msg->trigger_rumble.right);
	case ES_DEVICE_MOTION_REQUEST:
		*type = ES_CONTROL_MOTION_REQUEST;
		return control_put_motion_request(out, msg->motion_request.pad, msg->motion_request.rate_hz,
				msg->motion_request.sensor);
	case ES_DEVICE_LED:
		*type = ES_CONTROL_LED;
		return control_put_led(out, msg->led.pad, msg->led.red, msg->led.green, msg->led.blue);
	case ES_DEVICE_TRIGGER_EFFECT:
		*type = ES_CONTROL_TRIGGER_EFFECT;
		return control_put_trigger_effect(out, msg->trigger_effect.pad, msg->trigger_effect.sides,
				msg->trigger_effect.left_type, msg->trigger_effect.right_type,
				msg->trigger_effect.left, msg->trigger_effect.right);
	default:
		return 0;
	}
}
