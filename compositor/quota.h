// Limits on what one Wayland client may make, so that a hostile one cannot take the session down.
#pragma once

#include <stdbool.h>

struct es_display;

// Watches every client that connects from now on. Freed with the wl_display. False: out of memory.
bool quota_create(struct es_display *display);
