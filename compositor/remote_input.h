// Input from a viewer: reads the device link and moves the seat's devices. What the viewer holds
// down is let go when it says so or is gone.
#pragma once

struct es_display;
struct es_remote_input;

// Owns fd from here on, in any case. NULL after a logged error. Needs seat and cursor.
struct es_remote_input *remote_input_create(struct es_display *display, int fd);
// Releases what is held. NULL is fine.
void remote_input_destroy(struct es_remote_input *input);
