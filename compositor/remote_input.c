#include "compositor/remote_input.h"

#include <linux/input-event-codes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "compositor/clipboard.h"
#include "compositor/display.h"
#include "compositor/gamepad.h"
#include "compositor/pen.h"
#include "compositor/seat.h"
#include "compositor/sound_card.h"
#include "compositor/text_input.h"
#include "protocol/device_msg.h"

#define N_CODES (KEY_MAX + 1)
#define MAX_FINGERS 16
// Messages per wake-up, so that a flood does not keep the loop from everything else.
#define MAX_BURST 64
#define WHEEL_NOTCH 120
#define WHEEL_NOTCH_LENGTH 15.0

struct es_remote_input {
	struct es_display *display; // borrowed
	int fd; // owned
	struct wl_event_source *source;
	struct es_link_packet packet; // of the message that is being read

	// What this viewer holds down.
	bool keys[N_CODES];
	bool buttons[N_CODES];
	bool finger_down[MAX_FINGERS];
	uint32_t finger_ids[MAX_FINGERS];
};

static uint32_t now_ms(void) {
	return (uint32_t)(clock_now_ns() / ES_NS_PER_MS);
}

static void put_key(struct es_remote_input *input, uint32_t code, bool pressed) {
	if (input->keys[code] == pressed) {
		return;
	}
	input->keys[code] = pressed;
	seat_put_key(input->display->seat, code, pressed);
}

static void put_button(struct es_remote_input *input, uint32_t code, bool pressed) {
	if (input->buttons[code] == pressed) {
		return;
	}
	input->buttons[code] = pressed;
	seat_put_button(input->display->seat, code, pressed);
}

static void put_motion(struct es_remote_input *input, int32_t dx, int32_t dy) {
	struct wlr_pointer *pointer = &input->display->seat->pointer;
	// From pixels of the screen to the coordinates of windows.
	double unit = 256.0 * input->display->scale_milli / 1000.0;
	struct wlr_pointer_motion_event event = {
			.pointer = pointer,
			.time_msec = now_ms(),
			.delta_x = dx / unit,
			.delta_y = dy / unit,
			.unaccel_dx = dx / unit,
			.unaccel_dy = dy / unit,
	};
	wl_signal_emit_mutable(&pointer->events.motion, &event);
	wl_signal_emit_mutable(&pointer->events.frame, pointer);
}

static void put_place(struct es_remote_input *input, uint16_t x, uint16_t y) {
	struct wlr_pointer *pointer = &input->display->seat->pointer;
	struct wlr_pointer_motion_absolute_event event = {
			.pointer = pointer,
			.time_msec = now_ms(),
			.x = x / (double)UINT16_MAX,
			.y = y / (double)UINT16_MAX,
	};
	wl_signal_emit_mutable(&pointer->events.motion_absolute, &event);
	wl_signal_emit_mutable(&pointer->events.frame, pointer);
}

static void put_wheel_axis(
		struct es_remote_input *input, enum wl_pointer_axis orientation, int32_t v120) {
	struct wlr_pointer *pointer = &input->display->seat->pointer;
	if (v120 == 0) {
		return;
	}
	struct wlr_pointer_axis_event event = {
			.pointer = pointer,
			.time_msec = now_ms(),
			.source = WL_POINTER_AXIS_SOURCE_WHEEL,
			.orientation = orientation,
			.relative_direction = WL_POINTER_AXIS_RELATIVE_DIRECTION_IDENTICAL,
			.delta = v120 * WHEEL_NOTCH_LENGTH / WHEEL_NOTCH,
			.delta_discrete = v120,
	};
	wl_signal_emit_mutable(&pointer->events.axis, &event);
}

static void put_wheel(struct es_remote_input *input, int32_t x120, int32_t y120) {
	struct wlr_pointer *pointer = &input->display->seat->pointer;
	put_wheel_axis(input, WL_POINTER_AXIS_VERTICAL_SCROLL, y120);
	put_wheel_axis(input, WL_POINTER_AXIS_HORIZONTAL_SCROLL, x120);
	wl_signal_emit_mutable(&pointer->events.frame, pointer);
}

static int find_finger(const struct es_remote_input *input, bool down, uint32_t id) {
	for (int i = 0; i < MAX_FINGERS; i++) {
		if (input->finger_down[i] == down && (!down || input->finger_ids[i] == id)) {
			return i;
		}
	}
	return -1;
}

static void finger_goes_down(struct es_remote_input *input, uint32_t id, double x, double y) {
	struct wlr_touch *touch = &input->display->seat->touch;
	int slot = find_finger(input, false, 0);
	if (slot < 0 || find_finger(input, true, id) >= 0) {
		return;
	}
	input->finger_down[slot] = true;
	input->finger_ids[slot] = id;
	struct wlr_touch_down_event event = {
			.touch = touch, .time_msec = now_ms(), .touch_id = slot, .x = x, .y = y};
	wl_signal_emit_mutable(&touch->events.down, &event);
}

static void finger_moves(struct es_remote_input *input, uint32_t id, double x, double y) {
	struct wlr_touch *touch = &input->display->seat->touch;
	int slot = find_finger(input, true, id);
	if (slot < 0) {
		return;
	}
	struct wlr_touch_motion_event event = {
			.touch = touch, .time_msec = now_ms(), .touch_id = slot, .x = x, .y = y};
	wl_signal_emit_mutable(&touch->events.motion, &event);
}

static void finger_leaves(struct es_remote_input *input, uint32_t id, bool cancelled) {
	struct wlr_touch *touch = &input->display->seat->touch;
	int slot = find_finger(input, true, id);
	if (slot < 0) {
		return;
	}
	input->finger_down[slot] = false;
	if (cancelled) {
		struct wlr_touch_cancel_event event = {
				.touch = touch, .time_msec = now_ms(), .touch_id = slot};
		wl_signal_emit_mutable(&touch->events.cancel, &event);
	} else {
		struct wlr_touch_up_event event = {.touch = touch, .time_msec = now_ms(), .touch_id = slot};
		wl_signal_emit_mutable(&touch->events.up, &event);
	}
}

static void put_touch(struct es_remote_input *input, enum es_touch_phase phase, uint32_t id,
		uint16_t x16, uint16_t y16) {
	double x = x16 / (double)UINT16_MAX, y = y16 / (double)UINT16_MAX;
	switch (phase) {
	case ES_TOUCH_DOWN:
		finger_goes_down(input, id, x, y);
		break;
	case ES_TOUCH_MOTION:
		finger_moves(input, id, x, y);
		break;
	case ES_TOUCH_UP:
	case ES_TOUCH_CANCEL:
		finger_leaves(input, id, phase == ES_TOUCH_CANCEL);
		break;
	}
	wl_signal_emit_mutable(&input->display->seat->touch.events.frame, NULL);
}

static void release_all(struct es_remote_input *input) {
	for (uint32_t code = 0; code < N_CODES; code++) {
		put_key(input, code, false);
		put_button(input, code, false);
	}
	for (int i = 0; i < MAX_FINGERS; i++) {
		if (input->finger_down[i]) {
			finger_leaves(input, input->finger_ids[i], true);
			wl_signal_emit_mutable(&input->display->seat->touch.events.frame, NULL);
		}
	}
	pen_release(input->display->pen);
	if (input->display->gamepads != NULL) {
		gamepads_release(input->display->gamepads);
	}
}

static void put(struct es_remote_input *input, const struct es_device_msg *msg) {
	switch (msg->type) {
	case ES_DEVICE_KEY:
		if (msg->key.code < N_CODES) {
			put_key(input, msg->key.code, msg->key.pressed);
		}
		break;
	case ES_DEVICE_POINTER_MOVE:
		put_motion(input, msg->pointer_move.dx, msg->pointer_move.dy);
		break;
	case ES_DEVICE_POINTER_PLACE:
		put_place(input, msg->pointer_place.x, msg->pointer_place.y);
		break;
	case ES_DEVICE_POINTER_BUTTON:
		if (msg->pointer_button.code < N_CODES) {
			put_button(input, msg->pointer_button.code, msg->pointer_button.pressed);
		}
		break;
	case ES_DEVICE_POINTER_WHEEL:
		put_wheel(input, msg->pointer_wheel.x120, msg->pointer_wheel.y120);
		break;
	case ES_DEVICE_TOUCH:
		put_touch(input, msg->touch.phase, msg->touch.id, msg->touch.x, msg->touch.y);
		break;
	case ES_DEVICE_TEXT:
		if (!text_input_commit(input->display->seat->text_input, msg->text.utf8)) {
			es_log(ES_LOG_DEBUG, "dropping typed text: the focused app takes none");
		}
		break;
	case ES_DEVICE_PEN:
		pen_put(input->display->pen, msg);
		break;
	case ES_DEVICE_PAD_ARRIVAL:
	case ES_DEVICE_PAD_REMOVAL:
	case ES_DEVICE_PAD_STATE:
	case ES_DEVICE_PAD_TOUCH:
	case ES_DEVICE_PAD_MOTION:
	case ES_DEVICE_PAD_BATTERY:
		if (input->display->gamepads != NULL) {
			gamepads_put(input->display->gamepads, msg);
		}
		break;
	case ES_DEVICE_MIC_PCM:
		if (input->display->sound_card != NULL) {
			sound_card_speak(
					input->display->sound_card, msg->mic_pcm.samples, msg->mic_pcm.n_samples);
		}
		break;
	case ES_DEVICE_CLIPBOARD:
		clipboard_put(input->display->clipboard, msg);
		break;
	case ES_DEVICE_RELEASE_ALL:
		release_all(input);
		break;
	default:
		es_log(ES_LOG_DEBUG, "ignoring device message %d: not for the display", msg->type);
		break;
	}
}

// The viewer is gone; the object stays until its owner destroys it.
static void close_link(struct es_remote_input *input) {
	release_all(input);
	clipboard_allow(input->display->clipboard, false);
	if (input->source != NULL) {
		wl_event_source_remove(input->source);
		input->source = NULL;
	}
	fd_close(&input->fd);
}

// False: no more can be read now.
static bool read_one(struct es_remote_input *input) {
	struct es_link_packet *packet = &input->packet;
	struct es_device_msg msg;
	switch (link_recv(input->fd, packet)) {
	case ES_LINK_OK:
		break;
	case ES_LINK_AGAIN:
		return false;
	case ES_LINK_CLOSED:
		close_link(input);
		return false;
	case ES_LINK_BROKEN:
		es_log(ES_LOG_WARN, "no more input from the viewer: its device link is broken");
		close_link(input);
		return false;
	}
	bool ok = device_msg_decode(&msg, packet->data, packet->size, packet->n_fds);
	link_packet_finish(packet);
	if (!ok) {
		es_log(ES_LOG_WARN, "no more input from the viewer: a malformed message of %zu bytes",
				packet->size);
		close_link(input);
		return false;
	}
	put(input, &msg);
	return true;
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct es_remote_input *input = data;
	for (int i = 0; i < MAX_BURST && read_one(input); i++) {
	}
	return 0;
}

struct es_remote_input *remote_input_create(struct es_display *display, int fd) {
	struct es_remote_input *input = calloc(1, sizeof(*input));
	if (input == NULL) {
		fd_close(&fd);
		es_log(ES_LOG_WARN, "no input from the viewer: out of memory");
		return NULL;
	}
	input->display = display;
	input->fd = fd;
	input->source = fd_set_nonblock(fd, true)
			? wl_event_loop_add_fd(display->loop, fd, WL_EVENT_READABLE, handle_readable, input)
			: NULL;
	if (input->source == NULL) {
		es_log(ES_LOG_WARN, "no input from the viewer: its device link cannot be watched");
		remote_input_destroy(input);
		return NULL;
	}
	return input;
}

void remote_input_destroy(struct es_remote_input *input) {
	if (input == NULL) {
		return;
	}
	close_link(input);
	free(input);
}

bool remote_input_send(struct es_remote_input *input, const struct es_device_msg *msg) {
	uint8_t data[ES_DEVICE_MSG_MAX];
	size_t size = input->fd >= 0 ? device_msg_encode(msg, data, sizeof(data)) : 0;
	return size > 0 && link_send(input->fd, data, size, NULL, 0) == ES_LINK_OK;
}
