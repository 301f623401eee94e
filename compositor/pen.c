#include "compositor/pen.h"

#include <linux/input-event-codes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <wlr/interfaces/wlr_tablet_tool.h>
#include <wlr/types/wlr_pointer.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/types/wlr_tablet_v2.h>

#include "base/clock.h"
#include "base/log.h"
#include "compositor/display.h"
#include "compositor/globals.h"
#include "compositor/hit_test.h"
#include "compositor/seat.h"
#include "compositor/view.h"

#define N_TOOLS 2
#define N_BUTTONS 3
#define DEGREES (180 / 3.14159265358979323846)
#define STEEPEST 89.0 // degrees; flat on the screen has no tangent
// Pressure and distance on the link, 0..65534.
#define FULL_SCALE 65534.0

static const uint32_t button_codes[N_BUTTONS] = {BTN_STYLUS, BTN_STYLUS2, BTN_STYLUS3};
static const struct wlr_tablet_impl tablet_impl = {.name = "earthshine-pen"};

struct tool {
	struct wlr_tablet_tool device;
	struct wlr_tablet_v2_tablet_tool *v2; // ends with the device
};

struct es_pen {
	struct es_display *display; // borrowed
	struct wlr_tablet device;
	struct wlr_tablet_v2_tablet *tablet; // ends with the device
	struct tool tools[N_TOOLS]; // by es_pen_tool - 1

	struct tool *near; // within reach, NULL: none
	bool emulating; // the tip is down, as the pointer's left button
	bool down; // on the surface whose origin is there; it keeps the pen until the tip is up
	double origin_lx, origin_ly;
	uint8_t buttons;
};

struct es_pen *pen_create(struct es_display *display) {
	static const enum wlr_tablet_tool_type types[N_TOOLS] = {
			WLR_TABLET_TOOL_TYPE_PEN, WLR_TABLET_TOOL_TYPE_ERASER};
	struct es_pen *pen = calloc(1, sizeof(*pen));
	if (pen == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the pen: out of memory");
		return NULL;
	}
	pen->display = display;
	wlr_tablet_init(&pen->device, &tablet_impl, tablet_impl.name);
	for (size_t i = 0; i < N_TOOLS; i++) {
		struct wlr_tablet_tool *device = &pen->tools[i].device;
		*device = (struct wlr_tablet_tool){
				.type = types[i],
				.hardware_serial = i + 1,
				.tilt = true,
				.pressure = true,
				.distance = true,
		};
		wl_signal_init(&device->events.destroy);
	}
	struct wlr_tablet_manager_v2 *manager = display->globals->tablet;
	struct wlr_seat *seat = display->seat->wlr_seat;
	pen->tablet = wlr_tablet_create(manager, seat, &pen->device.base);
	for (size_t i = 0; i < N_TOOLS; i++) {
		pen->tools[i].v2 = wlr_tablet_tool_create(manager, seat, &pen->tools[i].device);
	}
	if (pen->tablet == NULL || pen->tools[0].v2 == NULL || pen->tools[1].v2 == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the pen: out of memory");
		pen_destroy(pen);
		return NULL;
	}
	return pen;
}

void pen_destroy(struct es_pen *pen) {
	if (pen == NULL) {
		return;
	}
	for (size_t i = 0; i < N_TOOLS; i++) {
		wl_signal_emit_mutable(&pen->tools[i].device.events.destroy, &pen->tools[i].device);
	}
	wlr_tablet_finish(&pen->device);
	free(pen);
}

// --- as a pointer

static uint32_t now_ms(void) {
	return (uint32_t)(clock_now_ns() / ES_NS_PER_MS);
}

static void emulate_place(struct es_pen *pen, double x, double y) {
	struct wlr_pointer *pointer = &pen->display->seat->pointer;
	struct wlr_pointer_motion_absolute_event event = {
			.pointer = pointer, .time_msec = now_ms(), .x = x, .y = y};
	wl_signal_emit_mutable(&pointer->events.motion_absolute, &event);
	wl_signal_emit_mutable(&pointer->events.frame, pointer);
}

static void emulate_tip(struct es_pen *pen, bool down) {
	struct wlr_pointer *pointer = &pen->display->seat->pointer;
	if (pen->emulating == down) {
		return;
	}
	pen->emulating = down;
	struct wlr_pointer_button_event event = {
			.pointer = pointer,
			.time_msec = now_ms(),
			.button = BTN_LEFT,
			.state = down ? WL_POINTER_BUTTON_STATE_PRESSED : WL_POINTER_BUTTON_STATE_RELEASED,
	};
	wlr_pointer_notify_button(pointer, &event);
	wl_signal_emit_mutable(&pointer->events.frame, pointer);
}

// --- as a tablet

static void put_buttons(struct es_pen *pen, uint8_t buttons) {
	for (size_t i = 0; i < N_BUTTONS; i++) {
		bool pressed = buttons >> i & 1;
		if (pressed != (pen->buttons >> i & 1)) {
			wlr_tablet_v2_tablet_tool_notify_button(pen->near->v2, button_codes[i],
					pressed ? ZWP_TABLET_PAD_V2_BUTTON_STATE_PRESSED
							: ZWP_TABLET_PAD_V2_BUTTON_STATE_RELEASED);
		}
	}
	pen->buttons = buttons;
}

static void put_tip(struct es_pen *pen, bool down) {
	if (pen->down == down) {
		return;
	}
	pen->down = down;
	if (!down) {
		wlr_tablet_v2_tablet_tool_notify_up(pen->near->v2);
		return;
	}
	wlr_tablet_v2_tablet_tool_notify_down(pen->near->v2);
}

void pen_release(struct es_pen *pen) {
	emulate_tip(pen, false);
	if (pen->near == NULL) {
		return;
	}
	put_tip(pen, false);
	put_buttons(pen, 0);
	wlr_tablet_v2_tablet_tool_notify_proximity_out(pen->near->v2);
	pen->near = NULL;
}

static void approach(struct es_pen *pen, struct tool *tool, struct wlr_surface *surface) {
	if (pen->near != tool) {
		pen_release(pen);
		pen->near = tool;
	}
	// Says nothing if it is there already.
	wlr_tablet_v2_tablet_tool_notify_proximity_in(tool->v2, pen->tablet, surface);
}

// The link tells where the pen leans to and how far; apps want the angles along both axes.
static void put_tilt(struct es_pen *pen, uint16_t tilt, uint16_t rotation) {
	if (tilt == ES_PEN_UNKNOWN || rotation == ES_PEN_UNKNOWN) {
		return;
	}
	double lean = tan(fmin(tilt, STEEPEST) / DEGREES), to = rotation / DEGREES;
	wlr_tablet_v2_tablet_tool_notify_tilt(
			pen->near->v2, atan(lean * sin(to)) * DEGREES, atan(-lean * cos(to)) * DEGREES);
}

static void put_axes(struct es_pen *pen, const struct es_device_msg *msg) {
	struct wlr_tablet_v2_tablet_tool *tool = pen->near->v2;
	if (msg->pen.pressure != ES_PEN_UNKNOWN) {
		wlr_tablet_v2_tablet_tool_notify_pressure(tool, msg->pen.pressure / FULL_SCALE);
	}
	if (msg->pen.distance != ES_PEN_UNKNOWN) {
		wlr_tablet_v2_tablet_tool_notify_distance(tool, msg->pen.distance / FULL_SCALE);
	}
	put_tilt(pen, msg->pen.tilt, msg->pen.rotation);
}

static void put_near(struct es_pen *pen, const struct es_device_msg *msg, double lx, double ly) {
	struct wlr_tablet_v2_tablet_tool *tool = pen->near->v2;
	bool up = msg->pen.phase == ES_PEN_UP || msg->pen.phase == ES_PEN_HOVER;
	if (up) {
		put_tip(pen, false);
	}
	wlr_tablet_v2_tablet_tool_notify_motion(tool, lx - pen->origin_lx, ly - pen->origin_ly);
	put_axes(pen, msg);
	if (msg->pen.phase == ES_PEN_DOWN) {
		put_tip(pen, true);
	}
	put_buttons(pen, msg->pen.buttons);
}

static void put_as_pointer(struct es_pen *pen, const struct es_device_msg *msg) {
	emulate_place(pen, msg->pen.x / (double)UINT16_MAX, msg->pen.y / (double)UINT16_MAX);
	if (msg->pen.phase == ES_PEN_DOWN) {
		emulate_tip(pen, true);
	} else if (msg->pen.phase != ES_PEN_MOTION) {
		emulate_tip(pen, false);
	}
}

void pen_put(struct es_pen *pen, const struct es_device_msg *msg) {
	seat_notify_activity(pen->display->seat);
	if (msg->pen.phase == ES_PEN_AWAY) {
		pen_release(pen);
		return;
	}
	int width, height;
	display_logical_size(pen->display, &width, &height);
	double lx = msg->pen.x * (double)width / UINT16_MAX;
	double ly = msg->pen.y * (double)height / UINT16_MAX;
	if (pen->down || pen->emulating) {
		if (pen->emulating) {
			put_as_pointer(pen, msg);
		} else {
			put_near(pen, msg, lx, ly);
		}
		return;
	}
	double sx, sy;
	struct es_view *view;
	struct wlr_surface *surface = hit_test(pen->display, lx, ly, &sx, &sy, &view);
	if (msg->pen.phase == ES_PEN_DOWN && view != NULL && pen->display->views.next != &view->link) {
		view_focus(view);
	}
	if (surface == NULL || !wlr_surface_accepts_tablet_v2(surface, pen->tablet)) {
		pen_release(pen);
		put_as_pointer(pen, msg);
		return;
	}
	pen->origin_lx = lx - sx;
	pen->origin_ly = ly - sy;
	approach(pen, &pen->tools[msg->pen.tool - 1], surface);
	put_near(pen, msg, lx, ly);
}
