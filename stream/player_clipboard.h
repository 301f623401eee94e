// The text that both the page and the app copy and paste: in parts, between what is more urgent. Whether there
// is any of it the display decides, by the client's right.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/clipboard_text.h"
#include "protocol/player_msg.h"
#include "stream/clipboard.h"
#include "stream/websocket.h"

struct es_player_clipboard {
	struct es_websocket *socket; // borrowed, as the display's queue
	struct es_clipboard display;
	struct es_clipboard_text pasted; // on its way from the page
	bool telling; // the page, of display.heard
	uint32_t told; // of it
};

void player_clipboard_init(struct es_player_clipboard *clipboard, struct es_websocket *socket,
		struct es_device_queue *queue);

// A CLIPBOARD message of the display's.
void player_clipboard_copied(
		struct es_player_clipboard *clipboard, const struct es_device_msg *msg);
// A PASTE message of the page's.
void player_clipboard_paste(struct es_player_clipboard *clipboard, const struct es_player_msg *msg);

// Whether to poll for room: the display's link, the page's socket.
bool player_clipboard_waits(const struct es_player_clipboard *clipboard);
bool player_clipboard_tells(const struct es_player_clipboard *clipboard);
// After polling: what there is room for.
void player_clipboard_flush(struct es_player_clipboard *clipboard);
