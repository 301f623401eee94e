#include <stdlib.h>
#include <unistd.h>

#include "relative-pointer-unstable-v1-client-protocol.h"
#include "tests/clients/listen.h"

// --- keyboard

static void handle_keymap(
		void *data, struct wl_keyboard *keyboard, uint32_t format, int32_t fd, uint32_t size) {
	close(fd);
	listen_note(data, "{\"event\":\"keymap\",\"size\":%u}", size);
}

static void handle_keyboard_enter(void *data, struct wl_keyboard *keyboard, uint32_t serial,
		struct wl_surface *surface, struct wl_array *keys) {
	listen_note(data, "{\"event\":\"focus\",\"focused\":true,\"held\":%zu}",
			keys->size / sizeof(uint32_t));
}

static void handle_keyboard_leave(
		void *data, struct wl_keyboard *keyboard, uint32_t serial, struct wl_surface *surface) {
	listen_note(data, "{\"event\":\"focus\",\"focused\":false}");
}

static void handle_key(void *data, struct wl_keyboard *keyboard, uint32_t serial, uint32_t time,
		uint32_t key, uint32_t state) {
	listen_note(data, "{\"event\":\"key\",\"code\":%u,\"pressed\":%s}", key,
			state == WL_KEYBOARD_KEY_STATE_PRESSED ? "true" : "false");
}

static void handle_modifiers(void *data, struct wl_keyboard *keyboard, uint32_t serial,
		uint32_t depressed, uint32_t latched, uint32_t locked, uint32_t group) {
	listen_note(data, "{\"event\":\"modifiers\",\"depressed\":%u,\"latched\":%u,\"locked\":%u}",
			depressed, latched, locked);
}

static void handle_repeat(void *data, struct wl_keyboard *keyboard, int32_t rate, int32_t delay) {
}

static const struct wl_keyboard_listener keyboard_listener = {
		.keymap = handle_keymap,
		.enter = handle_keyboard_enter,
		.leave = handle_keyboard_leave,
		.key = handle_key,
		.modifiers = handle_modifiers,
		.repeat_info = handle_repeat,
};

// --- pointer

static void handle_pointer_enter(void *data, struct wl_pointer *pointer, uint32_t serial,
		struct wl_surface *surface, wl_fixed_t x, wl_fixed_t y) {
	listen_note(data, "{\"event\":\"pointer-enter\",\"x\":%.3f,\"y\":%.3f}", wl_fixed_to_double(x),
			wl_fixed_to_double(y));
}

static void handle_pointer_leave(
		void *data, struct wl_pointer *pointer, uint32_t serial, struct wl_surface *surface) {
	listen_note(data, "{\"event\":\"pointer-leave\"}");
}

static void handle_motion(
		void *data, struct wl_pointer *pointer, uint32_t time, wl_fixed_t x, wl_fixed_t y) {
	listen_note(data, "{\"event\":\"motion\",\"x\":%.3f,\"y\":%.3f}", wl_fixed_to_double(x),
			wl_fixed_to_double(y));
}

static void handle_button(void *data, struct wl_pointer *pointer, uint32_t serial, uint32_t time,
		uint32_t button, uint32_t state) {
	listen_note(data, "{\"event\":\"button\",\"code\":%u,\"pressed\":%s}", button,
			state == WL_POINTER_BUTTON_STATE_PRESSED ? "true" : "false");
}

static void handle_axis(
		void *data, struct wl_pointer *pointer, uint32_t time, uint32_t axis, wl_fixed_t value) {
	listen_note(data, "{\"event\":\"axis\",\"axis\":%u,\"value\":%.3f}", axis,
			wl_fixed_to_double(value));
}

static void handle_frame(void *data, struct wl_pointer *pointer) {
}

static void handle_axis_source(void *data, struct wl_pointer *pointer, uint32_t source) {
}

static void handle_axis_stop(void *data, struct wl_pointer *pointer, uint32_t time, uint32_t axis) {
}

static void handle_axis_discrete(
		void *data, struct wl_pointer *pointer, uint32_t axis, int32_t discrete) {
}

static void handle_axis_value120(
		void *data, struct wl_pointer *pointer, uint32_t axis, int32_t value120) {
	listen_note(data, "{\"event\":\"wheel\",\"axis\":%u,\"value120\":%d}", axis, value120);
}

static void handle_axis_direction(
		void *data, struct wl_pointer *pointer, uint32_t axis, uint32_t direction) {
}

static const struct wl_pointer_listener pointer_listener = {
		.enter = handle_pointer_enter,
		.leave = handle_pointer_leave,
		.motion = handle_motion,
		.button = handle_button,
		.axis = handle_axis,
		.frame = handle_frame,
		.axis_source = handle_axis_source,
		.axis_stop = handle_axis_stop,
		.axis_discrete = handle_axis_discrete,
		.axis_value120 = handle_axis_value120,
		.axis_relative_direction = handle_axis_direction,
};

static void handle_relative(void *data, struct zwp_relative_pointer_v1 *pointer, uint32_t time_hi,
		uint32_t time_lo, wl_fixed_t dx, wl_fixed_t dy, wl_fixed_t raw_dx, wl_fixed_t raw_dy) {
	listen_note(data, "{\"event\":\"relative\",\"dx\":%.3f,\"dy\":%.3f}", wl_fixed_to_double(dx),
			wl_fixed_to_double(dy));
}

static const struct zwp_relative_pointer_v1_listener relative_listener = {
		.relative_motion = handle_relative,
};

// --- touch

static void note_touch(
		struct es_listen *listen, const char *phase, int32_t id, wl_fixed_t x, wl_fixed_t y) {
	listen_note(listen, "{\"event\":\"touch\",\"phase\":\"%s\",\"id\":%d,\"x\":%.3f,\"y\":%.3f}",
			phase, id, wl_fixed_to_double(x), wl_fixed_to_double(y));
}

static void handle_down(void *data, struct wl_touch *touch, uint32_t serial, uint32_t time,
		struct wl_surface *surface, int32_t id, wl_fixed_t x, wl_fixed_t y) {
	note_touch(data, "down", id, x, y);
}

static void handle_up(
		void *data, struct wl_touch *touch, uint32_t serial, uint32_t time, int32_t id) {
	listen_note(data, "{\"event\":\"touch\",\"phase\":\"up\",\"id\":%d}", id);
}

static void handle_touch_motion(
		void *data, struct wl_touch *touch, uint32_t time, int32_t id, wl_fixed_t x, wl_fixed_t y) {
	note_touch(data, "motion", id, x, y);
}

static void handle_touch_frame(void *data, struct wl_touch *touch) {
}

static void handle_touch_cancel(void *data, struct wl_touch *touch) {
	listen_note(data, "{\"event\":\"touch\",\"phase\":\"cancel\"}");
}

static void handle_shape(
		void *data, struct wl_touch *touch, int32_t id, wl_fixed_t major, wl_fixed_t minor) {
}

static void handle_orientation(
		void *data, struct wl_touch *touch, int32_t id, wl_fixed_t orientation) {
}

static const struct wl_touch_listener touch_listener = {
		.down = handle_down,
		.up = handle_up,
		.motion = handle_touch_motion,
		.frame = handle_touch_frame,
		.cancel = handle_touch_cancel,
		.shape = handle_shape,
		.orientation = handle_orientation,
};

// --- seat

struct devices {
	struct es_listen *listen;
	struct wl_keyboard *keyboard;
	struct wl_pointer *pointer;
	struct wl_touch *touch;
};

static void add_pointer(struct devices *devices, struct wl_seat *seat) {
	struct es_listen *listen = devices->listen;
	devices->pointer = wl_seat_get_pointer(seat);
	wl_pointer_add_listener(devices->pointer, &pointer_listener, listen);
	if (listen->relative_manager != NULL) {
		zwp_relative_pointer_v1_add_listener(zwp_relative_pointer_manager_v1_get_relative_pointer(
													 listen->relative_manager, devices->pointer),
				&relative_listener, listen);
	}
}

static void handle_capabilities(void *data, struct wl_seat *seat, uint32_t capabilities) {
	struct devices *devices = data;
	if ((capabilities & WL_SEAT_CAPABILITY_KEYBOARD) && devices->keyboard == NULL) {
		devices->keyboard = wl_seat_get_keyboard(seat);
		wl_keyboard_add_listener(devices->keyboard, &keyboard_listener, devices->listen);
	}
	if ((capabilities & WL_SEAT_CAPABILITY_POINTER) && devices->pointer == NULL) {
		add_pointer(devices, seat);
	}
	if ((capabilities & WL_SEAT_CAPABILITY_TOUCH) && devices->touch == NULL) {
		devices->touch = wl_seat_get_touch(seat);
		wl_touch_add_listener(devices->touch, &touch_listener, devices->listen);
	}
}

static void handle_name(void *data, struct wl_seat *seat, const char *name) {
}

static const struct wl_seat_listener seat_listener = {
		.capabilities = handle_capabilities,
		.name = handle_name,
};

void listen_to_seat(struct es_listen *listen) {
	struct devices *devices = calloc(1, sizeof(*devices));
	if (devices == NULL) {
		return;
	}
	devices->listen = listen;
	wl_seat_add_listener(listen->seat, &seat_listener, devices);
}
