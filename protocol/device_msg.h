// The device link, stream <-> display: input and the microphone one way; what gamepads are to do, and
// sound, the other; the clipboard both ways.
//
// Every message begins with 'D', version, le16 type; decoding as in frame_msg.h. No fds.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_DEVICE_VERSION 2
#define ES_DEVICE_MSG_MAX 8192
#define ES_DEVICE_MAX_TEXT 64
#define ES_DEVICE_MAX_PADS 16
#define ES_DEVICE_MAX_MOVE (INT32_C(1) << 24)
#define ES_DEVICE_MAX_WHEEL (INT32_C(1) << 20)
#define ES_DEVICE_MAX_PCM_SAMPLES 1920 // 5 ms, 48 kHz, 8 channels
#define ES_DEVICE_MAX_MIC_SAMPLES 240 // 5 ms, 48 kHz, mono
#define ES_DEVICE_MAX_CLIPBOARD 65536 // bytes of a whole text
#define ES_DEVICE_CLIPBOARD_PART 3840

enum es_device_msg_type {
	// stream -> display
	ES_DEVICE_KEY = 1,
	ES_DEVICE_POINTER_MOVE, // relative, pixels in 1/256
	ES_DEVICE_POINTER_PLACE, // absolute, 0..65535 over the screen
	ES_DEVICE_POINTER_BUTTON,
	ES_DEVICE_POINTER_WHEEL,
	ES_DEVICE_TOUCH,
	ES_DEVICE_TEXT, // UTF-8
	ES_DEVICE_RELEASE_ALL, // the viewer is gone or lost focus
	ES_DEVICE_PEN,
	ES_DEVICE_PAD_ARRIVAL,
	ES_DEVICE_PAD_REMOVAL,
	ES_DEVICE_PAD_STATE,
	ES_DEVICE_PAD_TOUCH,
	ES_DEVICE_PAD_MOTION,
	ES_DEVICE_PAD_BATTERY,
	ES_DEVICE_MIC_PCM, // a block of at most 5 ms; they follow one another
	// display -> stream
	ES_DEVICE_RUMBLE = 64,
	ES_DEVICE_LED,
	ES_DEVICE_MOTION_REQUEST,
	ES_DEVICE_PCM, // one 5 ms block
	ES_DEVICE_TRIGGER_RUMBLE,
	ES_DEVICE_TRIGGER_EFFECT,
	// both ways
	ES_DEVICE_CLIPBOARD = 128, // a part of a text: see clipboard_text.h
};

enum es_touch_phase { ES_TOUCH_DOWN = 1, ES_TOUCH_MOTION, ES_TOUCH_UP, ES_TOUCH_CANCEL };
// HOVER and the tip's phases bring the pen near if it was away; AWAY takes it out of reach.
enum es_pen_phase { ES_PEN_HOVER = 1, ES_PEN_DOWN, ES_PEN_MOTION, ES_PEN_UP, ES_PEN_AWAY };
enum es_pen_tool { ES_PEN_TIP = 1, ES_PEN_ERASER };
#define ES_PEN_UNKNOWN 0xffff // of pressure, distance, rotation and tilt

// What the client's pad is, as GameStream numbers it.
enum es_pad_type {
	ES_PAD_TYPE_UNKNOWN,
	ES_PAD_TYPE_XBOX,
	ES_PAD_TYPE_PLAYSTATION,
	ES_PAD_TYPE_NINTENDO,
	ES_PAD_TYPE_STEAM,
};
enum es_pad_capability {
	ES_PAD_HAS_ANALOG_TRIGGERS = 0x01,
	ES_PAD_HAS_RUMBLE = 0x02,
	ES_PAD_HAS_TRIGGER_RUMBLE = 0x04,
	ES_PAD_HAS_TOUCHPAD = 0x08,
	ES_PAD_HAS_ACCELEROMETER = 0x10,
	ES_PAD_HAS_GYROSCOPE = 0x20,
	ES_PAD_HAS_BATTERY = 0x40,
	ES_PAD_HAS_LED = 0x80,
	ES_PAD_HAS_TOUCHPAD_2 = 0x100,
};
enum es_pad_button {
	ES_PAD_UP = 0x1,
	ES_PAD_DOWN = 0x2,
	ES_PAD_LEFT = 0x4,
	ES_PAD_RIGHT = 0x8,
	ES_PAD_START = 0x10,
	ES_PAD_BACK = 0x20,
	ES_PAD_LEFT_STICK = 0x40,
	ES_PAD_RIGHT_STICK = 0x80,
	ES_PAD_LEFT_SHOULDER = 0x100,
	ES_PAD_RIGHT_SHOULDER = 0x200,
	ES_PAD_GUIDE = 0x400,
	ES_PAD_A = 0x1000,
	ES_PAD_B = 0x2000,
	ES_PAD_X = 0x4000,
	ES_PAD_Y = 0x8000,
	ES_PAD_PADDLE_1 = 0x10000,
	ES_PAD_PADDLE_2 = 0x20000,
	ES_PAD_PADDLE_3 = 0x40000,
	ES_PAD_PADDLE_4 = 0x80000,
	ES_PAD_TOUCHPAD = 0x100000,
	ES_PAD_MISC = 0x200000,
};
enum es_pad_sensor { ES_PAD_ACCELEROMETER = 1, ES_PAD_GYROSCOPE };
enum es_pad_battery {
	ES_PAD_BATTERY_UNKNOWN,
	ES_PAD_BATTERY_ABSENT,
	ES_PAD_BATTERY_DISCHARGING,
	ES_PAD_BATTERY_CHARGING,
	ES_PAD_BATTERY_NOT_CHARGING,
	ES_PAD_BATTERY_FULL,
};
#define ES_PAD_PERCENT_UNKNOWN 0xff
#define ES_PAD_MAX_MOTION INT32_C(100000000) // in the units of pad_motion
#define ES_PAD_EFFECT_SIZE 10
#define ES_PAD_EFFECT_RIGHT 4
#define ES_PAD_EFFECT_LEFT 8

struct es_device_msg {
	enum es_device_msg_type type;
	union {
		struct {
			uint32_t code; // evdev KEY_*, 1..KEY_MAX (0x2ff)
			bool pressed;
		} key;
		struct {
			int32_t dx, dy; // +- ES_DEVICE_MAX_MOVE
		} pointer_move;
		struct {
			uint16_t x, y;
		} pointer_place;
		struct {
			uint32_t code; // evdev BTN_LEFT (0x110)..BTN_TASK (0x117)
			bool pressed;
		} pointer_button;
		struct {
			// +- ES_DEVICE_MAX_WHEEL; 120 = one notch; positive y: down, positive x: right
			int32_t x120, y120;
		} pointer_wheel;
		struct {
			enum es_touch_phase phase;
			uint32_t id;
			uint16_t x, y; // as pointer_place
		} touch;
		struct {
			char utf8[ES_DEVICE_MAX_TEXT + 1]; // valid, at least one character
		} text;
		struct {
			enum es_pen_phase phase;
			enum es_pen_tool tool;
			uint8_t buttons; // of the barrel, bit 0 the first; at most 3
			uint16_t x, y; // as pointer_place
			uint16_t pressure, distance; // 0..65534
			uint16_t rotation; // degrees clockwise from the screen's top, 0..359
			uint16_t tilt; // degrees from upright, 0..90, towards the rotation
		} pen;
		// pad is below ES_DEVICE_MAX_PADS in all that follow.
		struct {
			uint8_t pad;
			enum es_pad_type type;
			uint16_t capabilities; // ES_PAD_HAS_*, and what newer clients may name
		} pad_arrival;
		struct {
			uint8_t pad;
		} pad_removal;
		struct {
			uint8_t pad;
			uint32_t buttons; // ES_PAD_UP...
			uint8_t left_trigger, right_trigger;
			int16_t lx, ly, rx, ry; // positive y: up
		} pad_state;
		struct {
			uint8_t pad, touchpad;
			enum es_touch_phase phase;
			uint32_t id;
			uint16_t x, y; // 0..65535 over the touchpad
		} pad_touch;
		struct {
			uint8_t pad;
			enum es_pad_sensor sensor;
			// 1/1000 m/s^2 with gravity, or 1/1000 degree/s; x right, y up, z to the player
			int32_t x, y, z; // +- ES_PAD_MAX_MOTION
		} pad_motion;
		struct {
			uint8_t pad;
			enum es_pad_battery state;
			uint8_t percent; // 0..100 or ES_PAD_PERCENT_UNKNOWN
		} pad_battery;
		struct {
			uint8_t pad;
			uint16_t low, high;
		} rumble;
		struct {
			uint8_t pad;
			uint16_t left, right;
		} trigger_rumble;
		struct {
			uint8_t pad;
			uint8_t sides; // ES_PAD_EFFECT_LEFT, _RIGHT
			uint8_t left_type, right_type;
			uint8_t left[ES_PAD_EFFECT_SIZE], right[ES_PAD_EFFECT_SIZE];
		} trigger_effect;
		struct {
			uint8_t pad;
			uint8_t red, green, blue;
		} led;
		struct {
			uint8_t pad;
			uint8_t sensor; // ES_PAD_ACCELEROMETER, _GYROSCOPE
			uint16_t rate_hz; // 0: stop
		} motion_request;
		struct {
			int64_t time_ns; // of the first sample
			uint8_t channels; // 1..8
			uint16_t n_samples; // per channel * channels, <= ES_DEVICE_MAX_PCM_SAMPLES
			int16_t samples[ES_DEVICE_MAX_PCM_SAMPLES]; // interleaved
		} pcm;
		struct {
			uint16_t n_samples; // 1..ES_DEVICE_MAX_MIC_SAMPLES
			int16_t samples[ES_DEVICE_MAX_MIC_SAMPLES];
		} mic_pcm;
		struct {
			uint32_t size; // of the whole text, 1..ES_DEVICE_MAX_CLIPBOARD
			uint32_t offset; // of this part
			uint16_t n; // its bytes, 1..ES_DEVICE_CLIPBOARD_PART, not beyond size
			char bytes[ES_DEVICE_CLIPBOARD_PART];
		} clipboard;
	};
};

size_t device_msg_encode(const struct es_device_msg *msg, void *out, size_t cap);
bool device_msg_decode(struct es_device_msg *msg, const void *data, size_t size, size_t n_fds);
