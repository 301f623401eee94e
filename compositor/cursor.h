// The pointer on the screen and the fingers: motion, what lies under them, locks and confinement,
// and the picture of the cursor. Hidden until the first event of a pointer.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct es_cursor;
struct es_display;
struct wlr_buffer;

// NULL after a logged error. Needs the seat and the globals.
struct es_cursor *cursor_create(struct es_display *display);
// Before the seat and before the output.
void cursor_destroy(struct es_cursor *cursor);

// What lies under the pointer may have changed (a window came, went or moved): enter and leave follow.
void cursor_update_focus(struct es_cursor *cursor);

// The theme's arrow for X11; borrowed, NULL if there is no theme.
struct wlr_buffer *cursor_default_image(struct es_cursor *cursor, int *hotspot_x, int *hotspot_y);
