// Input from a viewer: reads the device link and moves the seat's devices. What the viewer holds
// down is let go when it says so or is gone.
#pragma once

#include <stdbool.h>

#include "protocol/device_msg.h"

struct es_display;
struct es_remote_input;

// Owns fd from here on, in any case. NULL after a logged error. Needs seat and cursor.
struct es_remote_input *remote_input_create(struct es_display *display, int fd);
// To the viewer. False: it takes nothing now, or is gone.
bool remote_input_send(struct es_remote_input *input, const struct es_device_msg *msg);
// Releases what is held. NULL is fine.
void remote_input_destroy(struct es_remote_input *input);
