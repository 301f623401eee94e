#include "tests/clients/moon/pad_command.h"

#include <stdio.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/input_msg.h"
#include "tests/clients/moon/input_command.h"
#include "tests/clients/moon/say.h"

#define FIRST_PAD_CHANNEL 0x10
#define FIRST_SENSOR_CHANNEL 0x20

static bool send_input(
		struct es_moon_control *control, unsigned int channel, const struct es_input *input) {
	uint8_t packet[ES_INPUT_MAX_SIZE];
	size_t size = input_put(packet, input, 0, 0);
	return size > 0 &&
			control_send(control, (enum es_moon_channel)channel, MOON_RELIABLE, ES_CONTROL_INPUT,
					packet, size);
}

static bool parse_arrive(const char *line, struct es_input *input) {
	unsigned int pad, type, capabilities;
	if (sscanf(line, "pad arrive %u %u %i", &pad, &type, (int *)&capabilities) != 3) {
		return false;
	}
	input->type = ES_INPUT_PAD_ARRIVAL;
	input->pad_arrival.pad = (uint8_t)pad;
	input->pad_arrival.type = (uint8_t)type;
	input->pad_arrival.capabilities = (uint16_t)capabilities;
	return true;
}

static bool parse_state(const char *line, struct es_input *input) {
	unsigned int pad, mask, buttons, lt, rt;
	int lx, ly, rx, ry;
	if (sscanf(line, "pad state %u %i %i %u %u %d %d %d %d", &pad, (int *)&mask, (int *)&buttons,
				&lt, &rt, &lx, &ly, &rx, &ry) != 9) {
		return false;
	}
	input->type = ES_INPUT_PAD_STATE;
	input->pad_state.pad = (uint16_t)pad;
	input->pad_state.active_mask = (uint16_t)mask;
	input->pad_state.buttons = buttons;
	input->pad_state.left_trigger = (uint8_t)lt;
	input->pad_state.right_trigger = (uint8_t)rt;
	input->pad_state.lx = (int16_t)lx;
	input->pad_state.ly = (int16_t)ly;
	input->pad_state.rx = (int16_t)rx;
	input->pad_state.ry = (int16_t)ry;
	return true;
}

static bool parse_touch(const char *line, struct es_input *input) {
	unsigned int pad, touchpad, id;
	char event[16];
	float x, y, pressure;
	enum es_input_touch_event kind;
	if (sscanf(line, "pad touch %u %15s %u %u %f %f %f", &pad, event, &touchpad, &id, &x, &y,
				&pressure) != 7 ||
			!input_touch_event(event, &kind)) {
		return false;
	}
	input->type = ES_INPUT_PAD_TOUCH;
	input->pad_touch.pad = (uint8_t)pad;
	input->pad_touch.event = (uint8_t)kind;
	input->pad_touch.touchpad = (uint8_t)touchpad;
	input->pad_touch.id = id;
	input->pad_touch.x = x;
	input->pad_touch.y = y;
	input->pad_touch.pressure = pressure;
	return true;
}

static bool parse_sensor(const char *line, struct es_input *input) {
	unsigned int pad, type, percent;
	float x, y, z;
	if (sscanf(line, "pad motion %u %u %f %f %f", &pad, &type, &x, &y, &z) == 5) {
		input->type = ES_INPUT_PAD_MOTION;
		input->pad_motion.pad = (uint8_t)pad;
		input->pad_motion.type = (uint8_t)type;
		input->pad_motion.x = x;
		input->pad_motion.y = y;
		input->pad_motion.z = z;
		return true;
	}
	if (sscanf(line, "pad battery %u %u %u", &pad, &type, &percent) == 3) {
		input->type = ES_INPUT_PAD_BATTERY;
		input->pad_battery.pad = (uint8_t)pad;
		input->pad_battery.state = (uint8_t)type;
		input->pad_battery.percent = (uint8_t)percent;
		return true;
	}
	return false;
}

static bool flap(struct es_moon_control *control, unsigned int pad, unsigned int times) {
	struct es_input arrival = {.type = ES_INPUT_PAD_ARRIVAL,
			.pad_arrival = {.pad = (uint8_t)pad, .type = 1, .capabilities = 3}};
	struct es_input gone = {.type = ES_INPUT_PAD_STATE, .pad_state = {.pad = (uint16_t)pad}};
	bool ok = true;
	for (unsigned int i = 0; ok && i < times; i++) {
		ok = send_input(control, FIRST_PAD_CHANNEL + pad, &arrival) &&
				send_input(control, FIRST_PAD_CHANNEL + pad, &gone);
	}
	return ok;
}

bool pad_command(struct es_moon_control *control, const char *line) {
	struct es_input input = {0};
	unsigned int pad = 0, times;
	if (sscanf(line, "pad flap %u %u", &pad, &times) == 2) {
		return flap(control, pad % 16, times);
	}
	if (sscanf(line, "pad %*s %u", &pad) != 1) {
		return false;
	}
	if (parse_sensor(line, &input)) {
		return send_input(control, FIRST_SENSOR_CHANNEL + pad % 16, &input);
	}
	return (parse_arrive(line, &input) || parse_state(line, &input) || parse_touch(line, &input)) &&
			send_input(control, FIRST_PAD_CHANNEL + pad % 16, &input);
}

// --- what comes back

static void say_numbers(const char *event, unsigned int pad, const char *const *names,
		const unsigned int *values, size_t n) {
	say_begin(event);
	say_number("pad", pad);
	for (size_t i = 0; i < n; i++) {
		say_number(names[i], values[i]);
	}
	say_end();
}

static void say_effect(struct es_reader *r, unsigned int pad) {
	unsigned int sides = get_u8(r), left_type = get_u8(r), right_type = get_u8(r);
	uint8_t bytes[20];
	char hex[sizeof(bytes) * 2 + 1] = "";
	get_bytes(r, bytes, sizeof(bytes));
	for (size_t i = 0; r->ok && i < sizeof(bytes); i++) {
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	}
	say_begin("pad-effect");
	say_number("pad", pad);
	say_number("sides", sides);
	say_number("left_type", left_type);
	say_number("right_type", right_type);
	say_text("parameters", hex);
	say_end();
}

bool pad_say(const struct es_control_msg *msg) {
	struct es_reader r = reader_init(msg->payload, msg->size);
	unsigned int values[3];
	if (msg->type == ES_CONTROL_RUMBLE && msg->size == 10) {
		get_le32(&r);
	}
	unsigned int pad = get_le16(&r);
	if (msg->type == ES_CONTROL_RUMBLE && msg->size == 10) {
		values[0] = get_le16(&r);
		values[1] = get_le16(&r);
		say_numbers("pad-rumble", pad, (const char *const[]){"low", "high"}, values, 2);
	} else if (msg->type == ES_CONTROL_TRIGGER_RUMBLE && msg->size == 6) {
		values[0] = get_le16(&r);
		values[1] = get_le16(&r);
		say_numbers("pad-trigger-rumble", pad, (const char *const[]){"left", "right"}, values, 2);
	} else if (msg->type == ES_CONTROL_MOTION_REQUEST && msg->size == 5) {
		values[0] = get_le16(&r);
		values[1] = get_u8(&r);
		say_numbers("pad-motion", pad, (const char *const[]){"hz", "type"}, values, 2);
	} else if (msg->type == ES_CONTROL_LED && msg->size == 5) {
		values[0] = get_u8(&r);
		values[1] = get_u8(&r);
		values[2] = get_u8(&r);
		say_numbers("pad-led", pad, (const char *const[]){"red", "green", "blue"}, values, 3);
	} else if (msg->type == ES_CONTROL_TRIGGER_EFFECT && msg->size == 25) {
		say_effect(&r, pad);
	} else {
		return false;
	}
	return true;
}
