// One virtual gamepad, of whatever kind: what gamepad.c drives and pad_uinput.c and pad_uhid.c make.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "protocol/device_msg.h"
#include "protocol/session_msg.h"

struct es_pad;

struct es_pad_params {
	struct wl_event_loop *loop;
	uint8_t number; // < ES_DEVICE_MAX_PADS
	uint16_t capabilities; // of the client's pad
	const char *place; // names the session and the pad to udev; only until create returns
	uint8_t address[6]; // no two pads on a machine have the same
	// What it is to do: rumble, trigger rumble, LED, motion request, trigger effect.
	void (*feedback)(void *data, const struct es_device_msg *msg);
	void *data;
};

struct es_pad_impl {
	void (*destroy)(struct es_pad *pad);
	// Pad messages from the viewer, but arrival and removal; what the kind lacks is dropped.
	void (*put)(struct es_pad *pad, const struct es_device_msg *msg);
};

struct es_pad {
	const struct es_pad_impl *impl;
};

// Each NULL after a logged error.
struct es_pad *pad_uinput_create(const struct es_pad_params *params, enum es_gamepad kind);
struct es_pad *pad_uhid_create(const struct es_pad_params *params, enum es_gamepad kind);
// False: there is no such kind by uhid.
bool pad_uhid_has(enum es_gamepad kind);
