// Xwayland's process: started by the display's spawner when the first X11 app connects, ended when there is
// none any more, started anew with the next one. wlroots has the sockets and all that comes after the start.
#pragma once

#include <wlr/xwayland/server.h>

struct es_spawner;
struct es_x11_server;

// NULL without Xwayland, or without a free display number.
struct es_x11_server *x11_server_create(struct wl_display *display, struct es_spawner *spawner);
// NULL is fine. To be called before the display is destroyed.
void x11_server_destroy(struct es_x11_server *server);

// For wlr_xwayland_create_with_server; stays ours.
struct wlr_xwayland_server *x11_server_wlr(struct es_x11_server *server);
