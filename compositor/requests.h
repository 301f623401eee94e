// Small wishes of apps: to be shown (activation), not to be put to sleep (idle inhibition), to get
// every key (shortcuts inhibition).
#pragma once

#include <stdbool.h>

struct es_display;

// One protocol each. What they keep is freed with the wl_display. False: out of memory.
bool requests_create_activation(struct es_display *display);
bool requests_create_idle_inhibit(struct es_display *display);
bool requests_create_shortcuts_inhibit(struct es_display *display);
