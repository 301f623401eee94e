// The session's gamepads: one virtual pad for each of the client's. They outlive the viewer's connection.
#pragma once

#include <stdbool.h>
#include <wayland-server-core.h>

#include "protocol/device_msg.h"
#include "protocol/session_msg.h"

struct es_gamepads;

struct es_gamepads_params {
	struct wl_event_loop *loop;
	enum es_gamepad setting;
	// To the viewer. False: it takes nothing now, and is told the latest later.
	bool (*send)(void *data, const struct es_device_msg *msg);
	void *data;
};

// NULL after a logged error. Opens no device before the first pad arrives.
struct es_gamepads *gamepads_create(const struct es_gamepads_params *params);
void gamepads_destroy(struct es_gamepads *gamepads); // NULL is fine

// Pad messages of the viewer.
void gamepads_put(struct es_gamepads *gamepads, const struct es_device_msg *msg);
// Nothing is held down any more; the pads stay.
void gamepads_release(struct es_gamepads *gamepads);

// The kind for a client's pad; never ES_GAMEPAD_AUTO.
enum es_gamepad gamepad_choose(
		enum es_gamepad setting, enum es_pad_type type, uint16_t capabilities);
