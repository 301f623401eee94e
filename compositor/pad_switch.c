// A Switch Pro Controller over Bluetooth, for hid-nintendo: the driver asks for everything by subcommands,
// whose answers are input reports.
#include <linux/input.h>
#include <math.h>
#include <string.h>

#include "compositor/pad_model.h"

#define REPORT_SUBCOMMAND 0x01 // to the pad, as the next
#define REPORT_RUMBLE 0x10
#define REPORT_REPLY 0x21 // from the pad, as the next
#define REPORT_FULL 0x30
#define REPORT_SIZE 49
#define RUMBLE_SIZE 10 // the number, a counter, and four bytes for each side
#define INTERVAL_MS 15
#define PRO_CONTROLLER 3
#define MAX_FLASH 29 // bytes that fit into a reply
#define CENTRE 0x800
#define UNITS_PER_G 4096
#define GRAVITY 9807 // 1/1000 m/s^2
#define GYRO_UNITS 14247 // per 1000 degrees/s
#define MAX_AMPLITUDE 1003.0f

enum subcommand {
	SUBCOMMAND_INFO = 0x02,
	SUBCOMMAND_REPORT_MODE = 0x03,
	SUBCOMMAND_FLASH = 0x10,
};

// clang-format off
static const uint8_t descriptor[] = {
		// gamepad: a collection; the vendor's:
		0x05, 0x01, 0x09, 0x05, 0xa1, 0x01, 0x06, 0x00, 0xff,
		0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, REPORT_SIZE - 1, // bytes
		0x85, REPORT_REPLY, 0x09, 0x01, 0x81, 0x02,
		0x85, REPORT_FULL, 0x09, 0x02, 0x81, 0x02,
		0x85, REPORT_SUBCOMMAND, 0x09, 0x03, 0x91, 0x02,
		0x85, REPORT_RUMBLE, 0x09, 0x04, 0x91, 0x02,
		0xc0,
};
// clang-format on

// By place on the pad, not by letter: what an Xbox pad calls A is called B here.
static const uint32_t buttons[24] = {ES_PAD_X, ES_PAD_Y, ES_PAD_A, ES_PAD_B, 0, 0,
		ES_PAD_RIGHT_SHOULDER, 0, ES_PAD_BACK, ES_PAD_START, ES_PAD_RIGHT_STICK, ES_PAD_LEFT_STICK,
		ES_PAD_GUIDE, ES_PAD_MISC, 0, 0, ES_PAD_DOWN, ES_PAD_UP, ES_PAD_RIGHT, ES_PAD_LEFT, 0, 0,
		ES_PAD_LEFT_SHOULDER, 0};

static void put_buttons(const struct es_pad_report *report, uint8_t *out) {
	memset(out, 0, 3);
	for (int i = 0; i < 24; i++) {
		out[i / 8] |= (uint8_t)(((report->buttons & buttons[i]) != 0) << i % 8);
	}
	out[0] |= report->right_trigger > 0 ? 0x80 : 0;
	out[2] |= report->left_trigger > 0 ? 0x80 : 0;
}

static void put_pair(unsigned int first, unsigned int second, uint8_t *out) {
	out[0] = (uint8_t)first;
	out[1] = (uint8_t)(first >> 8 | (second & 0xf) << 4);
	out[2] = (uint8_t)(second >> 4);
}

static void put_stick(int16_t x, int16_t y, uint8_t *out) {
	put_pair((unsigned int)(x + 32768) >> 4, (unsigned int)(y + 32768) >> 4, out);
}

static uint8_t put_battery(const struct es_pad_report *report) {
	uint8_t quarters = report->percent <= 100 ? (uint8_t)((report->percent + 12) / 25) : 4;
	return (uint8_t)(quarters << 5 | (report->battery == ES_PAD_BATTERY_CHARGING) << 4);
}

// What every input report begins with.
static void put_state(const struct es_pad_report *report, uint8_t id, uint8_t *out) {
	memset(out, 0, ES_PAD_REPORT_SIZE);
	out[0] = id;
	out[1] = report->sequence;
	out[2] = put_battery(report);
	put_buttons(report, out + 3);
	put_stick(report->lx, report->ly, out + 6);
	put_stick(report->rx, report->ry, out + 9);
	out[12] = 0x70; // the motors take more
}

// Forward, left and up, where we have right, up and to the player; the same three times.
static void put_motion(const struct es_pad_report *report, uint8_t *out) {
	const int32_t *a = report->acceleration, *r = report->rotation;
	const int32_t accelerations[3] = {-a[2], -a[0], a[1]}, rotations[3] = {-r[2], -r[0], r[1]};
	for (int sample = 0; sample < 3; sample++, out += 12) {
		for (int i = 0; i < 3; i++) {
			pad_put_le16(out + 2 * i, pad_scaled(accelerations[i], UNITS_PER_G, GRAVITY));
			pad_put_le16(out + 6 + 2 * i, pad_scaled(rotations[i], GYRO_UNITS, 1000000));
		}
	}
}

static size_t pack(const struct es_pad_report *report, uint8_t *out) {
	if (!report->streams) {
		return 0;
	}
	put_state(report, REPORT_FULL, out);
	put_motion(report, out + 13);
	return REPORT_SIZE;
}

// --- the flash memory: calibration from the factory, none of the user's

static void put_sticks_calibration(uint8_t *out) {
	const unsigned int above = 0xfff - CENTRE, below = CENTRE;
	put_pair(above, above, out); // left: most, centre, least
	put_pair(CENTRE, CENTRE, out + 3);
	put_pair(below, below, out + 6);
	put_pair(CENTRE, CENTRE, out + 9); // right: centre, least, most
	put_pair(below, below, out + 12);
	put_pair(above, above, out + 15);
}

static void put_motion_calibration(uint8_t *out) {
	memset(out, 0, 24); // no offsets
	for (int i = 0; i < 3; i++) {
		pad_put_le16(out + 6 + 2 * i, 16384);
		pad_put_le16(out + 18 + 2 * i, 13371);
	}
}

static void read_flash(uint32_t at, size_t size, uint8_t *out) {
	const uint32_t first = 0x6020;
	uint8_t memory[0x6050 - 0x6020];
	memset(memory, 0xff, sizeof(memory));
	put_motion_calibration(memory); // at 0x6020
	put_sticks_calibration(memory + 0x603d - 0x6020);
	for (size_t i = 0; i < size; i++) {
		uint64_t place = (uint64_t)at + i;
		out[i] = place >= first && place - first < sizeof(memory) ? memory[place - first] : 0xff;
	}
}

// --- from the driver

static void answer_info(const struct es_pad_report *report, uint8_t *data) {
	data[0] = 0x04; // firmware
	data[1] = 0x33;
	data[2] = PRO_CONTROLLER;
	data[3] = 0x02;
	memcpy(data + 4, report->address, 6);
	data[10] = 0x01;
}

static void answer_flash(const uint8_t *request, size_t size, uint8_t *data) {
	if (size < 5) {
		return;
	}
	uint32_t at = request[0] | (uint32_t)request[1] << 8 | (uint32_t)request[2] << 16 |
			(uint32_t)request[3] << 24;
	uint8_t n = request[4] < MAX_FLASH ? request[4] : MAX_FLASH;
	memcpy(data, request, 4);
	data[4] = n;
	read_flash(at, n, data + 5);
}

static void take_subcommand(struct es_pad_report *report, const uint8_t *data, size_t size,
		struct es_pad_answers *answers) {
	uint8_t *reply = answers->reply;
	uint8_t command = data[RUMBLE_SIZE];
	const uint8_t *arguments = data + RUMBLE_SIZE + 1;
	size -= RUMBLE_SIZE + 1;
	put_state(report, REPORT_REPLY, reply);
	reply[13] = 0x80; // done
	reply[14] = command;
	answers->reply_size = REPORT_SIZE;
	switch (command) {
	case SUBCOMMAND_INFO:
		reply[13] = 0x82;
		answer_info(report, reply + 15);
		return;
	case SUBCOMMAND_FLASH:
		reply[13] = 0x90;
		answer_flash(arguments, size, reply + 15);
		return;
	case SUBCOMMAND_REPORT_MODE:
		// Two listen, the kernel's driver and an app that knows the pad. One that asks for the short
		// reports must not silence the other; both understand the full ones.
		report->streams = true;
		return;
	default:
		return; // lights, and what is switched on and off
	}
}

// The amplitude of the higher frequency, in steps of a quarter, a sixteenth and a 32nd of an octave.
static uint16_t amplitude(const uint8_t side[4]) {
	unsigned int step = side[1] / 2;
	if (step == 0) {
		return 0;
	}
	float v = step < 16 ? 10 * exp2f((float)(step - 1) / 4)
			: step < 32 ? 117 * exp2f((float)(step - 16) / 16)
						: 230 * exp2f((float)(step - 32) / 32);
	v = v > MAX_AMPLITUDE ? MAX_AMPLITUDE : v;
	return (uint16_t)(v * UINT16_MAX / MAX_AMPLITUDE);
}

static void output(struct es_pad_report *report, const uint8_t *data, size_t size,
		struct es_pad_answers *answers) {
	if (size < RUMBLE_SIZE || (data[0] != REPORT_SUBCOMMAND && data[0] != REPORT_RUMBLE)) {
		return;
	}
	struct es_device_msg *msg = pad_answer(answers, ES_DEVICE_RUMBLE);
	if (msg != NULL) {
		msg->rumble.low = amplitude(data + 2);
		msg->rumble.high = amplitude(data + 6);
	}
	if (data[0] == REPORT_SUBCOMMAND && size > RUMBLE_SIZE) {
		take_subcommand(report, data, size, answers);
	}
}

const struct es_pad_model pad_model_switch = {
		.name = "Pro Controller",
		.bus = BUS_BLUETOOTH,
		.vendor = 0x057e,
		.product = 0x2009,
		.version = 0x0001,
		.descriptor = descriptor,
		.descriptor_size = sizeof(descriptor),
		.interval_ms = INTERVAL_MS,
		.pack = pack,
		.output = output,
};
