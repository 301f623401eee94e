// The listening client: a Wayland app that writes down all input that it gets, one JSON object per
// line.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <wayland-client.h>

struct zwp_relative_pointer_manager_v1;
struct zwp_tablet_manager_v2;
struct zwp_text_input_manager_v3;

struct es_listen {
	FILE *log;
	struct wl_display *display;
	struct wl_compositor *compositor;
	struct wl_shm *shm;
	struct xdg_wm_base *wm_base;
	struct wl_seat *seat;
	struct zwp_relative_pointer_manager_v1 *relative_manager;
	struct zwp_tablet_manager_v2 *tablet_manager;
	struct zwp_text_input_manager_v3 *text_manager;
	struct wl_surface *surface;
	int32_t width, height; // as configured last
	bool done;
};

// One line, flushed; the format is JSON.
void listen_note(struct es_listen *listen, const char *format, ...)
		__attribute__((format(printf, 2, 3)));

// listen_seat.c: keyboard, pointer and touch; listen_tablet.c; listen_text.c. Each begins to listen; what
// it makes lives as long as the connection.
void listen_to_seat(struct es_listen *listen);
void listen_to_tablets(struct es_listen *listen);
void listen_to_text(struct es_listen *listen);
