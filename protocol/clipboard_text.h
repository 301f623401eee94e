// A text of the clipboard on its way over the device link, in parts that are sent one after the other.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/device_msg.h"

struct es_clipboard_text {
	uint32_t size; // of the whole text; 0: none has begun
	uint32_t have; // bytes of it that are there
	char bytes[ES_DEVICE_MAX_CLIPBOARD];
};

// Whether it may be sent: neither empty nor too long, and UTF-8 without NUL.
bool clipboard_text_valid(const char *bytes, size_t size);

// The part at *offset of a valid text, which moves on. False: there is no more.
bool clipboard_text_part(
		struct es_device_msg *msg, const char *bytes, uint32_t size, uint32_t *offset);

// Takes a part in. True: it was the last, and bytes[0..size) is a valid text until the next part. A part
// that does not follow the one before ends that text; one at offset 0 begins a new one.
bool clipboard_text_put(struct es_clipboard_text *text, const struct es_device_msg *msg);
