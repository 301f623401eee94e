// What DualSense and DualShock 4 have in common.
#pragma once

#include "compositor/pad_model.h"

#define ES_SONY_CALIBRATION_SIZE 35 // with the report's number

// Four bytes of sticks; three of hat and buttons; twelve of rotation and acceleration; four of a contact.
void sony_put_sticks(const struct es_pad_report *report, uint8_t *out);
void sony_put_buttons(const struct es_pad_report *report, uint8_t *out);
void sony_put_motion(const struct es_pad_report *report, uint8_t *out);
void sony_put_contact(
		const struct es_pad_contact *contact, uint16_t width, uint16_t height, uint8_t *out);
// Says that sony_put_motion's units are what they are.
void sony_put_calibration(uint8_t *out);
// The address, lowest byte first.
void sony_put_address(const struct es_pad_report *report, uint8_t *out);
