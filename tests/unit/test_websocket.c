// The host's end of a WebSocket; the peer is the test.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "stream/websocket.h"

struct pair {
	struct es_websocket *socket;
	int peer;
};

static struct pair make_pair(void) {
	int ends[2], small = 4096;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	struct pair pair = {websocket_create(ends[0]), ends[1]};
	assert_non_null(pair.socket);
	return pair;
}

static void end_pair(struct pair *pair) {
	websocket_destroy(pair->socket);
	close(pair->peer);
}

#define MASK 0x80

// A frame as a browser sends it, in pieces of `step` bytes; what comes of each goes to events.
static size_t put(uint8_t *out, uint8_t first, const void *data, size_t size, uint8_t mask_bit) {
	static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
	size_t n = 2;
	out[0] = first;
	out[1] = (uint8_t)(mask_bit | (size < 126 ? size : 126));
	if (size >= 126) {
		out[n++] = (uint8_t)(size >> 8);
		out[n++] = (uint8_t)size;
	}
	memcpy(out + n, mask, mask_bit != 0 ? 4 : 0);
	n += mask_bit != 0 ? 4 : 0;
	for (size_t i = 0; i < size; i++) {
		out[n++] = ((const uint8_t *)data)[i] ^ (mask_bit != 0 ? mask[i % 4] : 0);
	}
	return n;
}

static void send_frame(
		struct pair *pair, uint8_t first, const void *data, size_t size, uint8_t mask_bit) {
	uint8_t bytes[8192];
	size_t n = put(bytes, first, data, size, mask_bit);
	assert_int_equal(write(pair->peer, bytes, n), n);
}

static enum es_websocket_event next(struct pair *pair) {
	const uint8_t *data;
	size_t size;
	return websocket_next(pair->socket, &data, &size);
}

// What the host has sent: a frame's opcode, its payload in out.
static int take_frame(struct pair *pair, uint8_t *out, size_t *size) {
	uint8_t head[10];
	size_t n = 0;
	if (recv(pair->peer, head, 2, MSG_DONTWAIT) != 2) {
		return -1;
	}
	assert_int_equal(head[0] & 0xf0, 0x80);
	assert_int_equal(head[1] & 0x80, 0); // hosts do not mask
	*size = head[1];
	if (*size > 125) {
		n = *size == 126 ? 2 : 8;
		assert_int_equal(recv(pair->peer, head + 2, n, MSG_WAITALL), n);
		*size = 0;
		for (size_t i = 0; i < n; i++) {
			*size = *size << 8 | head[2 + i];
		}
	}
	for (size_t got = 0; got < *size;) {
		ssize_t part = recv(pair->peer, out + got, *size - got, MSG_DONTWAIT);
		if (part > 0) {
			got += (size_t)part;
		} else {
			assert_true(websocket_flush(pair->socket));
		}
	}
	return head[0] & 15;
}

static void expect_message(struct pair *pair, const void *wanted, size_t wanted_size) {
	const uint8_t *data = NULL;
	size_t size = 0;
	assert_int_equal(websocket_next(pair->socket, &data, &size), ES_WEBSOCKET_MESSAGE);
	assert_int_equal(size, wanted_size);
	if (size > 0) {
		assert_memory_equal(data, wanted, size);
	}
}

static void test_messages(void **state) {
	struct pair pair = make_pair();
	uint8_t longest[ES_WEBSOCKET_MAX_IN], bytes[8192], out[256];
	size_t size;
	memset(longest, 0xa5, sizeof(longest));
	assert_int_equal(next(&pair), ES_WEBSOCKET_NONE);
	send_frame(&pair, 0x82, "one", 3, MASK);
	send_frame(&pair, 0x82, "", 0, MASK);
	send_frame(&pair, 0x82, longest, sizeof(longest), MASK);
	expect_message(&pair, "one", 3);
	expect_message(&pair, "", 0);
	expect_message(&pair, longest, sizeof(longest));
	// in parts, and a ping between them
	send_frame(&pair, 0x02, "a", 1, MASK);
	send_frame(&pair, 0x89, "hey", 3, MASK);
	send_frame(&pair, 0x00, "b", 1, MASK);
	send_frame(&pair, 0x80, "c", 1, MASK);
	assert_int_equal(next(&pair), ES_WEBSOCKET_ALIVE);
	assert_int_equal(next(&pair), ES_WEBSOCKET_ALIVE);
	assert_int_equal(next(&pair), ES_WEBSOCKET_ALIVE);
	expect_message(&pair, "abc", 3);
	assert_true(websocket_flush(pair.socket));
	assert_int_equal(take_frame(&pair, out, &size), 10);
	assert_int_equal(size, 3);
	assert_memory_equal(out, "hey", 3);
	// byte by byte
	size_t n = put(bytes, 0x82, "slow", 4, MASK);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(next(&pair), ES_WEBSOCKET_NONE);
		assert_int_equal(write(pair.peer, bytes + i, 1), 1);
	}
	expect_message(&pair, "slow", 4);
	assert_int_equal(next(&pair), ES_WEBSOCKET_NONE);
	end_pair(&pair);
}

// What is refused, and with which code the peer is told.
static void refuse(uint8_t first, size_t size, uint8_t mask_bit, uint16_t code) {
	struct pair pair = make_pair();
	uint8_t data[ES_WEBSOCKET_MAX_IN + 1] = {0}, out[256];
	size_t told;
	send_frame(&pair, first, data, size, mask_bit);
	assert_int_equal(next(&pair), ES_WEBSOCKET_BROKEN);
	assert_int_equal(next(&pair), ES_WEBSOCKET_NONE); // once
	assert_true(websocket_flush(pair.socket));
	assert_int_equal(take_frame(&pair, out, &told), 8);
	assert_int_equal(out[0] << 8 | out[1], code);
	assert_false(websocket_send(pair.socket, "x", 1));
	end_pair(&pair);
}

static void test_refused(void **state) {
	refuse(0x82, 1, 0, ES_WEBSOCKET_PROTOCOL); // not masked
	refuse(0xc2, 1, MASK, ES_WEBSOCKET_PROTOCOL); // compressed
	refuse(0x80, 1, MASK, ES_WEBSOCKET_PROTOCOL); // goes on with nothing
	refuse(0x83, 1, MASK, ES_WEBSOCKET_PROTOCOL); // nobody knows this one
	refuse(0x8b, 1, MASK, ES_WEBSOCKET_PROTOCOL);
	refuse(0x09, 1, MASK, ES_WEBSOCKET_PROTOCOL); // a ping in parts
	refuse(0x89, 126, MASK, ES_WEBSOCKET_PROTOCOL); // a long ping
	refuse(0x81, 1, MASK, ES_WEBSOCKET_UNSUPPORTED); // text
	refuse(0x82, ES_WEBSOCKET_MAX_IN + 1, MASK, ES_WEBSOCKET_TOO_LONG);
}

static void test_long_in_parts(void **state) {
	struct pair pair = make_pair();
	uint8_t data[ES_WEBSOCKET_MAX_IN] = {0};
	send_frame(&pair, 0x02, data, sizeof(data), MASK);
	assert_int_equal(next(&pair), ES_WEBSOCKET_ALIVE);
	send_frame(&pair, 0x80, data, 1, MASK);
	assert_int_equal(next(&pair), ES_WEBSOCKET_BROKEN);
	end_pair(&pair);
}

static void test_close(void **state) {
	struct pair pair = make_pair();
	uint8_t out[256];
	size_t size;
	send_frame(&pair, 0x88, "\x03\xe8", 2, MASK);
	assert_int_equal(next(&pair), ES_WEBSOCKET_CLOSED);
	assert_true(websocket_flush(pair.socket));
	assert_int_equal(take_frame(&pair, out, &size), 8);
	end_pair(&pair);
	pair = make_pair();
	shutdown(pair.peer, SHUT_WR);
	assert_int_equal(next(&pair), ES_WEBSOCKET_CLOSED);
	end_pair(&pair);
}

static void expect_large(struct pair *pair, uint8_t *out, size_t wanted) {
	size_t size;
	assert_int_equal(take_frame(pair, out, &size), 2);
	assert_int_equal(size, wanted);
}

// One large message at a time; what is small goes between two of them, never into one.
static void test_large(void **state) {
	struct pair pair = make_pair();
	const size_t size = 300000;
	uint8_t *data = malloc(size), *out = malloc(size + 1);
	memset(data, 7, size);
	assert_true(websocket_send(pair.socket, "first", 5));
	assert_true(websocket_send_large(pair.socket, "h", 1, data, size));
	assert_true(websocket_flush(pair.socket));
	assert_true(websocket_waits(pair.socket));
	assert_false(websocket_is_free(pair.socket));
	assert_true(websocket_send(pair.socket, "small", 5));
	assert_false(websocket_send_large(pair.socket, "h", 1, data, size));
	expect_large(&pair, out, 5);
	assert_memory_equal(out, "first", 5);
	expect_large(&pair, out, size + 1);
	assert_int_equal(out[0], 'h');
	assert_memory_equal(out + 1, data, size);
	assert_true(websocket_flush(pair.socket));
	assert_true(websocket_is_free(pair.socket));
	expect_large(&pair, out, 5);
	assert_memory_equal(out, "small", 5);
	assert_false(websocket_send_large(pair.socket, "h", 1, data, ES_WEBSOCKET_MAX_LARGE));
	free(data);
	free(out);
	end_pair(&pair);
}

// A peer that reads nothing: the rest is left out whole, but the end is told.
static void test_full(void **state) {
	struct pair pair = make_pair();
	uint8_t data[1000] = {0}, *out = malloc(65536);
	size_t n = 0, size;
	while (websocket_send(pair.socket, data, sizeof(data))) {
		assert_true(++n < 100);
		assert_true(websocket_flush(pair.socket));
	}
	assert_true(n > 20);
	websocket_close(pair.socket, ES_WEBSOCKET_GOING_AWAY);
	for (size_t i = 0; i < n; i++) {
		assert_true(websocket_flush(pair.socket));
		expect_large(&pair, out, sizeof(data));
	}
	assert_true(websocket_flush(pair.socket));
	assert_int_equal(take_frame(&pair, out, &size), 8);
	free(out);
	end_pair(&pair);
}

static void test_broken(void **state) {
	struct pair pair = make_pair();
	close(pair.peer);
	assert_true(websocket_send(pair.socket, "x", 1));
	assert_false(websocket_flush(pair.socket));
	pair.peer = -1;
	end_pair(&pair);
	websocket_destroy(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_messages),
			cmocka_unit_test(test_refused),
			cmocka_unit_test(test_long_in_parts),
			cmocka_unit_test(test_close),
			cmocka_unit_test(test_large),
			cmocka_unit_test(test_full),
			cmocka_unit_test(test_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
