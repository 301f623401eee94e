#include "tests/clients/moon/input_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/input_msg.h"

static bool parse_press(const char *text, bool *pressed) {
	*pressed = strcmp(text, "down") == 0;
	return *pressed || strcmp(text, "up") == 0;
}

bool input_touch_event(const char *text, enum es_input_touch_event *event) {
	static const char *const names[] = {
			[ES_INPUT_HOVER] = "hover",
			[ES_INPUT_DOWN] = "down",
			[ES_INPUT_UP] = "up",
			[ES_INPUT_MOVE] = "move",
			[ES_INPUT_CANCEL] = "cancel",
			[ES_INPUT_BUTTON_ONLY] = "button",
			[ES_INPUT_HOVER_LEAVE] = "leave",
			[ES_INPUT_CANCEL_ALL] = "cancel-all",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*event = (enum es_input_touch_event)i;
			return true;
		}
	}
	return false;
}

static bool parse_key(const char *line, struct es_input *input) {
	unsigned int vk, modifiers = 0;
	char press[8];
	if (sscanf(line, "key %i %7s %i", (int *)&vk, press, (int *)&modifiers) < 2) {
		return false;
	}
	input->type = ES_INPUT_KEY;
	input->key.vk = (uint8_t)vk;
	input->key.modifiers = (uint8_t)modifiers;
	return parse_press(press, &input->key.pressed);
}

static bool parse_mouse(const char *line, struct es_input *input) {
	char press[8];
	int a, b;
	if (sscanf(line, "mouse rel %d %d", &a, &b) == 2) {
		input->type = ES_INPUT_MOUSE_MOVE;
		input->move.dx = (int16_t)a;
		input->move.dy = (int16_t)b;
		return true;
	}
	if (sscanf(line, "button %d %7s", &a, press) == 2) {
		input->type = ES_INPUT_MOUSE_BUTTON;
		input->button.button = (uint8_t)a;
		return parse_press(press, &input->button.pressed);
	}
	bool vertical = sscanf(line, "wheel %d", &a) == 1;
	if (vertical || sscanf(line, "hwheel %d", &a) == 1) {
		input->type = vertical ? ES_INPUT_WHEEL : ES_INPUT_HWHEEL;
		input->wheel.amount = (int16_t)a;
		return true;
	}
	return false;
}

static bool parse_touch(const char *line, struct es_input *input) {
	char event[16];
	unsigned int id, tool, buttons, rotation = 0xffff, tilt = 0xff;
	float x, y, pressure;
	input->touch.rotation = 0xffff;
	input->touch.tilt = 0xff;
	if (sscanf(line, "touch %15s %u %f %f %f", event, &id, &x, &y, &pressure) == 5) {
		input->type = ES_INPUT_TOUCH;
		input->touch.id = id;
	} else if (sscanf(line, "pen %15s %u %u %f %f %f %u %u", event, &tool, &buttons, &x, &y,
					   &pressure, &rotation, &tilt) >= 6) {
		input->type = ES_INPUT_PEN;
		input->touch.tool = (uint8_t)tool;
		input->touch.buttons = (uint8_t)buttons;
		input->touch.rotation = (uint16_t)rotation;
		input->touch.tilt = (uint8_t)tilt;
	} else {
		return false;
	}
	input->touch.x = x;
	input->touch.y = y;
	input->touch.pressure = pressure;
	return input_touch_event(event, &input->touch.event);
}

static void choose_way(const struct es_input *input, enum es_moon_channel *channel,
		enum es_moon_delivery *delivery) {
	static const enum es_moon_channel channels[] = {
			[ES_INPUT_KEY] = MOON_CHANNEL_KEYBOARD,
			[ES_INPUT_MOUSE_MOVE] = MOON_CHANNEL_MOUSE,
			[ES_INPUT_MOUSE_PLACE] = MOON_CHANNEL_MOUSE,
			[ES_INPUT_MOUSE_BUTTON] = MOON_CHANNEL_MOUSE,
			[ES_INPUT_WHEEL] = MOON_CHANNEL_MOUSE,
			[ES_INPUT_HWHEEL] = MOON_CHANNEL_MOUSE,
			[ES_INPUT_TEXT] = MOON_CHANNEL_TEXT,
			[ES_INPUT_TOUCH] = MOON_CHANNEL_TOUCH,
			[ES_INPUT_PEN] = MOON_CHANNEL_PEN,
	};
	bool moves = (input->type == ES_INPUT_TOUCH || input->type == ES_INPUT_PEN) &&
			(input->touch.event == ES_INPUT_MOVE || input->touch.event == ES_INPUT_HOVER);
	*channel = channels[input->type];
	*delivery = moves ? MOON_UNRELIABLE : MOON_RELIABLE;
}

static void put16(uint8_t *p, int value) {
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

// Written here, not by input_put, which knows places of 1/65535 only.
static size_t put_place(uint8_t *out, int x, int y, int width, int height) {
	static const uint8_t header[18] = {0, 0, 0, 14, 5, 0, 0, 0};
	memcpy(out, header, sizeof(header));
	put16(out + 8, x);
	put16(out + 10, y);
	put16(out + 14, width - 1);
	put16(out + 16, height - 1);
	return sizeof(header);
}

size_t input_packet(const char *line, uint8_t *out, enum es_moon_channel *channel,
		enum es_moon_delivery *delivery) {
	struct es_input input = {0};
	int x, y, width, height;
	if (sscanf(line, "mouse abs %d %d %d %d", &x, &y, &width, &height) == 4) {
		*channel = MOON_CHANNEL_MOUSE;
		*delivery = MOON_RELIABLE;
		return put_place(out, x, y, width, height);
	}
	if (!parse_key(line, &input) && !parse_mouse(line, &input) && !parse_touch(line, &input)) {
		return 0;
	}
	choose_way(&input, channel, delivery);
	return input_put(out, &input, 0, 0);
}

// One packet for each code point, as Moonlight sends them.
static bool send_text(struct es_moon_control *control, const char *text) {
	while (*text != '\0') {
		struct es_input input = {.type = ES_INPUT_TEXT};
		uint8_t packet[ES_INPUT_MAX_SIZE];
		size_t length = 1;
		while ((text[length] & 0xc0) == 0x80 && length < 4) {
			length++;
		}
		memcpy(input.text.utf8, text, length);
		size_t size = input_put(packet, &input, 0, 0);
		if (size == 0 ||
				!control_send(control, MOON_CHANNEL_TEXT, MOON_RELIABLE, ES_CONTROL_INPUT, packet,
						size)) {
			return false;
		}
		text += length;
	}
	return true;
}

bool input_command(struct es_moon_control *control, const char *line) {
	uint8_t packet[ES_INPUT_MAX_SIZE];
	enum es_moon_channel channel;
	enum es_moon_delivery delivery;
	if (strncmp(line, "text ", 5) == 0) {
		return send_text(control, line + 5);
	}
	size_t size = input_packet(line, packet, &channel, &delivery);
	return size > 0 && control_send(control, channel, delivery, ES_CONTROL_INPUT, packet, size);
}
