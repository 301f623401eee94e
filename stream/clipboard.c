#include "stream/clipboard.h"

#include <string.h>

void clipboard_init(struct es_clipboard *clipboard, struct es_device_queue *queue) {
	clipboard->queue = queue;
	clipboard->heard.size = clipboard->said.size = clipboard->sent = 0;
}

bool clipboard_waits(const struct es_clipboard *clipboard) {
	return clipboard->sent < clipboard->said.size && clipboard->queue->fd >= 0;
}

void clipboard_flush(struct es_clipboard *clipboard) {
	struct es_device_msg msg;
	uint32_t sent = clipboard->sent;
	while (clipboard_text_part(&msg, clipboard->said.bytes, clipboard->said.size, &sent) &&
			device_queue_send_now(clipboard->queue, &msg)) {
		clipboard->sent = sent;
	}
}

bool clipboard_set(struct es_clipboard *clipboard, const char *text, size_t size) {
	if (!clipboard_text_valid(text, size)) {
		return false;
	}
	memcpy(clipboard->said.bytes, text, size);
	clipboard->said.size = (uint32_t)size;
	clipboard->sent = 0;
	clipboard_flush(clipboard);
	return true;
}

bool clipboard_take(struct es_clipboard *clipboard, const struct es_device_msg *msg) {
	return clipboard_text_put(&clipboard->heard, msg);
}
