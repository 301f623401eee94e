// A text that the display offers as the clipboard, and its way to the apps that paste it: none of them can
// hold the display up, or keep more than a few pipes for some seconds.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <wayland-server-core.h>

struct es_clipboard_offers;
struct wlr_data_source;

struct es_clipboard_offers *clipboard_offers_create(struct wl_event_loop *loop); // NULL: no memory
// After the last source is gone. NULL is fine.
void clipboard_offers_destroy(struct es_clipboard_offers *offers);

// A source with a copy of the text, to be handed to the seat. NULL: no memory.
struct wlr_data_source *clipboard_offer_create(
		struct es_clipboard_offers *offers, const char *text, size_t size);
// Whether it was made here. NULL: no.
bool clipboard_offer_is_ours(const struct wlr_data_source *source);
