// Requests that are cheap once and dear when a client never stops: each rectangle of a region and
// each type offered by a clipboard costs more than the one before. Bounds them before they are
// dispatched.
#pragma once

#include <stdbool.h>

struct es_display;

// Watches all requests from now on. Freed with the wl_display. False: out of memory.
bool flood_guard_create(struct es_display *display);
