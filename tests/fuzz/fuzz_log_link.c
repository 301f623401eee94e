// A line of a room's log: what is taken has a level, and its text ends where the message did, if not before.
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/log_link.h"

#define HEADER 2 // level, gap

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct es_log_link_line line;
	if (!log_link_parse(&line, data, size)) {
		return 0;
	}
	size_t length = strnlen(line.text, sizeof(line.text));
	if (line.level > ES_LOG_DEBUG || length == sizeof(line.text) || length > size - HEADER ||
			memcmp(line.text, data + HEADER, length) != 0) {
		abort();
	}
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char text[] = "x264 at 1280x720: 12.5 frames per second";
	size_t size = HEADER + index * (sizeof(text) - 1);
	if (index > 1 || size > cap) {
		return 0;
	}
	out[0] = ES_LOG_INFO;
	out[1] = (uint8_t)index;
	memcpy(out + HEADER, text, size - HEADER);
	return size;
}
