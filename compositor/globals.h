// Everything that apps find in the registry, from one table; nothing else is offered.
//
// Nothing here captures the screen or injects input: those protocols are never created, and the
// registry is filtered by an allow-list.
#pragma once

#include <stdbool.h>

struct es_display;
struct wlr_cursor_shape_manager_v1;
struct wlr_idle_notifier_v1;
struct wlr_linux_dmabuf_v1;
struct wlr_pointer_constraints_v1;
struct wlr_relative_pointer_manager_v1;
struct wlr_tablet_manager_v2;
struct wlr_text_input_manager_v3;
struct wlr_xdg_shell;

// Those that other files answer. All are destroyed with the wl_display.
struct es_globals {
	struct wlr_cursor_shape_manager_v1 *cursor_shape;
	struct wlr_idle_notifier_v1 *idle_notifier;
	struct wlr_linux_dmabuf_v1 *linux_dmabuf; // NULL: memory only
	struct wlr_pointer_constraints_v1 *pointer_constraints;
	struct wlr_relative_pointer_manager_v1 *relative_pointer;
	struct wlr_tablet_manager_v2 *tablet;
	struct wlr_text_input_manager_v3 *text_input;
	struct wlr_xdg_shell *xdg_shell;

	int n_idle_inhibitors; // requests.c
};

// Needs wl_display, renderer, output_layout and scene; sets display->compositor and display->globals.
// False after a logged error; what was made goes with the wl_display.
bool globals_create(struct es_display *display);
