// The seat: one keyboard, one pointer and one touch screen, always there so that games find them,
// fed by remote_input.c and local_device.c; keyboard focus, clipboard and drag-and-drop.
#pragma once

#include <linux/input-event-codes.h>
#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>
#include <wlr/interfaces/wlr_keyboard.h>
#include <wlr/interfaces/wlr_pointer.h>
#include <wlr/interfaces/wlr_touch.h>

struct es_display;
struct es_text_input;
struct wlr_scene_tree;
struct wlr_seat;
struct wlr_surface;

struct es_seat {
	struct es_display *display;
	struct wlr_seat *wlr_seat;
	// Events are put in by notifying or emitting on these.
	struct wlr_keyboard keyboard;
	struct wlr_pointer pointer;
	struct wlr_touch touch;
	struct es_text_input *text_input; // owned

	// private to seat.c
	bool keyboard_ready, pointer_ready, touch_ready;
	struct wlr_scene_tree *drag_icon; // in layer_overlay, NULL: none
	int drag_lx, drag_ly; // where it belongs
	uint8_t holders[KEY_MAX + 1]; // of each key and button that is down
	struct wl_listener key;
	struct wl_listener modifiers;
	struct wl_listener request_set_selection;
	struct wl_listener request_set_primary_selection;
	struct wl_listener request_start_drag;
	struct wl_listener start_drag;
	struct wl_listener drag_icon_destroy;
};

// NULL after a logged error.
struct es_seat *seat_create(struct es_display *display);
void seat_destroy(struct es_seat *seat);

// Another layout of the keyboard: xkb "layout" or "layout(variant)"; "" is XKB_DEFAULT_* or the
// library's default. Keys that are down stay down. False, logged, and nothing has changed: unknown.
bool seat_set_keyboard(struct es_seat *seat, const char *layout);

// A key or button (KEY_*, BTN_*) of one of those who may hold it: a viewer, a device of this machine. It is
// down as long as anybody holds it. Each says so in turn, and never that it lets go of what it does not hold.
void seat_put_key(struct es_seat *seat, uint32_t code, bool pressed);
void seat_put_button(struct es_seat *seat, uint32_t code, bool pressed);

// Gives the keyboard to a surface with all keys that are down; NULL: to nobody.
void seat_focus(struct es_seat *seat, struct wlr_surface *surface);
// Somebody touched something: idle timers begin anew.
void seat_notify_activity(struct es_seat *seat);
// The pointer, or the finger that drags, is there: the picture of what is dragged follows.
void seat_move_drag_icon(struct es_seat *seat, double lx, double ly);
