#include "compositor/pad_sony.h"

#include <string.h>

#define GYRO_PER_DEGREE 16 // per second
#define UNITS_PER_G 8192
#define GRAVITY 9807 // 1/1000 m/s^2
#define SPEED 540 // degrees/s of the calibration

void sony_put_sticks(const struct es_pad_report *report, uint8_t *out) {
	out[0] = pad_axis8(report->lx, false);
	out[1] = pad_axis8(report->ly, true);
	out[2] = pad_axis8(report->rx, false);
	out[3] = pad_axis8(report->ry, true);
}

void sony_put_buttons(const struct es_pad_report *report, uint8_t *out) {
	static const uint32_t first[8] = {0, 0, 0, 0, ES_PAD_X, ES_PAD_A, ES_PAD_B, ES_PAD_Y};
	static const uint32_t second[8] = {ES_PAD_LEFT_SHOULDER, ES_PAD_RIGHT_SHOULDER, 0, 0,
			ES_PAD_BACK, ES_PAD_START, ES_PAD_LEFT_STICK, ES_PAD_RIGHT_STICK};
	static const uint32_t third[8] = {ES_PAD_GUIDE, ES_PAD_TOUCHPAD};
	memset(out, 0, 3);
	for (int i = 0; i < 8; i++) {
		out[0] |= (uint8_t)(((report->buttons & first[i]) != 0) << i);
		out[1] |= (uint8_t)(((report->buttons & second[i]) != 0) << i);
		out[2] |= (uint8_t)(((report->buttons & third[i]) != 0) << i);
	}
	out[0] |= pad_hat(report->buttons);
	out[1] |= (uint8_t)((report->left_trigger > 0) << 2 | (report->right_trigger > 0) << 3);
}

void sony_put_motion(const struct es_pad_report *report, uint8_t *out) {
	for (int i = 0; i < 3; i++) {
		pad_put_le16(out + 2 * i, pad_scaled(report->rotation[i], GYRO_PER_DEGREE, 1000));
		pad_put_le16(out + 6 + 2 * i, pad_scaled(report->acceleration[i], UNITS_PER_G, GRAVITY));
	}
}

void sony_put_contact(
		const struct es_pad_contact *contact, uint16_t width, uint16_t height, uint8_t *out) {
	uint32_t x = contact->x * (uint32_t)(width - 1) / UINT16_MAX;
	uint32_t y = contact->y * (uint32_t)(height - 1) / UINT16_MAX;
	out[0] = (uint8_t)((contact->down ? 0 : 0x80) | (contact->number & 0x7f));
	out[1] = (uint8_t)x;
	out[2] = (uint8_t)(x >> 8 | (y & 0xf) << 4);
	out[3] = (uint8_t)(y >> 4);
}

void sony_put_calibration(uint8_t *out) {
	memset(out, 0, ES_SONY_CALIBRATION_SIZE - 1);
	for (int axis = 0; axis < 3; axis++) { // after three biases
		pad_put_le16(out + 6 + 4 * axis, SPEED * GYRO_PER_DEGREE);
		pad_put_le16(out + 8 + 4 * axis, -SPEED * GYRO_PER_DEGREE);
	}
	pad_put_le16(out + 18, SPEED);
	pad_put_le16(out + 20, SPEED);
	for (int axis = 0; axis < 3; axis++) {
		pad_put_le16(out + 22 + 4 * axis, UNITS_PER_G);
		pad_put_le16(out + 24 + 4 * axis, -UNITS_PER_G);
	}
}

void sony_put_address(const struct es_pad_report *report, uint8_t *out) {
	for (int i = 0; i < 6; i++) {
		out[i] = report->address[5 - i];
	}
}
