// Parts of clipboard texts on the device link: le16 sizes, each followed by a message.
#include <stdlib.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/clipboard_text.h"
#include "protocol/utf8.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct es_clipboard_text text;
	struct es_reader r = reader_init(data, size);
	text.size = text.have = 0;
	while (r.ok && r.pos < size) {
		uint8_t bytes[ES_DEVICE_MSG_MAX];
		struct es_device_msg msg;
		size_t n = get_le16(&r);
		if (n > sizeof(bytes)) {
			break;
		}
		get_bytes(&r, bytes, n);
		if (!r.ok || !device_msg_decode(&msg, bytes, n, 0) || msg.type != ES_DEVICE_CLIPBOARD) {
			break;
		}
		if (clipboard_text_put(&text, &msg) &&
				(text.size == 0 || text.size != text.have || !utf8_valid(text.bytes, text.size))) {
			abort();
		}
	}
	return 0;
}

// A text in parts that are shorter than those that are sent.
size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 in parts";
	uint32_t size = sizeof(text) - 1, step = 1 + 3 * (uint32_t)index;
	struct es_writer w = writer_init(out, cap);
	if (step > size) {
		return 0;
	}
	for (uint32_t at = 0; at < size; at += step) {
		struct es_device_msg msg = {.type = ES_DEVICE_CLIPBOARD};
		uint8_t bytes[128];
		uint32_t n = size - at < step ? size - at : step;
		msg.clipboard.size = size;
		msg.clipboard.offset = at;
		msg.clipboard.n = (uint16_t)n;
		memcpy(msg.clipboard.bytes, text + at, n);
		size_t length = device_msg_encode(&msg, bytes, sizeof(bytes));
		put_le16(&w, (uint16_t)length);
		put_bytes(&w, bytes, length);
	}
	return w.ok ? w.pos : 0;
}
