#include "protocol/device_msg_pad.h"

static void put_le16s(struct es_writer *w, int16_t v) {
	put_le16(w, (uint16_t)v);
}

static int16_t get_le16s(struct es_reader *r) {
	return (int16_t)get_le16(r);
}

bool pad_arrival_valid(const struct es_device_msg *msg) {
	return msg->pad_arrival.pad < ES_DEVICE_MAX_PADS && msg->pad_arrival.type <= ES_PAD_TYPE_STEAM;
}

void put_pad_arrival(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->pad_arrival.pad);
	put_u8(w, (uint8_t)msg->pad_arrival.type);
	put_le16(w, msg->pad_arrival.capabilities);
}

void get_pad_arrival(struct es_reader *r, struct es_device_msg *msg) {
	msg->pad_arrival.pad = get_u8(r);
	msg->pad_arrival.type = get_u8(r);
	msg->pad_arrival.capabilities = get_le16(r);
}

bool pad_removal_valid(const struct es_device_msg *msg) {
	return msg->pad_removal.pad < ES_DEVICE_MAX_PADS;
}

void put_pad_removal(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->pad_removal.pad);
}

void get_pad_removal(struct es_reader *r, struct es_device_msg *msg) {
	msg->pad_removal.pad = get_u8(r);
}

bool pad_state_valid(const struct es_device_msg *msg) {
	return msg->pad_state.pad < ES_DEVICE_MAX_PADS;
}

void put_pad_state(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->pad_state.pad);
	put_le32(w, msg->pad_state.buttons);
	put_u8(w, msg->pad_state.left_trigger);
	put_u8(w, msg->pad_state.right_trigger);
	put_le16s(w, msg->pad_state.lx);
	put_le16s(w, msg->pad_state.ly);
	put_le16s(w, msg->pad_state.rx);
	put_le16s(w, msg->pad_state.ry);
}

void get_pad_state(struct es_reader *r, struct es_device_msg *msg) {
	msg->pad_state.pad = get_u8(r);
	msg->pad_state.buttons = get_le32(r);
	msg->pad_state.left_trigger = get_u8(r);
	msg->pad_state.right_trigger = get_u8(r);
	msg->pad_state.lx = get_le16s(r);
	msg->pad_state.ly = get_le16s(r);
	msg->pad_state.rx = get_le16s(r);
	msg->pad_state.ry = get_le16s(r);
}

bool pad_touch_valid(const struct es_device_msg *msg) {
	return msg->pad_touch.pad < ES_DEVICE_MAX_PADS && msg->pad_touch.phase >= ES_TOUCH_DOWN &&
			msg->pad_touch.phase <= ES_TOUCH_CANCEL;
}

void put_pad_touch(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->pad_touch.pad);
	put_u8(w, msg->pad_touch.touchpad);
	put_u8(w, (uint8_t)msg->pad_touch.phase);
	put_le32(w, msg->pad_touch.id);
	put_le16(w, msg->pad_touch.x);
	put_le16(w, msg->pad_touch.y);
}

void get_pad_touch(struct es_reader *r, struct es_device_msg *msg) {
	msg->pad_touch.pad = get_u8(r);
	msg->pad_touch.touchpad = get_u8(r);
	msg->pad_touch.phase = get_u8(r);
	msg->pad_touch.id = get_le32(r);
	msg->pad_touch.x = get_le16(r);
	msg->pad_touch.y = get_le16(r);
}

static bool motion_within(int32_t v) {
	return v >= -ES_PAD_MAX_MOTION && v <= ES_PAD_MAX_MOTION;
}

bool pad_motion_valid(const struct es_device_msg *msg) {
	return msg->pad_motion.pad < ES_DEVICE_MAX_PADS &&
			msg->pad_motion.sensor >= ES_PAD_ACCELEROMETER &&
			msg->pad_motion.sensor <= ES_PAD_GYROSCOPE && motion_within(msg->pad_motion.x) &&
			motion_within(msg->pad_motion.y) && motion_within(msg->pad_motion.z);
}

void put_pad_motion(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->pad_motion.pad);
	put_u8(w, (uint8_t)msg->pad_motion.sensor);
	put_le32s(w, msg->pad_motion.x);
	put_le32s(w, msg->pad_motion.y);
	put_le32s(w, msg->pad_motion.z);
}

void get_pad_motion(struct es_reader *r, struct es_device_msg *msg) {
	msg->pad_motion.pad = get_u8(r);
	msg->pad_motion.sensor = get_u8(r);
	msg->pad_motion.x = get_le32s(r);
	msg->pad_motion.y = get_le32s(r);
	msg->pad_motion.z = get_le32s(r);
}

bool pad_battery_valid(const struct es_device_msg *msg) {
	return msg->pad_battery.pad < ES_DEVICE_MAX_PADS &&
			msg->pad_battery.state <= ES_PAD_BATTERY_FULL &&
			(msg->pad_battery.percent <= 100 || msg->pad_battery.percent == ES_PAD_PERCENT_UNKNOWN);
}

void put_pad_battery(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->pad_battery.pad);
	put_u8(w, (uint8_t)msg->pad_battery.state);
	put_u8(w, msg->pad_battery.percent);
}

void get_pad_battery(struct es_reader *r, struct es_device_msg *msg) {
	msg->pad_battery.pad = get_u8(r);
	msg->pad_battery.state = get_u8(r);
	msg->pad_battery.percent = get_u8(r);
}

bool rumble_valid(const struct es_device_msg *msg) {
	return msg->rumble.pad < ES_DEVICE_MAX_PADS;
}

void put_rumble(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->rumble.pad);
	put_le16(w, msg->rumble.low);
	put_le16(w, msg->rumble.high);
}

void get_rumble(struct es_reader *r, struct es_device_msg *msg) {
	msg->rumble.pad = get_u8(r);
	msg->rumble.low = get_le16(r);
	msg->rumble.high = get_le16(r);
}

bool led_valid(const struct es_device_msg *msg) {
	return msg->led.pad < ES_DEVICE_MAX_PADS;
}

void put_led(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->led.pad);
	put_u8(w, msg->led.red);
	put_u8(w, msg->led.green);
	put_u8(w, msg->led.blue);
}

void get_led(struct es_reader *r, struct es_device_msg *msg) {
	msg->led.pad = get_u8(r);
	msg->led.red = get_u8(r);
	msg->led.green = get_u8(r);
	msg->led.blue = get_u8(r);
}

bool motion_request_valid(const struct es_device_msg *msg) {
	return msg->motion_request.pad < ES_DEVICE_MAX_PADS && msg->motion_request.sensor >= 1 &&
			msg->motion_request.sensor <= 2;
}

void put_motion_request(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->motion_request.pad);
	put_u8(w, msg->motion_request.sensor);
	put_le16(w, msg->motion_request.rate_hz);
}

void get_motion_request(struct es_reader *r, struct es_device_msg *msg) {
	msg->motion_request.pad = get_u8(r);
	msg->motion_request.sensor = get_u8(r);
	msg->motion_request.rate_hz = get_le16(r);
}

bool trigger_rumble_valid(const struct es_device_msg *msg) {
	return msg->trigger_rumble.pad < ES_DEVICE_MAX_PADS;
}

void put_trigger_rumble(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->trigger_rumble.pad);
	put_le16(w, msg->trigger_rumble.left);
	put_le16(w, msg->trigger_rumble.right);
}

void get_trigger_rumble(struct es_reader *r, struct es_device_msg *msg) {
	msg->trigger_rumble.pad = get_u8(r);
	msg->trigger_rumble.left = get_le16(r);
	msg->trigger_rumble.right = get_le16(r);
}

bool trigger_effect_valid(const struct es_device_msg *msg) {
	return msg->trigger_effect.pad < ES_DEVICE_MAX_PADS &&
			(msg->trigger_effect.sides & ~(ES_PAD_EFFECT_LEFT | ES_PAD_EFFECT_RIGHT)) == 0;
}

void put_trigger_effect(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, msg->trigger_effect.pad);
	put_u8(w, msg->trigger_effect.sides);
	put_u8(w, msg->trigger_effect.left_type);
	put_u8(w, msg->trigger_effect.right_type);
	put_bytes(w, msg->trigger_effect.left, sizeof(msg->trigger_effect.left));
	put_bytes(w, msg->trigger_effect.right, sizeof(msg->trigger_effect.right));
}

void get_trigger_effect(struct es_reader *r, struct es_device_msg *msg) {
	msg->trigger_effect.pad = get_u8(r);
	msg->trigger_effect.sides = get_u8(r);
	msg->trigger_effect.left_type = get_u8(r);
	msg->trigger_effect.right_type = get_u8(r);
	get_bytes(r, msg->trigger_effect.left, sizeof(msg->trigger_effect.left));
	get_bytes(r, msg->trigger_effect.right, sizeof(msg->trigger_effect.right));
}
