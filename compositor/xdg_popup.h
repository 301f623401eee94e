// Menus, tooltips and the like of xdg-shell windows, kept on the screen.
#pragma once

struct es_display;
struct wlr_xdg_popup;

// Lives as long as the wlr_popup. Out of memory is told to the client.
void xdg_popup_create(struct es_display *display, struct wlr_xdg_popup *wlr_popup);
