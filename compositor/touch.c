#include "compositor/touch.h"

#include <linux/input-event-codes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <wlr/types/wlr_cursor.h>
#include <wlr/types/wlr_seat.h>

#include "compositor/display.h"
#include "compositor/hit_test.h"
#include "compositor/seat.h"
#include "compositor/view.h"

#define MAX_FINGERS 16

struct finger {
	bool down;
	int32_t id;
	double origin_lx, origin_ly; // of the surface that it went down on
};

struct es_touch {
	struct es_display *display; // borrowed
	struct wlr_cursor *cursor; // borrowed
	struct finger fingers[MAX_FINGERS];
	bool emulating; // one finger acts as the pointer's left button
	int32_t emulating_id;

	struct wl_listener down;
	struct wl_listener up;
	struct wl_listener motion;
	struct wl_listener cancel;
	struct wl_listener frame;
};

static struct finger *find_finger(struct es_touch *touch, bool down, int32_t id) {
	for (size_t i = 0; i < MAX_FINGERS; i++) {
		struct finger *finger = &touch->fingers[i];
		if (finger->down == down && (!down || finger->id == id)) {
			return finger;
		}
	}
	return NULL;
}

static void emulate_motion(struct es_touch *touch, uint32_t time_ms, double x, double y) {
	struct wlr_pointer *pointer = &touch->display->seat->pointer;
	struct wlr_pointer_motion_absolute_event event = {
			.pointer = pointer, .time_msec = time_ms, .x = x, .y = y};
	wl_signal_emit_mutable(&pointer->events.motion_absolute, &event);
	wl_signal_emit_mutable(&pointer->events.frame, pointer);
}

static void emulate_button(
		struct es_touch *touch, uint32_t time_ms, enum wl_pointer_button_state state) {
	struct wlr_pointer *pointer = &touch->display->seat->pointer;
	struct wlr_pointer_button_event event = {
			.pointer = pointer, .time_msec = time_ms, .button = BTN_LEFT, .state = state};
	wlr_pointer_notify_button(pointer, &event);
	wl_signal_emit_mutable(&pointer->events.frame, pointer);
}

static bool emulates(const struct es_touch *touch, int32_t id) {
	return touch->emulating && touch->emulating_id == id;
}

static void handle_down(struct wl_listener *listener, void *data) {
	struct es_touch *touch = wl_container_of(listener, touch, down);
	const struct wlr_touch_down_event *event = data;
	struct wlr_seat *seat = touch->display->seat->wlr_seat;
	double lx, ly, sx, sy;
	struct es_view *view;
	wlr_cursor_absolute_to_layout_coords(
			touch->cursor, &event->touch->base, event->x, event->y, &lx, &ly);
	seat_notify_activity(touch->display->seat);
	struct wlr_surface *surface = hit_test(touch->display, lx, ly, &sx, &sy, &view);
	if (surface == NULL) {
		return;
	}
	if (view != NULL && touch->display->views.next != &view->link &&
			!wlr_seat_touch_has_grab(seat)) {
		view_focus(view);
	}
	if (wlr_surface_accepts_touch(surface, seat)) {
		seat_move_drag_icon(touch->display->seat, lx, ly);
		struct finger *finger = find_finger(touch, false, 0);
		if (finger == NULL) {
			return;
		}
		*finger = (struct finger){true, event->touch_id, lx - sx, ly - sy};
		wlr_seat_touch_notify_down(seat, surface, event->time_msec, event->touch_id, sx, sy);
	} else if (!touch->emulating) {
		touch->emulating = true;
		touch->emulating_id = event->touch_id;
		emulate_motion(touch, event->time_msec, event->x, event->y);
		emulate_button(touch, event->time_msec, WL_POINTER_BUTTON_STATE_PRESSED);
	}
}

static void end_finger(struct es_touch *touch, int32_t id) {
	struct finger *finger = find_finger(touch, true, id);
	if (finger != NULL) {
		finger->down = false;
	}
}

static void handle_up(struct wl_listener *listener, void *data) {
	struct es_touch *touch = wl_container_of(listener, touch, up);
	const struct wlr_touch_up_event *event = data;
	if (emulates(touch, event->touch_id)) {
		touch->emulating = false;
		emulate_button(touch, event->time_msec, WL_POINTER_BUTTON_STATE_RELEASED);
		return;
	}
	end_finger(touch, event->touch_id);
	struct wlr_seat *seat = touch->display->seat->wlr_seat;
	if (wlr_seat_touch_get_point(seat, event->touch_id) != NULL) {
		wlr_seat_touch_notify_up(seat, event->time_msec, event->touch_id);
	}
}

static void handle_motion(struct wl_listener *listener, void *data) {
	struct es_touch *touch = wl_container_of(listener, touch, motion);
	const struct wlr_touch_motion_event *event = data;
	struct wlr_seat *seat = touch->display->seat->wlr_seat;
	seat_notify_activity(touch->display->seat);
	if (emulates(touch, event->touch_id)) {
		emulate_motion(touch, event->time_msec, event->x, event->y);
		return;
	}
	const struct finger *finger = find_finger(touch, true, event->touch_id);
	if (finger == NULL || wlr_seat_touch_get_point(seat, event->touch_id) == NULL) {
		return;
	}
	double lx, ly, sx, sy;
	wlr_cursor_absolute_to_layout_coords(
			touch->cursor, &event->touch->base, event->x, event->y, &lx, &ly);
	if (seat->drag != NULL) {
		seat_move_drag_icon(touch->display->seat, lx, ly);
		struct wlr_surface *surface = hit_test(touch->display, lx, ly, &sx, &sy, NULL);
		if (surface != NULL) {
			wlr_seat_touch_point_focus(seat, surface, event->time_msec, event->touch_id, sx, sy);
		} else {
			wlr_seat_touch_point_clear_focus(seat, event->time_msec, event->touch_id);
		}
	}
	wlr_seat_touch_notify_motion(seat, event->time_msec, event->touch_id, lx - finger->origin_lx,
			ly - finger->origin_ly);
}

static void handle_cancel(struct wl_listener *listener, void *data) {
	struct es_touch *touch = wl_container_of(listener, touch, cancel);
	const struct wlr_touch_cancel_event *event = data;
	struct wlr_seat *seat = touch->display->seat->wlr_seat;
	if (emulates(touch, event->touch_id)) {
		touch->emulating = false;
		emulate_button(touch, event->time_msec, WL_POINTER_BUTTON_STATE_RELEASED);
		return;
	}
	struct wlr_touch_point *point = wlr_seat_touch_get_point(seat, event->touch_id);
	end_finger(touch, event->touch_id);
	if (point != NULL) {
		// The protocol knows only the end of all fingers of a client.
		wlr_seat_touch_notify_cancel(seat, point->client);
	}
}

static void handle_frame(struct wl_listener *listener, void *data) {
	struct es_touch *touch = wl_container_of(listener, touch, frame);
	wlr_seat_touch_notify_frame(touch->display->seat->wlr_seat);
}

struct es_touch *touch_create(struct es_display *display, struct wlr_cursor *cursor) {
	struct es_touch *touch = calloc(1, sizeof(*touch));
	if (touch == NULL) {
		return NULL;
	}
	touch->display = display;
	touch->cursor = cursor;
	touch->down.notify = handle_down;
	wl_signal_add(&cursor->events.touch_down, &touch->down);
	touch->up.notify = handle_up;
	wl_signal_add(&cursor->events.touch_up, &touch->up);
	touch->motion.notify = handle_motion;
	wl_signal_add(&cursor->events.touch_motion, &touch->motion);
	touch->cancel.notify = handle_cancel;
	wl_signal_add(&cursor->events.touch_cancel, &touch->cancel);
	touch->frame.notify = handle_frame;
	wl_signal_add(&cursor->events.touch_frame, &touch->frame);
	return touch;
}

void touch_destroy(struct es_touch *touch) {
	if (touch == NULL) {
		return;
	}
	wl_list_remove(&touch->down.link);
	wl_list_remove(&touch->up.link);
	wl_list_remove(&touch->motion.link);
	wl_list_remove(&touch->cancel.link);
	wl_list_remove(&touch->frame.link);
	free(touch);
}
