// Frames around windows: there are none, and clients are told that the server draws them, so that
// they draw none either.
#pragma once

#include <stdbool.h>

struct es_display;

// The two protocols. What they keep is freed with the wl_display. False: out of memory.
bool decoration_create_xdg(struct es_display *display);
bool decoration_create_kde(struct es_display *display);
