// Gamepads as lines of text, for the caller's standard input:
//
//   pad arrive PAD TYPE CAPABILITIES        as GameStream numbers them
//   pad state PAD MASK BUTTONS LT RT LX LY RX RY
//   pad touch PAD EVENT TOUCHPAD ID X Y P   EVENT as of touch; 0..1
//   pad motion PAD TYPE X Y Z               1 accelerometer, 2 gyroscope; nan and inf are numbers, too
//   pad battery PAD STATE PERCENT
//   pad flap PAD TIMES                      arrives and goes so often
#pragma once

#include <stdbool.h>

#include "protocol/control_msg.h"
#include "tests/clients/moon/control.h"

// False: not such a line.
bool pad_command(struct es_moon_control *control, const char *line);
// Tells the caller of what the host wants a pad to do. False: it is about something else.
bool pad_say(const struct es_control_msg *msg);
