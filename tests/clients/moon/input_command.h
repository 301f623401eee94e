// Input as lines of text, for the caller's standard input:
//
//   key VK down|up [MODIFIERS]        VK a Windows virtual-key code, 0x41 or 65
//   mouse rel DX DY | mouse abs X Y W H
//   button N down|up                  1 left, 2 middle, 3 right, 4 back, 5 forward
//   wheel V | hwheel V                120 a notch
//   text UTF8                         up to the end of the line, one packet per character
//   touch EVENT ID X Y P              hover down up move cancel button leave cancel-all; 0..1
//   pen EVENT TOOL BUTTONS X Y P [ROTATION TILT]      tool 0 unknown, 1 pen, 2 eraser
#pragma once

#include <stdbool.h>

#include "protocol/input_msg.h"
#include "tests/clients/moon/control.h"

// False: not such a line.
bool input_command(struct es_moon_control *control, const char *line);
// The packet of one such line (but text) into out[ES_INPUT_MAX_SIZE]; its size, 0: not such a line.
size_t input_packet(const char *line, uint8_t *out, enum es_moon_channel *channel,
		enum es_moon_delivery *delivery);
// False: none of EVENT above.
bool input_touch_event(const char *text, enum es_input_touch_event *event);
