// Locked and confined pointers: the constraint of the surface under the pointer is in force.
#pragma once

#include <stdbool.h>

struct es_display;
struct es_pointer_constraint;
struct wlr_cursor;
struct wlr_surface;

// NULL: out of memory. Borrows both.
struct es_pointer_constraint *pointer_constraint_create(
		struct es_display *display, struct wlr_cursor *cursor);
void pointer_constraint_destroy(struct es_pointer_constraint *constraint);

// Pointer focus went there; NULL: nowhere.
void pointer_constraint_set_surface(
		struct es_pointer_constraint *constraint, struct wlr_surface *surface);
// Cuts a movement down to what is allowed. False: locked, the pointer stays.
bool pointer_constraint_limit(struct es_pointer_constraint *constraint, double *dx, double *dy);
