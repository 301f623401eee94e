#include "compositor/pointer_constraint.h"

#include <stdlib.h>
#include <wlr/types/wlr_cursor.h>
#include <wlr/types/wlr_pointer_constraints_v1.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/util/region.h>

#include "compositor/display.h"
#include "compositor/globals.h"
#include "compositor/seat.h"

struct es_pointer_constraint {
	struct es_display *display; // borrowed
	struct wlr_cursor *cursor; // borrowed
	struct wlr_pointer_constraint_v1 *active; // borrowed, NULL: none

	struct wl_listener new_constraint;
	struct wl_listener active_destroy;
};

// A client that unlocks says where its own cursor was drawn: the pointer goes on from there.
static void warp_to_hint(struct es_pointer_constraint *constraint) {
	const struct wlr_pointer_constraint_v1 *active = constraint->active;
	struct wlr_seat *seat = constraint->display->seat->wlr_seat;
	if (active->type != WLR_POINTER_CONSTRAINT_V1_LOCKED || !active->current.cursor_hint.enabled ||
			seat->pointer_state.focused_surface != active->surface) {
		return;
	}
	double sx = active->current.cursor_hint.x, sy = active->current.cursor_hint.y;
	double lx = constraint->cursor->x - seat->pointer_state.sx + sx;
	double ly = constraint->cursor->y - seat->pointer_state.sy + sy;
	if (wlr_cursor_warp(constraint->cursor, NULL, lx, ly)) {
		wlr_seat_pointer_warp(seat, sx, sy);
	}
}

static void forget_active(struct es_pointer_constraint *constraint) {
	wl_list_remove(&constraint->active_destroy.link);
	wl_list_init(&constraint->active_destroy.link);
	constraint->active = NULL;
}

static void handle_active_destroy(struct wl_listener *listener, void *data) {
	struct es_pointer_constraint *constraint =
			wl_container_of(listener, constraint, active_destroy);
	warp_to_hint(constraint);
	forget_active(constraint);
}

static void activate(
		struct es_pointer_constraint *constraint, struct wlr_pointer_constraint_v1 *next) {
	if (constraint->active == next) {
		return;
	}
	if (constraint->active != NULL) {
		struct wlr_pointer_constraint_v1 *old = constraint->active;
		forget_active(constraint);
		// Destroys a one-shot constraint.
		wlr_pointer_constraint_v1_send_deactivated(old);
	}
	if (next != NULL) {
		constraint->active = next;
		wl_signal_add(&next->events.destroy, &constraint->active_destroy);
		wlr_pointer_constraint_v1_send_activated(next);
	}
}

static void handle_new_constraint(struct wl_listener *listener, void *data) {
	struct es_pointer_constraint *constraint =
			wl_container_of(listener, constraint, new_constraint);
	struct wlr_pointer_constraint_v1 *created = data;
	struct wlr_seat *seat = constraint->display->seat->wlr_seat;
	if (created->surface == seat->pointer_state.focused_surface) {
		activate(constraint, created);
	}
}

struct es_pointer_constraint *pointer_constraint_create(
		struct es_display *display, struct wlr_cursor *cursor) {
	struct es_pointer_constraint *constraint = calloc(1, sizeof(*constraint));
	if (constraint == NULL) {
		return NULL;
	}
	constraint->display = display;
	constraint->cursor = cursor;
	constraint->active_destroy.notify = handle_active_destroy;
	wl_list_init(&constraint->active_destroy.link);
	constraint->new_constraint.notify = handle_new_constraint;
	wl_signal_add(&display->globals->pointer_constraints->events.new_constraint,
			&constraint->new_constraint);
	return constraint;
}

void pointer_constraint_destroy(struct es_pointer_constraint *constraint) {
	if (constraint == NULL) {
		return;
	}
	wl_list_remove(&constraint->new_constraint.link);
	wl_list_remove(&constraint->active_destroy.link);
	free(constraint);
}

void pointer_constraint_set_surface(
		struct es_pointer_constraint *constraint, struct wlr_surface *surface) {
	struct wlr_pointer_constraint_v1 *next = NULL;
	if (surface != NULL) {
		next = wlr_pointer_constraints_v1_constraint_for_surface(
				constraint->display->globals->pointer_constraints, surface,
				constraint->display->seat->wlr_seat);
	}
	activate(constraint, next);
}

bool pointer_constraint_limit(struct es_pointer_constraint *constraint, double *dx, double *dy) {
	const struct wlr_pointer_constraint_v1 *active = constraint->active;
	if (active == NULL) {
		return true;
	}
	if (active->type == WLR_POINTER_CONSTRAINT_V1_LOCKED) {
		return false;
	}
	struct wlr_seat *seat = constraint->display->seat->wlr_seat;
	double sx = seat->pointer_state.sx, sy = seat->pointer_state.sy;
	double to_x, to_y;
	// Outside of the region already (it was set after the pointer had entered): let it come in.
	if (wlr_region_confine(&active->region, sx, sy, sx + *dx, sy + *dy, &to_x, &to_y)) {
		*dx = to_x - sx;
		*dy = to_y - sy;
	}
	return true;
}
