#include "compositor/local_device.h"

#include <math.h>
#include <stdlib.h>
#include <wlr/interfaces/wlr_keyboard.h>
#include <wlr/types/wlr_pointer.h>
#include <wlr/types/wlr_tablet_tool.h>
#include <wlr/types/wlr_touch.h>

#include "base/clock.h"
#include "base/log.h"
#include "compositor/display.h"
#include "compositor/pen.h"
#include "compositor/seat.h"

// libinput numbers the fingers of a seat's touch screens; viewers' have the numbers before these.
#define FIRST_FINGER 1000
#define MAX_FINGERS 32
#define RADIANS (3.14159265358979323846 / 180)
#define FULL_SCALE 65534.0 // of pressure and distance on the link

static struct es_local_device *device_of(struct wl_listener *listener) {
	struct es_local_ear *ear = wl_container_of(listener, ear, listener);
	return ear->device;
}

static void hear(
		struct es_local_device *device, struct wl_signal *signal, wl_notify_func_t notify) {
	struct es_local_ear *ear = &device->ears[device->n_ears++];
	ear->device = device;
	ear->listener.notify = notify;
	wl_signal_add(signal, &ear->listener);
}

// --- keyboards

static void put_key(struct es_local_device *device, uint32_t code, bool pressed) {
	if (code <= KEY_MAX && device->held[code] != pressed) {
		device->held[code] = pressed;
		seat_put_key(device->display->seat, code, pressed);
	}
}

static void handle_key(struct wl_listener *listener, void *data) {
	const struct wlr_keyboard_key_event *event = data;
	put_key(device_of(listener), event->keycode, event->state == WL_KEYBOARD_KEY_STATE_PRESSED);
}

static void hear_keyboard(struct es_local_device *device) {
	struct wlr_keyboard *keyboard = wlr_keyboard_from_input_device(device->input);
	hear(device, &keyboard->events.key, handle_key);
	local_device_set_leds(device, device->display->seat->keyboard.leds);
}

// --- mice and touch pads

static struct wlr_pointer *seat_pointer(struct es_local_device *device) {
	return &device->display->seat->pointer;
}

static void put_button(struct es_local_device *device, uint32_t code, bool pressed) {
	if (code <= KEY_MAX && device->held[code] != pressed) {
		device->held[code] = pressed;
		seat_put_button(device->display->seat, code, pressed);
	}
}

static void handle_motion(struct wl_listener *listener, void *data) {
	struct es_local_device *device = device_of(listener);
	struct wlr_pointer_motion_event event = *(const struct wlr_pointer_motion_event *)data;
	// From pixels of the screen to the coordinates of windows.
	double unit = device->display->scale_milli / 1000.0;
	event.pointer = seat_pointer(device);
	event.delta_x /= unit;
	event.delta_y /= unit;
	event.unaccel_dx /= unit;
	event.unaccel_dy /= unit;
	wl_signal_emit_mutable(&event.pointer->events.motion, &event);
}

static void handle_motion_absolute(struct wl_listener *listener, void *data) {
	struct wlr_pointer_motion_absolute_event event =
			*(const struct wlr_pointer_motion_absolute_event *)data;
	event.pointer = seat_pointer(device_of(listener));
	wl_signal_emit_mutable(&event.pointer->events.motion_absolute, &event);
}

static void handle_button(struct wl_listener *listener, void *data) {
	const struct wlr_pointer_button_event *event = data;
	put_button(device_of(listener), event->button, event->state == WL_POINTER_BUTTON_STATE_PRESSED);
}

static void handle_axis(struct wl_listener *listener, void *data) {
	struct wlr_pointer_axis_event event = *(const struct wlr_pointer_axis_event *)data;
	event.pointer = seat_pointer(device_of(listener));
	wl_signal_emit_mutable(&event.pointer->events.axis, &event);
}

static void handle_pointer_frame(struct wl_listener *listener, void *data) {
	struct wlr_pointer *pointer = seat_pointer(device_of(listener));
	wl_signal_emit_mutable(&pointer->events.frame, pointer);
}

static void hear_pointer(struct es_local_device *device) {
	struct wlr_pointer *pointer = wlr_pointer_from_input_device(device->input);
	hear(device, &pointer->events.motion, handle_motion);
	hear(device, &pointer->events.motion_absolute, handle_motion_absolute);
	hear(device, &pointer->events.button, handle_button);
	hear(device, &pointer->events.axis, handle_axis);
	hear(device, &pointer->events.frame, handle_pointer_frame);
}

// --- touch screens

static struct wlr_touch *seat_touch(struct es_local_device *device) {
	return &device->display->seat->touch;
}

// False: one too many, or one that is there already or not there.
static bool mark_finger(struct es_local_device *device, int32_t id, bool down, bool was_down) {
	if (id < 0 || id >= MAX_FINGERS || (device->fingers >> id & 1) != was_down) {
		return false;
	}
	device->fingers = (device->fingers & ~(1u << id)) | (uint32_t)down << id;
	return true;
}

static void handle_down(struct wl_listener *listener, void *data) {
	struct es_local_device *device = device_of(listener);
	struct wlr_touch_down_event event = *(const struct wlr_touch_down_event *)data;
	if (mark_finger(device, event.touch_id, true, false)) {
		event.touch = seat_touch(device);
		event.touch_id += FIRST_FINGER;
		wl_signal_emit_mutable(&event.touch->events.down, &event);
	}
}

static void handle_touch_motion(struct wl_listener *listener, void *data) {
	struct es_local_device *device = device_of(listener);
	struct wlr_touch_motion_event event = *(const struct wlr_touch_motion_event *)data;
	if (mark_finger(device, event.touch_id, true, true)) {
		event.touch = seat_touch(device);
		event.touch_id += FIRST_FINGER;
		wl_signal_emit_mutable(&event.touch->events.motion, &event);
	}
}

static void handle_up(struct wl_listener *listener, void *data) {
	struct es_local_device *device = device_of(listener);
	struct wlr_touch_up_event event = *(const struct wlr_touch_up_event *)data;
	if (mark_finger(device, event.touch_id, false, true)) {
		event.touch = seat_touch(device);
		event.touch_id += FIRST_FINGER;
		wl_signal_emit_mutable(&event.touch->events.up, &event);
	}
}

static void cancel(struct es_local_device *device, int32_t id, uint32_t time_ms) {
	if (mark_finger(device, id, false, true)) {
		struct wlr_touch_cancel_event event = {
				.touch = seat_touch(device), .time_msec = time_ms, .touch_id = id + FIRST_FINGER};
		wl_signal_emit_mutable(&event.touch->events.cancel, &event);
	}
}

static void handle_cancel(struct wl_listener *listener, void *data) {
	const struct wlr_touch_cancel_event *event = data;
	cancel(device_of(listener), event->touch_id, event->time_msec);
}

static void handle_touch_frame(struct wl_listener *listener, void *data) {
	wl_signal_emit_mutable(&seat_touch(device_of(listener))->events.frame, NULL);
}

static void hear_touch(struct es_local_device *device) {
	struct wlr_touch *touch = wlr_touch_from_input_device(device->input);
	hear(device, &touch->events.down, handle_down);
	hear(device, &touch->events.motion, handle_touch_motion);
	hear(device, &touch->events.up, handle_up);
	hear(device, &touch->events.cancel, handle_cancel);
	hear(device, &touch->events.frame, handle_touch_frame);
}

// --- tablets: the seat's own pen does what theirs does

static uint16_t to_u16(double v, double full) {
	return (uint16_t)(fmin(fmax(v, 0), 1) * full);
}

static void put_pen(struct es_local_device *device, enum es_pen_phase phase) {
	device->pen.pen.phase = phase;
	pen_put(device->display->pen, &device->pen);
}

static void set_place(struct es_local_device *device, double x, double y) {
	device->pen.pen.x = to_u16(x, UINT16_MAX);
	device->pen.pen.y = to_u16(y, UINT16_MAX);
}

// From the angles along both axes to how far it leans, and where to.
static void set_tilt(struct es_local_device *device, double tilt_x, double tilt_y) {
	double x = tan(fmin(fmax(tilt_x, -89), 89) * RADIANS);
	double y = tan(fmin(fmax(tilt_y, -89), 89) * RADIANS);
	int to = (int)lround(atan2(x, -y) / RADIANS);
	device->pen.pen.tilt = (uint16_t)lround(atan(hypot(x, y)) / RADIANS);
	device->pen.pen.rotation = (uint16_t)((to + 360) % 360);
}

static void handle_tool_axis(struct wl_listener *listener, void *data) {
	struct es_local_device *device = device_of(listener);
	const struct wlr_tablet_tool_axis_event *event = data;
	const double full = UINT16_MAX;
	uint32_t axes = event->updated_axes;
	if ((axes & WLR_TABLET_TOOL_AXIS_X) != 0) {
		device->pen.pen.x = to_u16(event->x, full);
	}
	if ((axes & WLR_TABLET_TOOL_AXIS_Y) != 0) {
		device->pen.pen.y = to_u16(event->y, full);
	}
	if ((axes & WLR_TABLET_TOOL_AXIS_PRESSURE) != 0) {
		device->pen.pen.pressure = to_u16(event->pressure, FULL_SCALE);
	}
	if ((axes & WLR_TABLET_TOOL_AXIS_DISTANCE) != 0) {
		device->pen.pen.distance = to_u16(event->distance, FULL_SCALE);
	}
	if ((axes & (WLR_TABLET_TOOL_AXIS_TILT_X | WLR_TABLET_TOOL_AXIS_TILT_Y)) != 0) {
		set_tilt(device, event->tilt_x, event->tilt_y);
	}
	if (device->pen_near) {
		put_pen(device, device->pen_down ? ES_PEN_MOTION : ES_PEN_HOVER);
	}
}

static void pen_leaves(struct es_local_device *device) {
	if (device->pen_near) {
		device->pen_near = device->pen_down = false;
		device->pen.pen.buttons = 0;
		put_pen(device, ES_PEN_AWAY);
	}
}

static void handle_tool_proximity(struct wl_listener *listener, void *data) {
	struct es_local_device *device = device_of(listener);
	const struct wlr_tablet_tool_proximity_event *event = data;
	if (event->state == WLR_TABLET_TOOL_PROXIMITY_OUT) {
		pen_leaves(device);
		return;
	}
	device->pen = (struct es_device_msg){.type = ES_DEVICE_PEN};
	device->pen.pen.tool =
			event->tool->type == WLR_TABLET_TOOL_TYPE_ERASER ? ES_PEN_ERASER : ES_PEN_TIP;
	device->pen.pen.pressure = device->pen.pen.distance = ES_PEN_UNKNOWN;
	device->pen.pen.tilt = device->pen.pen.rotation = ES_PEN_UNKNOWN;
	device->pen_near = true;
	set_place(device, event->x, event->y);
	put_pen(device, ES_PEN_HOVER);
}

static void handle_tool_tip(struct wl_listener *listener, void *data) {
	struct es_local_device *device = device_of(listener);
	const struct wlr_tablet_tool_tip_event *event = data;
	if (device->pen_near) {
		set_place(device, event->x, event->y);
		device->pen_down = event->state == WLR_TABLET_TOOL_TIP_DOWN;
		put_pen(device, device->pen_down ? ES_PEN_DOWN : ES_PEN_UP);
	}
}

static void handle_tool_button(struct wl_listener *listener, void *data) {
	struct es_local_device *device = device_of(listener);
	const struct wlr_tablet_tool_button_event *event = data;
	uint8_t bit = event->button == BTN_STYLUS ? 1
			: event->button == BTN_STYLUS2	  ? 2
			: event->button == BTN_STYLUS3	  ? 4
											  : 0;
	if (device->pen_near && bit != 0) {
		device->pen.pen.buttons = event->state == WLR_BUTTON_PRESSED
				? device->pen.pen.buttons | bit
				: (uint8_t)(device->pen.pen.buttons & ~bit);
		put_pen(device, device->pen_down ? ES_PEN_MOTION : ES_PEN_HOVER);
	}
}

static void hear_tablet(struct es_local_device *device) {
	struct wlr_tablet *tablet = wlr_tablet_from_input_device(device->input);
	hear(device, &tablet->events.axis, handle_tool_axis);
	hear(device, &tablet->events.proximity, handle_tool_proximity);
	hear(device, &tablet->events.tip, handle_tool_tip);
	hear(device, &tablet->events.button, handle_tool_button);
}

// --- all of them

static bool hear_all(struct es_local_device *device) {
	switch (device->input->type) {
	case WLR_INPUT_DEVICE_KEYBOARD:
		hear_keyboard(device);
		return true;
	case WLR_INPUT_DEVICE_POINTER:
		hear_pointer(device);
		return true;
	case WLR_INPUT_DEVICE_TOUCH:
		hear_touch(device);
		return true;
	case WLR_INPUT_DEVICE_TABLET:
		hear_tablet(device);
		return true;
	case WLR_INPUT_DEVICE_TABLET_PAD:
	case WLR_INPUT_DEVICE_SWITCH:
		break;
	}
	return false;
}

static void release_all(struct es_local_device *device) {
	bool is_pointer = device->input->type == WLR_INPUT_DEVICE_POINTER;
	for (uint32_t code = 0; code <= KEY_MAX; code++) {
		(is_pointer ? put_button : put_key)(device, code, false);
	}
	if (device->fingers != 0) {
		for (int32_t id = 0; id < MAX_FINGERS; id++) {
			cancel(device, id, (uint32_t)(clock_now_ns() / ES_NS_PER_MS));
		}
		wl_signal_emit_mutable(&seat_touch(device)->events.frame, NULL);
	}
	pen_leaves(device);
}

static void handle_destroy(struct wl_listener *listener, void *data) {
	struct es_local_device *device = wl_container_of(listener, device, destroy);
	local_device_destroy(device);
}

struct es_local_device *local_device_create(
		struct es_display *display, struct wlr_input_device *input) {
	struct es_local_device *device = calloc(1, sizeof(*device));
	if (device == NULL) {
		es_log(ES_LOG_WARN, "'%s' does not drive the app: out of memory", input->name);
		return NULL;
	}
	device->display = display;
	device->input = input;
	wl_list_init(&device->link);
	if (!hear_all(device)) {
		free(device);
		return NULL;
	}
	device->destroy.notify = handle_destroy;
	wl_signal_add(&input->events.destroy, &device->destroy);
	return device;
}

void local_device_destroy(struct es_local_device *device) {
	if (device == NULL) {
		return;
	}
	release_all(device);
	wl_list_remove(&device->link);
	wl_list_remove(&device->destroy.link);
	for (size_t i = 0; i < device->n_ears; i++) {
		wl_list_remove(&device->ears[i].listener.link);
	}
	free(device);
}

void local_device_set_leds(struct es_local_device *device, uint32_t leds) {
	if (device->input->type == WLR_INPUT_DEVICE_KEYBOARD) {
		wlr_keyboard_led_update(wlr_keyboard_from_input_device(device->input), leds);
	}
}
