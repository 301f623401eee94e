#include "protocol/clipboard_text.h"

#include <string.h>

#include "protocol/utf8.h"

bool clipboard_text_valid(const char *bytes, size_t size) {
	return size >= 1 && size <= ES_DEVICE_MAX_CLIPBOARD && utf8_valid(bytes, size);
}

bool clipboard_text_part(
		struct es_device_msg *msg, const char *bytes, uint32_t size, uint32_t *offset) {
	if (*offset >= size) {
		return false;
	}
	uint32_t n = size - *offset;
	n = n < ES_DEVICE_CLIPBOARD_PART ? n : ES_DEVICE_CLIPBOARD_PART;
	*msg = (struct es_device_msg){.type = ES_DEVICE_CLIPBOARD};
	msg->clipboard.size = size;
	msg->clipboard.offset = *offset;
	msg->clipboard.n = (uint16_t)n;
	memcpy(msg->clipboard.bytes, bytes + *offset, n);
	*offset += n;
	return true;
}

bool clipboard_text_put(struct es_clipboard_text *text, const struct es_device_msg *msg) {
	uint32_t offset = msg->clipboard.offset;
	bool follows = offset == 0 || (text->size == msg->clipboard.size && text->have == offset);
	if (!follows) {
		text->size = 0;
		return false;
	}
	text->size = msg->clipboard.size;
	memcpy(text->bytes + offset, msg->clipboard.bytes, msg->clipboard.n);
	text->have = offset + msg->clipboard.n;
	if (text->have < text->size) {
		return false;
	}
	bool valid = clipboard_text_valid(text->bytes, text->size);
	if (!valid) {
		text->size = 0;
	}
	return valid;
}
