// Fingers on the screen: to the surface under them, or as a pointer to apps that know no touch.
#pragma once

struct es_display;
struct es_touch;
struct wlr_cursor;

// NULL: out of memory. Borrows both.
struct es_touch *touch_create(struct es_display *display, struct wlr_cursor *cursor);
void touch_destroy(struct es_touch *touch);
