// The text of the app's clipboard, for a viewer that may have it, and the other way round. Only text, and no
// more than ES_DEVICE_MAX_CLIPBOARD bytes of it; the primary selection, which changes with every text that
// is marked, stays the app's own.
#pragma once

#include <stdbool.h>

#include "protocol/device_msg.h"

struct es_clipboard;
struct es_display;

// Needs the seat. NULL after a logged error.
struct es_clipboard *clipboard_create(struct es_display *display);
// Before the seat. NULL is fine.
void clipboard_destroy(struct es_clipboard *clipboard);

// Whether the viewer on the device link may; until it is told, none may. What a viewer has set goes with its
// right, so that the next one does not find it. NULL is fine.
void clipboard_allow(struct es_clipboard *clipboard, bool allowed);
// A part from the viewer.
void clipboard_put(struct es_clipboard *clipboard, const struct es_device_msg *msg);
