// The streamer's end of the clipboard, for a sink whose clients can say and hear texts: GameStream's cannot.
// The display says nothing, and takes nothing, where the client has no right to it. One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "protocol/clipboard_text.h"
#include "stream/device_queue.h"

struct es_clipboard {
	struct es_device_queue *queue; // borrowed
	struct es_clipboard_text heard, said;
	uint32_t sent; // of `said`
};

void clipboard_init(struct es_clipboard *clipboard, struct es_device_queue *queue);

// What the client has copied; it replaces what is still on its way. False: empty, too long or no UTF-8.
bool clipboard_set(struct es_clipboard *clipboard, const char *text, size_t size);
// Whether to poll the queue's link for room.
bool clipboard_waits(const struct es_clipboard *clipboard);
// After polling, and from clipboard_set.
void clipboard_flush(struct es_clipboard *clipboard);

// A CLIPBOARD message of the display's. True: heard.bytes[0..heard.size) is what the app has copied.
bool clipboard_take(struct es_clipboard *clipboard, const struct es_device_msg *msg);
