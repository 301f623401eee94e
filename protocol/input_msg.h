// Input packets of the control stream (payload of ES_CONTROL_INPUT). (Reference, section 9.) Pure.
// Everything is range-checked: floats finite and clamped, pads below 16, exact sizes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_INPUT_MAX_TEXT 32
#define ES_INPUT_MAX_SIZE 64 // bytes of any packet

enum es_input_type {
	ES_INPUT_KEY = 1,
	ES_INPUT_MOUSE_MOVE,
	ES_INPUT_MOUSE_PLACE,
	ES_INPUT_MOUSE_BUTTON,
	ES_INPUT_WHEEL,
	ES_INPUT_HWHEEL,
	ES_INPUT_TEXT,
	ES_INPUT_TOUCH,
	ES_INPUT_PEN,
	ES_INPUT_HAPTICS,
	ES_INPUT_PAD_STATE,
	ES_INPUT_PAD_ARRIVAL,
	ES_INPUT_PAD_TOUCH,
	ES_INPUT_PAD_MOTION,
	ES_INPUT_PAD_BATTERY,
};

enum es_input_touch_event {
	ES_INPUT_HOVER,
	ES_INPUT_DOWN,
	ES_INPUT_UP,
	ES_INPUT_MOVE,
	ES_INPUT_CANCEL,
	ES_INPUT_BUTTON_ONLY,
	ES_INPUT_HOVER_LEAVE,
	ES_INPUT_CANCEL_ALL,
};

#define ES_INPUT_SHIFT 1
#define ES_INPUT_CTRL 2
#define ES_INPUT_ALT 4
#define ES_INPUT_META 8

struct es_input {
	enum es_input_type type;
	union {
		struct {
			bool pressed, by_character; // not by position
			uint8_t vk; // Windows virtual-key code
			uint8_t modifiers; // ES_INPUT_SHIFT..., as the client holds them
		} key;
		struct {
			int16_t dx, dy;
		} move;
		struct {
			uint16_t x, y; // 0..65535 over the picture
		} place;
		struct {
			uint8_t button; // 1 left, 2 middle, 3 right, 4 back, 5 forward
			bool pressed;
		} button;
		struct {
			int16_t amount; // 120 a notch; positive: up, or right
		} wheel;
		struct {
			char utf8[ES_INPUT_MAX_TEXT + 1]; // without NUL inside; not checked for UTF-8
		} text;
		struct {
			enum es_input_touch_event event;
			uint8_t tool, buttons; // pen: 0 unknown, 1 pen, 2 eraser; bits 1, 2, 4
			uint32_t id;
			float x, y; // 0..1
			float pressure; // or distance when hovering, 0..1
			float major, minor;
			uint16_t rotation; // 0..359, 0xffff unknown
			uint8_t tilt; // 0..90, 0xff unknown
		} touch; // and pen
		struct {
			uint16_t pad, active_mask;
			uint32_t buttons;
			uint8_t left_trigger, right_trigger;
			int16_t lx, ly, rx, ry; // positive y: up
		} pad_state;
		struct {
			uint8_t pad, type;
			uint16_t capabilities;
			uint32_t buttons;
		} pad_arrival;
		struct {
			uint8_t pad, event, touchpad;
			uint32_t id;
			float x, y, pressure;
		} pad_touch;
		struct {
			uint8_t pad, type;
			float x, y, z;
		} pad_motion;
		struct {
			uint8_t pad, state, percent;
		} pad_battery;
	};
};

// False: malformed or out of range, nothing of it may be used.
bool input_parse(struct es_input *input, const void *data, size_t size);
// As a client writes it (for tests); bytes written to out[ES_INPUT_MAX_SIZE]. width and height are the
// reference of ES_INPUT_MOUSE_PLACE.
size_t input_put(uint8_t *out, const struct es_input *input, uint16_t width, uint16_t height);
