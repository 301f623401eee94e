#include "stream/clipboard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/link.h"

static char text[ES_DEVICE_MAX_CLIPBOARD + 1];

// What is there for the display; true: a whole text among it.
static bool take_all(int fd, struct es_clipboard_text *out) {
	static struct es_link_packet packet;
	struct es_device_msg msg;
	bool whole = false;
	while (link_recv(fd, &packet) == ES_LINK_OK) {
		assert_true(device_msg_decode(&msg, packet.data, packet.size, packet.n_fds));
		assert_int_equal(ES_DEVICE_CLIPBOARD, msg.type);
		whole = clipboard_text_put(out, &msg);
	}
	return whole;
}

// The link is full again and again: a text waits until it is out, or is replaced.
static void test_full_link(void **state) {
	static struct es_clipboard clipboard;
	static struct es_device_queue queue;
	static struct es_clipboard_text got;
	int fds[2], n_waits = 0;
	assert_true(link_pair(fds));
	device_queue_init(&queue);
	clipboard_init(&clipboard, &queue);
	memset(text, 'x', sizeof(text));
	assert_true(clipboard_set(&clipboard, text, 5)); // no display yet
	assert_false(clipboard_waits(&clipboard));
	device_queue_attach(&queue, fds[0]);
	for (int i = 0; i < 50; i++) {
		text[0] = (char)('a' + i % 26);
		assert_true(clipboard_set(&clipboard, text, ES_DEVICE_MAX_CLIPBOARD));
		n_waits += clipboard_waits(&clipboard);
	}
	assert_true(n_waits > 0);
	bool whole = false;
	while (!whole || clipboard_waits(&clipboard)) {
		whole = take_all(fds[1], &got);
		clipboard_flush(&clipboard);
	}
	assert_int_equal(ES_DEVICE_MAX_CLIPBOARD, got.size);
	assert_memory_equal(text, got.bytes, got.size);
	assert_false(clipboard_set(&clipboard, text, sizeof(text)));
	assert_false(clipboard_set(&clipboard, text, 0));
	assert_false(clipboard_set(&clipboard, "\xff", 1));
	fd_close(&fds[1]);
	assert_true(clipboard_set(&clipboard, text, 5));
	assert_false(clipboard_waits(&clipboard)); // the display is gone
	device_queue_finish(&queue);
}

static void test_heard(void **state) {
	static struct es_clipboard clipboard;
	static struct es_device_queue queue;
	struct es_device_msg msg;
	uint32_t offset = 0;
	device_queue_init(&queue);
	clipboard_init(&clipboard, &queue);
	assert_true(clipboard_text_part(&msg, "abc", 3, &offset));
	assert_true(clipboard_take(&clipboard, &msg));
	assert_int_equal(3, clipboard.heard.size);
	assert_memory_equal("abc", clipboard.heard.bytes, 3);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_full_link),
			cmocka_unit_test(test_heard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
