// X11 windows. Xwayland starts with the first X11 client and ends some time after the last.
#pragma once

#include <stdbool.h>

struct es_display;
struct es_xwayland;
struct wl_client;

// NULL, logged, if X11 is not possible here: the session goes on without. Needs seat and cursor.
struct es_xwayland *xwayland_create(struct es_display *display);
// Before wl_display_destroy_clients.
void xwayland_destroy(struct es_xwayland *xwayland);

// ":0" and the like. NULL if xwayland is NULL.
const char *xwayland_display_name(const struct es_xwayland *xwayland);
// Whether this is the connection of Xwayland itself. False if xwayland is NULL.
bool xwayland_is_client(const struct es_xwayland *xwayland, const struct wl_client *client);
// Tells X11 that the screen has another size. NULL is fine.
void xwayland_update_screen(struct es_xwayland *xwayland);
