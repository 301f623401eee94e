// What a gamepad by uhid says and hears in its own language: the bytes that the kernel's driver for it
// expects. All but the tables is pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/device_msg.h"

#define ES_PAD_REPORT_SIZE 64
#define ES_PAD_MAX_CONTACTS 2
#define ES_PAD_MAX_FEEDBACK 3 // messages from one output report

struct es_pad_contact {
	bool down;
	uint32_t id; // the client's
	uint8_t number; // the pad's own, counts up
	uint16_t x, y; // 0..65535
};

// All that there is to be known of a pad.
struct es_pad_report {
	uint32_t buttons; // ES_PAD_UP...
	uint8_t left_trigger, right_trigger;
	int16_t lx, ly, rx, ry; // positive y: up
	int32_t acceleration[3], rotation[3]; // as in pad_motion
	struct es_pad_contact contacts[ES_PAD_MAX_CONTACTS];
	uint8_t n_contacts; // that there have been
	enum es_pad_battery battery;
	uint8_t percent;
	uint64_t time_us;
	uint8_t sequence;
	uint8_t address[6];
	bool streams; // Switch: reports were asked for
};

struct es_pad_answers {
	uint8_t reply[ES_PAD_REPORT_SIZE]; // an input report that answers at once
	size_t reply_size; // 0: none
	struct es_device_msg feedback[ES_PAD_MAX_FEEDBACK]; // pad is filled in by the caller
	size_t n_feedback;
};

struct es_pad_model {
	const char *name;
	uint16_t bus;
	uint32_t vendor, product, version;
	const uint8_t *descriptor;
	size_t descriptor_size;
	int interval_ms; // of reports without a change; 0: none
	// Each returns the bytes written to out[ES_PAD_REPORT_SIZE]; 0: none, or unknown.
	size_t (*pack)(const struct es_pad_report *report, uint8_t *out);
	size_t (*feature)(const struct es_pad_report *report, uint8_t id, uint8_t *out); // NULL: none
	// An output report of the driver or of an app.
	void (*output)(struct es_pad_report *report, const uint8_t *data, size_t size,
			struct es_pad_answers *answers);
};

extern const struct es_pad_model pad_model_dualsense, pad_model_dualshock4, pad_model_switch;

// --- for the models

uint8_t pad_axis8(int16_t v, bool inverted); // 0..255, 128 at rest
uint8_t pad_hat(uint32_t buttons); // 0 up, clockwise to 7; 8 at rest
int16_t pad_scaled(int64_t v, int64_t numerator, int64_t denominator); // clamped
void pad_put_le16(uint8_t *p, int v);
// Adds one to be filled in, or NULL.
struct es_device_msg *pad_answer(struct es_pad_answers *answers, enum es_device_msg_type type);
