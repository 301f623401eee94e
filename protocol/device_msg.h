// The device link, stream <-> display: input one way; rumble, LEDs, motion requests and
// sound the other.
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
	// display -> stream
	ES_DEVICE_RUMBLE = 64,
	ES_DEVICE_LED,
	ES_DEVICE_MOTION_REQUEST,
	ES_DEVICE_PCM, // one 5 ms block
};

enum es_touch_phase { ES_TOUCH_DOWN = 1, ES_TOUCH_MOTION, ES_TOUCH_UP, ES_TOUCH_CANCEL };
// HOVER and the tip's phases bring the pen near if it was away; AWAY takes it out of reach.
enum es_pen_phase { ES_PEN_HOVER = 1, ES_PEN_DOWN, ES_PEN_MOTION, ES_PEN_UP, ES_PEN_AWAY };
enum es_pen_tool { ES_PEN_TIP = 1, ES_PEN_ERASER };
#define ES_PEN_UNKNOWN 0xffff // of pressure, distance, rotation and tilt

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
		struct {
			uint8_t pad; // < ES_DEVICE_MAX_PADS
			uint16_t low, high;
		} rumble;
		struct {
			uint8_t pad;
			uint8_t red, green, blue;
		} led;
		struct {
			uint8_t pad;
			uint8_t sensor; // 1 accelerometer, 2 gyroscope
			uint16_t rate_hz; // 0: stop
		} motion_request;
		struct {
			int64_t time_ns; // of the first sample
			uint8_t channels; // 1..8
			uint16_t n_samples; // per channel * channels, <= ES_DEVICE_MAX_PCM_SAMPLES
			int16_t samples[ES_DEVICE_MAX_PCM_SAMPLES]; // interleaved
		} pcm;
	};
};

size_t device_msg_encode(const struct es_device_msg *msg, void *out, size_t cap);
bool device_msg_decode(struct es_device_msg *msg, const void *data, size_t size, size_t n_fds);
