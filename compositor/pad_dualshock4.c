// A DualShock 4 (its second version) on a cable, for hid-playstation.
#include <linux/input.h>
#include <string.h>

#include "compositor/pad_sony.h"

#define REPORT_INPUT 0x01
#define REPORT_OUTPUT 0x05
#define REPORT_CALIBRATION 0x02
#define REPORT_PAIRING 0x12
#define REPORT_FIRMWARE 0xa3
#define CALIBRATION_SIZE 37
#define PAIRING_SIZE 16
#define FIRMWARE_SIZE 49
#define OUTPUT_SIZE 9 // that matters
#define WIDTH 1920
#define HEIGHT 942
// The driver passes the touchpad's button on with the report after it only; real ones never end.
#define INTERVAL_MS 8

// As the DualSense's: what the driver reads is in the vendor's part.
// clang-format off
static const uint8_t descriptor[] = {
		0x05, 0x01, 0x09, 0x05, 0xa1, 0x01, // generic desktop, gamepad: a collection
		0x85, REPORT_INPUT, 0x09, 0x30, 0x09, 0x31, 0x09, 0x32, 0x09, 0x35, 0x15, 0x00,
		0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x04, 0x81, 0x02, // X Y Z Rz
		0x09, 0x39, 0x25, 0x07, 0x35, 0x00, 0x46, 0x3b, 0x01, 0x65, 0x14, 0x75, 0x04, 0x95,
		0x01, 0x81, 0x42, 0x65, 0x00, 0x45, 0x00, // the hat
		// buttons
		0x05, 0x09, 0x19, 0x01, 0x29, 0x0e, 0x25, 0x01, 0x75, 0x01, 0x95, 0x0e, 0x81, 0x02,
		0x06, 0x00, 0xff, 0x09, 0x20, 0x25, 0x3f, 0x75, 0x06, 0x95, 0x01, 0x81, 0x02, // a counter
		0x05, 0x01, 0x09, 0x33, 0x09, 0x34, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x02, 0x81,
		0x02, // Rx Ry
		0x06, 0x00, 0xff, 0x09, 0x21, 0x95, 0x36, 0x81, 0x02, // 54 bytes
		0x85, REPORT_OUTPUT, 0x09, 0x22, 0x95, 0x1f, 0x91, 0x02, // 31 bytes
		0x85, REPORT_CALIBRATION, 0x09, 0x24, 0x95, CALIBRATION_SIZE - 1, 0xb1, 0x02, // features
		0x85, REPORT_PAIRING, 0x09, 0x25, 0x95, PAIRING_SIZE - 1, 0xb1, 0x02, //
		0x85, REPORT_FIRMWARE, 0x09, 0x26, 0x95, FIRMWARE_SIZE - 1, 0xb1, 0x02, //
		0xc0,
};
// clang-format on

// With the cable: up to 10 it charges, 11 is full.
static uint8_t put_battery(const struct es_pad_report *report) {
	uint8_t tenths = report->percent <= 100 ? report->percent / 10 : 10;
	switch (report->battery) {
	case ES_PAD_BATTERY_DISCHARGING:
		return tenths;
	case ES_PAD_BATTERY_CHARGING:
		return (uint8_t)(0x10 | tenths);
	default:
		return 0x1b;
	}
}

static size_t pack(const struct es_pad_report *report, uint8_t *out) {
	memset(out, 0, ES_PAD_REPORT_SIZE);
	out[0] = REPORT_INPUT;
	sony_put_sticks(report, out + 1);
	sony_put_buttons(report, out + 5);
	out[7] |= (uint8_t)(report->sequence << 2);
	out[8] = report->left_trigger;
	out[9] = report->right_trigger;
	pad_put_le16(out + 10, (int)(report->time_us * 3 / 16 & 0xffff));
	sony_put_motion(report, out + 13);
	out[30] = put_battery(report);
	out[33] = 1; // report of touches
	out[34] = report->sequence;
	sony_put_contact(&report->contacts[0], WIDTH, HEIGHT, out + 35);
	sony_put_contact(&report->contacts[1], WIDTH, HEIGHT, out + 39);
	return ES_PAD_REPORT_SIZE;
}

static size_t feature(const struct es_pad_report *report, uint8_t id, uint8_t *out) {
	memset(out, 0, ES_PAD_REPORT_SIZE);
	out[0] = id;
	switch (id) {
	case REPORT_CALIBRATION:
		sony_put_calibration(out + 1);
		return CALIBRATION_SIZE;
	case REPORT_PAIRING:
		sony_put_address(report, out + 1);
		return PAIRING_SIZE;
	case REPORT_FIRMWARE:
		pad_put_le16(out + 35, 0x0100);
		pad_put_le16(out + 41, 0x0b04);
		return FIRMWARE_SIZE;
	default:
		return 0;
	}
}

static void output(struct es_pad_report *report, const uint8_t *data, size_t size,
		struct es_pad_answers *answers) {
	if (size < OUTPUT_SIZE || data[0] != REPORT_OUTPUT) {
		return;
	}
	struct es_device_msg *msg;
	if ((data[1] & 0x01) != 0 && (msg = pad_answer(answers, ES_DEVICE_RUMBLE)) != NULL) {
		msg->rumble.high = (uint16_t)(data[4] * 257);
		msg->rumble.low = (uint16_t)(data[5] * 257);
	}
	if ((data[1] & 0x02) != 0 && (msg = pad_answer(answers, ES_DEVICE_LED)) != NULL) {
		msg->led.red = data[6];
		msg->led.green = data[7];
		msg->led.blue = data[8];
	}
}

const struct es_pad_model pad_model_dualshock4 = {
		.name = "Sony Interactive Entertainment Wireless Controller",
		.bus = BUS_USB,
		.vendor = 0x054c,
		.product = 0x09cc,
		.version = 0x0100,
		.descriptor = descriptor,
		.descriptor_size = sizeof(descriptor),
		.interval_ms = INTERVAL_MS,
		.pack = pack,
		.feature = feature,
		.output = output,
};
