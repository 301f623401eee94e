#include "stream/player_clipboard.h"

#include <string.h>

#include "stream/player_say.h"

void player_clipboard_init(struct es_player_clipboard *clipboard, struct es_websocket *socket,
		struct es_device_queue *queue) {
	clipboard->socket = socket;
	clipboard_init(&clipboard->display, queue);
	clipboard->pasted.size = clipboard->pasted.have = 0;
	clipboard->telling = false;
	clipboard->told = 0;
}

void player_clipboard_copied(
		struct es_player_clipboard *clipboard, const struct es_device_msg *msg) {
	// The text before is overwritten from here on.
	clipboard->telling = clipboard_take(&clipboard->display, msg);
	clipboard->told = 0;
	player_clipboard_flush(clipboard);
}

void player_clipboard_paste(
		struct es_player_clipboard *clipboard, const struct es_player_msg *msg) {
	if (clipboard_text_put(&clipboard->pasted, &msg->device)) {
		clipboard_set(&clipboard->display, clipboard->pasted.bytes, clipboard->pasted.size);
	}
}

bool player_clipboard_waits(const struct es_player_clipboard *clipboard) {
	return clipboard_waits(&clipboard->display);
}

bool player_clipboard_tells(const struct es_player_clipboard *clipboard) {
	return clipboard->telling;
}

// One part at a time, so that sound and pictures come in between.
static void tell(struct es_player_clipboard *clipboard) {
	const struct es_clipboard_text *text = &clipboard->display.heard;
	uint32_t left = text->size - clipboard->told;
	uint32_t n = left < ES_PLAYER_CLIPBOARD_PART ? left : ES_PLAYER_CLIPBOARD_PART;
	struct es_player_msg msg = {
			.type = ES_PLAYER_COPIED,
			.device = {.type = ES_DEVICE_CLIPBOARD,
					.clipboard = {.size = text->size, .offset = clipboard->told, .n = (uint16_t)n}},
	};
	memcpy(msg.device.clipboard.bytes, text->bytes + clipboard->told, n);
	if (player_say(clipboard->socket, &msg)) {
		clipboard->told += n;
		clipboard->telling = clipboard->told < text->size;
	}
}

void player_clipboard_flush(struct es_player_clipboard *clipboard) {
	clipboard_flush(&clipboard->display);
	if (clipboard->telling && !websocket_waits(clipboard->socket)) {
		tell(clipboard);
	}
}
