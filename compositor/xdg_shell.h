// xdg-shell windows and popups.
#pragma once

struct es_display;
struct es_xdg_shell;

// NULL after a logged error. Needs the globals.
struct es_xdg_shell *xdg_shell_create(struct es_display *display);
// After wl_display_destroy_clients.
void xdg_shell_destroy(struct es_xdg_shell *shell);
