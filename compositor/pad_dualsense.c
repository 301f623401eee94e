// A DualSense on a cable. (hid-playstation of the kernel reads it by place, not by its descriptor.)
#include <linux/input.h>
#include <string.h>

#include "compositor/pad_sony.h"

#define REPORT_INPUT 0x01
#define REPORT_OUTPUT 0x02
#define REPORT_CALIBRATION 0x05
#define REPORT_PAIRING 0x09
#define REPORT_FIRMWARE 0x20
#define CALIBRATION_SIZE 41
#define PAIRING_SIZE 20
#define FIRMWARE_SIZE 64
#define OUTPUT_SIZE 48 // that matters
#define WIDTH 1920
#define HEIGHT 1080

// A gamepad of one input report with six axes, a hat and buttons, one output report, and the feature
// reports below. The rest of the input report is the vendor's.
// clang-format off
static const uint8_t descriptor[] = {
		0x05, 0x01, 0x09, 0x05, 0xa1, 0x01, // generic desktop, gamepad: a collection
		// X Y Z Rz Rx Ry
		0x85, REPORT_INPUT, 0x09, 0x30, 0x09, 0x31, 0x09, 0x32, 0x09, 0x35, 0x09, 0x33,
		0x09, 0x34, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x06, 0x81, 0x02,
		0x06, 0x00, 0xff, 0x09, 0x20, 0x95, 0x01, 0x81, 0x02, // the sequence number
		0x05, 0x01, 0x09, 0x39, 0x25, 0x07, 0x35, 0x00, 0x46, 0x3b, 0x01, 0x65, 0x14, 0x75,
		0x04, 0x95, 0x01, 0x81, 0x42, 0x65, 0x00, 0x45, 0x00, // the hat
		// buttons
		0x05, 0x09, 0x19, 0x01, 0x29, 0x0f, 0x25, 0x01, 0x75, 0x01, 0x95, 0x0f, 0x81, 0x02,
		0x06, 0x00, 0xff, 0x09, 0x21, 0x95, 0x0d, 0x81, 0x02, // more of them
		0x09, 0x22, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x34, 0x81, 0x02, // 52 bytes
		0x85, REPORT_OUTPUT, 0x09, 0x23, 0x95, 0x3e, 0x91, 0x02, // 62 bytes
		0x85, REPORT_CALIBRATION, 0x09, 0x33, 0x95, CALIBRATION_SIZE - 1, 0xb1, 0x02, // features
		0x85, REPORT_PAIRING, 0x09, 0x24, 0x95, PAIRING_SIZE - 1, 0xb1, 0x02, //
		0x85, REPORT_FIRMWARE, 0x09, 0x26, 0x95, FIRMWARE_SIZE - 1, 0xb1, 0x02, //
		0xc0,
};
// clang-format on

static uint8_t put_battery(const struct es_pad_report *report) {
	uint8_t tenths = report->percent <= 100 ? report->percent / 10 : 10;
	switch (report->battery) {
	case ES_PAD_BATTERY_DISCHARGING:
		return tenths;
	case ES_PAD_BATTERY_CHARGING:
		return (uint8_t)(0x10 | tenths);
	default:
		return 0x2a; // full
	}
}

static size_t pack(const struct es_pad_report *report, uint8_t *out) {
	uint32_t ticks = (uint32_t)(report->time_us * 3);
	memset(out, 0, ES_PAD_REPORT_SIZE);
	out[0] = REPORT_INPUT;
	sony_put_sticks(report, out + 1);
	out[5] = report->left_trigger;
	out[6] = report->right_trigger;
	out[7] = report->sequence;
	sony_put_buttons(report, out + 8);
	out[10] |= (report->buttons & ES_PAD_MISC) != 0 ? 0x04 : 0;
	// Of the model with paddles; the driver does not look there.
	out[10] |= (uint8_t)((report->buttons / ES_PAD_PADDLE_1 & 0xf) << 4);
	sony_put_motion(report, out + 16);
	pad_put_le16(out + 28, (int)(ticks & 0xffff));
	pad_put_le16(out + 30, (int)(ticks >> 16));
	sony_put_contact(&report->contacts[0], WIDTH, HEIGHT, out + 33);
	sony_put_contact(&report->contacts[1], WIDTH, HEIGHT, out + 37);
	out[53] = put_battery(report);
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
		pad_put_le16(out + 24,
				0x0418); // hardware, firmware, and of its update: new enough for both motors
		pad_put_le16(out + 30, 0x0110);
		pad_put_le16(out + 44, 0x0224);
		return FIRMWARE_SIZE;
	default:
		return 0;
	}
}

static void take_effects(const uint8_t *data, struct es_pad_answers *answers) {
	uint8_t sides = data[1] & (ES_PAD_EFFECT_RIGHT | ES_PAD_EFFECT_LEFT);
	struct es_device_msg *msg = sides != 0 ? pad_answer(answers, ES_DEVICE_TRIGGER_EFFECT) : NULL;
	if (msg != NULL) {
		msg->trigger_effect.sides = sides;
		msg->trigger_effect.right_type = data[11];
		memcpy(msg->trigger_effect.right, data + 12, ES_PAD_EFFECT_SIZE);
		msg->trigger_effect.left_type = data[22];
		memcpy(msg->trigger_effect.left, data + 23, ES_PAD_EFFECT_SIZE);
	}
}

static void output(struct es_pad_report *report, const uint8_t *data, size_t size,
		struct es_pad_answers *answers) {
	if (size < OUTPUT_SIZE || data[0] != REPORT_OUTPUT) {
		return;
	}
	struct es_device_msg *msg;
	// One that asks for nothing gives the motors back to what is heard, of which there is nothing: so
	// do apps end their rumble that know the pad.
	bool rumbles = (data[1] & 0x03) != 0 || (data[39] & 0x04) != 0 ||
			(data[1] == 0 && data[2] == 0 && data[39] == 0);
	if (rumbles && (msg = pad_answer(answers, ES_DEVICE_RUMBLE)) != NULL) {
		msg->rumble.high = (uint16_t)(data[3] * 257);
		msg->rumble.low = (uint16_t)(data[4] * 257);
	}
	if ((data[2] & 0x04) != 0 && (msg = pad_answer(answers, ES_DEVICE_LED)) != NULL) {
		msg->led.red = data[45];
		msg->led.green = data[46];
		msg->led.blue = data[47];
	}
	take_effects(data, answers);
}

const struct es_pad_model pad_model_dualsense = {
		.name = "Sony Interactive Entertainment DualSense Wireless Controller",
		.bus = BUS_USB,
		.vendor = 0x054c,
		.product = 0x0ce6,
		.version = 0x0100,
		.descriptor = descriptor,
		.descriptor_size = sizeof(descriptor),
		.pack = pack,
		.feature = feature,
		.output = output,
};
