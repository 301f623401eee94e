#include "compositor/cursor.h"

#include <stdlib.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_cursor.h>
#include <wlr/types/wlr_cursor_shape_v1.h>
#include <wlr/types/wlr_relative_pointer_v1.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/types/wlr_xcursor_manager.h>

#include "base/clock.h"
#include "base/log.h"
#include "compositor/display.h"
#include "compositor/globals.h"
#include "compositor/hit_test.h"
#include "compositor/pointer_constraint.h"
#include "compositor/seat.h"
#include "compositor/touch.h"
#include "compositor/view.h"

#define CURSOR_SIZE 24

struct es_cursor {
	struct es_display *display; // borrowed

	// owned
	struct wlr_cursor *wlr_cursor;
	struct wlr_xcursor_manager *theme;
	struct es_pointer_constraint *constraint;
	struct es_touch *touch;

	// state
	bool awake; // a pointer has moved or clicked: the cursor shows
	bool placed; // last_lx, last_ly are those of the absolute event before
	double last_lx, last_ly;
	double origin_lx, origin_ly; // of the surface that holds a pressed button

	struct wl_listener motion;
	struct wl_listener motion_absolute;
	struct wl_listener button;
	struct wl_listener axis;
	struct wl_listener frame;
	struct wl_listener focus_change;
	struct wl_listener request_set_cursor;
	struct wl_listener request_set_shape;
};

static struct wlr_seat *wlr_seat_of(const struct es_cursor *cursor) {
	return cursor->display->seat->wlr_seat;
}

static uint32_t now_ms(void) {
	return (uint32_t)(clock_now_ns() / ES_NS_PER_MS);
}

// A pressed button keeps the pointer in the surface where it was pressed, until it is let go;
// menus and drags have grabs that must see what lies under the pointer.
static bool held_by_button(struct wlr_seat *seat) {
	return seat->pointer_state.button_count > 0 && seat->pointer_state.focused_surface != NULL &&
			!wlr_seat_pointer_has_grab(seat);
}

static void point_at_what_is_there(struct es_cursor *cursor, uint32_t time_ms, bool moved) {
	struct wlr_seat *seat = wlr_seat_of(cursor);
	double lx = cursor->wlr_cursor->x, ly = cursor->wlr_cursor->y, sx, sy;
	if (held_by_button(seat)) {
		if (moved) {
			wlr_seat_pointer_notify_motion(
					seat, time_ms, lx - cursor->origin_lx, ly - cursor->origin_ly);
		}
		return;
	}
	struct wlr_surface *surface = hit_test(cursor->display, lx, ly, &sx, &sy, NULL);
	if (surface == NULL) {
		wlr_seat_pointer_notify_clear_focus(seat);
		return;
	}
	wlr_seat_pointer_notify_enter(seat, surface, sx, sy);
	if (moved) {
		wlr_seat_pointer_notify_motion(seat, time_ms, sx, sy);
	}
}

static void show_default(struct es_cursor *cursor) {
	wlr_cursor_set_xcursor(cursor->wlr_cursor, cursor->theme, "default");
}

static void wake(struct es_cursor *cursor) {
	seat_notify_activity(cursor->display->seat);
	if (!cursor->awake) {
		cursor->awake = true;
		wlr_cursor_warp_absolute(cursor->wlr_cursor, NULL, 0.5, 0.5);
		show_default(cursor);
	}
}

static void move(struct es_cursor *cursor, uint32_t time_ms, double dx, double dy,
		double relative_dx, double relative_dy) {
	wlr_relative_pointer_manager_v1_send_relative_motion(cursor->display->globals->relative_pointer,
			wlr_seat_of(cursor), (uint64_t)time_ms * 1000, relative_dx, relative_dy, relative_dx,
			relative_dy);
	if (!pointer_constraint_limit(cursor->constraint, &dx, &dy)) {
		return;
	}
	wlr_cursor_move(cursor->wlr_cursor, NULL, dx, dy);
	seat_move_drag_icon(cursor->display->seat, cursor->wlr_cursor->x, cursor->wlr_cursor->y);
	point_at_what_is_there(cursor, time_ms, true);
}

static void handle_motion(struct wl_listener *listener, void *data) {
	struct es_cursor *cursor = wl_container_of(listener, cursor, motion);
	const struct wlr_pointer_motion_event *event = data;
	wake(cursor);
	cursor->placed = false;
	move(cursor, event->time_msec, event->delta_x, event->delta_y, event->delta_x, event->delta_y);
}

static void handle_motion_absolute(struct wl_listener *listener, void *data) {
	struct es_cursor *cursor = wl_container_of(listener, cursor, motion_absolute);
	const struct wlr_pointer_motion_absolute_event *event = data;
	double lx, ly;
	wlr_cursor_absolute_to_layout_coords(cursor->wlr_cursor, NULL, event->x, event->y, &lx, &ly);
	wake(cursor);
	// A locked pointer does not follow, so what it moved is measured from the event before.
	double from_x = cursor->placed ? cursor->last_lx : cursor->wlr_cursor->x;
	double from_y = cursor->placed ? cursor->last_ly : cursor->wlr_cursor->y;
	cursor->placed = true;
	cursor->last_lx = lx;
	cursor->last_ly = ly;
	move(cursor, event->time_msec, lx - cursor->wlr_cursor->x, ly - cursor->wlr_cursor->y,
			lx - from_x, ly - from_y);
}

static void focus_clicked(struct es_cursor *cursor) {
	struct wlr_seat *seat = wlr_seat_of(cursor);
	struct es_view *view;
	double sx, sy;
	if (wlr_seat_pointer_has_grab(seat) ||
			hit_test(cursor->display, cursor->wlr_cursor->x, cursor->wlr_cursor->y, &sx, &sy,
					&view) == NULL ||
			view == NULL || cursor->display->views.next == &view->link) {
		return;
	}
	view_focus(view);
}

static void handle_button(struct wl_listener *listener, void *data) {
	struct es_cursor *cursor = wl_container_of(listener, cursor, button);
	const struct wlr_pointer_button_event *event = data;
	struct wlr_seat *seat = wlr_seat_of(cursor);
	wake(cursor);
	if (event->state == WL_POINTER_BUTTON_STATE_PRESSED) {
		point_at_what_is_there(cursor, event->time_msec, false);
		focus_clicked(cursor);
		cursor->origin_lx = cursor->wlr_cursor->x - seat->pointer_state.sx;
		cursor->origin_ly = cursor->wlr_cursor->y - seat->pointer_state.sy;
	}
	wlr_seat_pointer_notify_button(seat, event->time_msec, event->button, event->state);
	if (event->state == WL_POINTER_BUTTON_STATE_RELEASED) {
		point_at_what_is_there(cursor, event->time_msec, false);
	}
}

static void handle_axis(struct wl_listener *listener, void *data) {
	struct es_cursor *cursor = wl_container_of(listener, cursor, axis);
	const struct wlr_pointer_axis_event *event = data;
	wake(cursor);
	point_at_what_is_there(cursor, event->time_msec, false);
	wlr_seat_pointer_notify_axis(wlr_seat_of(cursor), event->time_msec, event->orientation,
			event->delta, event->delta_discrete, event->source, event->relative_direction);
}

static void handle_frame(struct wl_listener *listener, void *data) {
	struct es_cursor *cursor = wl_container_of(listener, cursor, frame);
	wlr_seat_pointer_notify_frame(wlr_seat_of(cursor));
}

static void handle_focus_change(struct wl_listener *listener, void *data) {
	struct es_cursor *cursor = wl_container_of(listener, cursor, focus_change);
	const struct wlr_seat_pointer_focus_change_event *event = data;
	pointer_constraint_set_surface(cursor->constraint, event->new_surface);
	// The picture was the old client's; the new one sets its own when it has been entered.
	struct wl_client *old_client =
			event->old_surface ? wl_resource_get_client(event->old_surface->resource) : NULL;
	struct wl_client *new_client =
			event->new_surface ? wl_resource_get_client(event->new_surface->resource) : NULL;
	if (old_client != new_client && cursor->awake) {
		show_default(cursor);
	}
}

static void handle_request_set_cursor(struct wl_listener *listener, void *data) {
	struct es_cursor *cursor = wl_container_of(listener, cursor, request_set_cursor);
	const struct wlr_seat_pointer_request_set_cursor_event *event = data;
	if (event->seat_client == wlr_seat_of(cursor)->pointer_state.focused_client) {
		wlr_cursor_set_surface(
				cursor->wlr_cursor, event->surface, event->hotspot_x, event->hotspot_y);
	}
}

static void handle_request_set_shape(struct wl_listener *listener, void *data) {
	struct es_cursor *cursor = wl_container_of(listener, cursor, request_set_shape);
	const struct wlr_cursor_shape_manager_v1_request_set_shape_event *event = data;
	if (event->device_type == WLR_CURSOR_SHAPE_MANAGER_V1_DEVICE_TYPE_POINTER &&
			event->seat_client == wlr_seat_of(cursor)->pointer_state.focused_client) {
		wlr_cursor_set_xcursor(
				cursor->wlr_cursor, cursor->theme, wlr_cursor_shape_v1_name(event->shape));
	}
}

static void listen(struct es_cursor *cursor) {
	struct wlr_seat *seat = wlr_seat_of(cursor);
	struct {
		struct wl_signal *signal;
		struct wl_listener *listener;
		wl_notify_func_t notify;
	} listeners[] = {
			{&cursor->wlr_cursor->events.motion, &cursor->motion, handle_motion},
			{&cursor->wlr_cursor->events.motion_absolute, &cursor->motion_absolute,
					handle_motion_absolute},
			{&cursor->wlr_cursor->events.button, &cursor->button, handle_button},
			{&cursor->wlr_cursor->events.axis, &cursor->axis, handle_axis},
			{&cursor->wlr_cursor->events.frame, &cursor->frame, handle_frame},
			{&seat->pointer_state.events.focus_change, &cursor->focus_change, handle_focus_change},
			{&seat->events.request_set_cursor, &cursor->request_set_cursor,
					handle_request_set_cursor},
			{&cursor->display->globals->cursor_shape->events.request_set_shape,
					&cursor->request_set_shape, handle_request_set_shape},
	};
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		listeners[i].listener->notify = listeners[i].notify;
		wl_signal_add(listeners[i].signal, listeners[i].listener);
	}
}

static void stop_listening(struct es_cursor *cursor) {
	struct wl_listener *listeners[] = {&cursor->motion, &cursor->motion_absolute, &cursor->button,
			&cursor->axis, &cursor->frame, &cursor->focus_change, &cursor->request_set_cursor,
			&cursor->request_set_shape};
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		if (listeners[i]->notify != NULL) {
			wl_list_remove(&listeners[i]->link);
		}
	}
}

struct es_cursor *cursor_create(struct es_display *display) {
	struct es_cursor *cursor = calloc(1, sizeof(*cursor));
	if (cursor == NULL) {
		goto fail;
	}
	cursor->display = display;
	cursor->wlr_cursor = wlr_cursor_create();
	cursor->theme = wlr_xcursor_manager_create(NULL, CURSOR_SIZE);
	if (cursor->wlr_cursor == NULL || cursor->theme == NULL) {
		goto fail;
	}
	cursor->constraint = pointer_constraint_create(display, cursor->wlr_cursor);
	cursor->touch = touch_create(display, cursor->wlr_cursor);
	if (cursor->constraint == NULL || cursor->touch == NULL) {
		goto fail;
	}
	wlr_cursor_attach_output_layout(cursor->wlr_cursor, display->output_layout);
	wlr_cursor_attach_input_device(cursor->wlr_cursor, &display->seat->pointer.base);
	wlr_cursor_attach_input_device(cursor->wlr_cursor, &display->seat->touch.base);
	listen(cursor);
	return cursor;
fail:
	es_log(ES_LOG_ERROR, "cannot make the cursor: out of memory");
	cursor_destroy(cursor);
	return NULL;
}

void cursor_destroy(struct es_cursor *cursor) {
	if (cursor == NULL) {
		return;
	}
	stop_listening(cursor);
	touch_destroy(cursor->touch);
	pointer_constraint_destroy(cursor->constraint);
	if (cursor->wlr_cursor != NULL) {
		wlr_cursor_destroy(cursor->wlr_cursor);
	}
	if (cursor->theme != NULL) {
		wlr_xcursor_manager_destroy(cursor->theme);
	}
	free(cursor);
}

void cursor_update_focus(struct es_cursor *cursor) {
	if (cursor != NULL && cursor->awake) {
		point_at_what_is_there(cursor, now_ms(), false);
	}
}

struct wlr_buffer *cursor_default_image(struct es_cursor *cursor, int *hotspot_x, int *hotspot_y) {
	wlr_xcursor_manager_load(cursor->theme, 1);
	struct wlr_xcursor *xcursor = wlr_xcursor_manager_get_xcursor(cursor->theme, "default", 1);
	if (xcursor == NULL) {
		return NULL;
	}
	*hotspot_x = (int)xcursor->images[0]->hotspot_x;
	*hotspot_y = (int)xcursor->images[0]->hotspot_y;
	return wlr_xcursor_image_get_buffer(xcursor->images[0]);
}
