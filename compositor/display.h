// The display: one virtual screen, its seat, and the app that lives in it.
//
// Everything here is on the one thread of earthshine-display, which never blocks.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <wayland-server-core.h>
#include <wlr/types/wlr_scene.h>

#include "protocol/session_msg.h"

struct es_app;
struct es_clipboard;
struct es_commit_hold;
struct es_commit_ledger;
struct es_cursor;
struct es_gamepads;
struct es_globals;
struct es_local_devices;
struct es_remote_input;
struct es_pen;
struct es_repaint;
struct es_screen_source;
struct es_spawner;
struct es_seat;
struct es_session;
struct es_sound_card;
struct es_viewers;
struct es_virtual_output;
struct es_xdg_shell;
struct es_xwayland;

struct es_display {
	// owned; the core, made by display_create in this order
	struct wl_display *wl_display;
	struct wl_event_loop *loop;
	struct es_virtual_output *output; // backend and output in one
	struct wlr_renderer *renderer;
	struct wl_listener gpu_lost;
	struct wlr_allocator *allocator;
	struct wlr_compositor *compositor;
	struct es_globals *globals;
	struct wlr_output_layout *output_layout;
	struct wlr_scene *scene;
	struct wlr_scene_output *scene_output;
	// Bottom to top: windows in stacking order (view.h), X11 menus and the like, lock and drag icons.
	struct wlr_scene_tree *layer_views, *layer_unmanaged, *layer_overlay;

	// owned; what apps find there
	struct es_seat *seat;
	struct es_cursor *cursor;
	struct es_pen *pen;
	struct es_xdg_shell *xdg_shell;
	struct es_xwayland *xwayland; // NULL: not built or not available
	struct es_clipboard *clipboard;
	struct es_remote_input *remote_input; // NULL: no device link
	struct es_local_devices *local_devices; // NULL: none
	struct es_sound_card *sound_card; // NULL: none
	struct es_screen_source *screen_source; // NULL: it is not published
	struct es_gamepads *gamepads; // NULL: none
	struct es_spawner *spawner; // borrowed
	struct es_app *app; // NULL before the start
	char *const *app_env; // borrowed; more for the app's environment, or NULL
	char wayland_socket[64];

	// views, front to back in focus order
	struct wl_list views; // es_view.link

	struct es_mode mode;
	struct es_colour colour; // of the screen
	uint32_t scale_milli;
	struct es_display_stats stats; // committed, superseded and usage are filled in when asked for

	// the core's own
	struct es_commit_ledger *commits;
	struct es_commit_hold *hold;
	struct es_viewers *viewers;
	struct es_repaint *repaint;
	struct es_session *session; // borrowed; NULL outside of its life
};

// Everything up to the listening socket; no app yet. detached_mhz as in START_DISPLAY. NULL after a
// logged error.
struct es_display *display_create(const struct es_mode *mode, const struct es_colour *colour,
		uint32_t scale_milli, int32_t detached_mhz, struct es_spawner *spawner);
// In the order that wlroots demands; NULL and half-built are fine. Does not wait for the app: app_stop first.
void display_destroy(struct es_display *display);

// New size or refresh: the output changes, views are arranged anew, the app lives.
bool display_set_mode(struct es_display *display, const struct es_mode *mode);

// Logical size of the screen (mode divided by scale).
void display_logical_size(const struct es_display *display, int *width, int *height);

// Called once by app.c when the main process of the app is gone: status as from waitpid.
void display_handle_app_exit(struct es_display *display, int status);
