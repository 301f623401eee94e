// One device of this machine: what is done with it is done with the seat's own, and what it holds down
// is let go when it is gone.
#pragma once

#include <linux/input-event-codes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "protocol/device_msg.h"

#define ES_LOCAL_MAX_EARS 8

struct es_display;
struct wlr_input_device;

struct es_local_device {
	struct wl_list link; // of the owner

	// private
	struct es_display *display; // borrowed
	struct wlr_input_device *input; // borrowed; ends us
	struct wl_listener destroy;
	struct es_local_ear {
		struct wl_listener listener;
		struct es_local_device *device;
	} ears[ES_LOCAL_MAX_EARS];
	size_t n_ears;
	// What it holds down.
	bool held[KEY_MAX + 1]; // keys and buttons
	uint32_t fingers; // bit mask
	struct es_device_msg pen; // as it is now
	bool pen_near, pen_down;
};

// NULL: of no use to the app, or no memory. Ends by itself, out of its list, when the device goes.
struct es_local_device *local_device_create(
		struct es_display *display, struct wlr_input_device *input);
void local_device_destroy(struct es_local_device *device);

void local_device_set_leds(struct es_local_device *device, uint32_t leds);
