// What a browser's socket may bring, byte by byte: whatever it is, messages stay within their limits, after
// the end nothing comes, and what is answered are whole frames. The first byte says how much comes at
// once.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/player_msg.h"
#include "stream/websocket.h"
#include "tests/fuzz/fuzz.h"

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "websocket: %s\n", what);
		abort();
	}
}

// True: it is over.
static bool take_all(struct es_websocket *socket) {
	struct es_player_msg msg;
	const uint8_t *data = NULL;
	size_t size = 0;
	for (;;) {
		switch (websocket_next(socket, &data, &size)) {
		case ES_WEBSOCKET_NONE:
			return false;
		case ES_WEBSOCKET_MESSAGE:
			require(size <= ES_WEBSOCKET_MAX_IN, "a message that is too long");
			player_msg_decode(&msg, data, size, 0);
			break;
		case ES_WEBSOCKET_ALIVE:
			break;
		case ES_WEBSOCKET_CLOSED:
		case ES_WEBSOCKET_BROKEN:
			require(websocket_next(socket, &data, &size) == ES_WEBSOCKET_NONE,
					"something after the end");
			require(!websocket_send(socket, "x", 1), "a message after the end");
			return true;
		}
	}
}

// Whole frames of the host's, none of them masked.
static void check_answers(int peer) {
	static uint8_t bytes[1 << 17];
	ssize_t n = recv(peer, bytes, sizeof(bytes), MSG_DONTWAIT);
	for (ssize_t at = 0; at < n;) {
		require(at + 2 <= n && (bytes[at] & 0xf0) == 0x80 && bytes[at + 1] <= 125,
				"no answer that a browser takes");
		at += 2 + bytes[at + 1];
		require(at <= n, "half an answer");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	int ends[2];
	if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		return 0;
	}
	struct es_websocket *socket = websocket_create(ends[0]);
	bool over = socket == NULL;
	// In a few pieces: each takes several system calls, which is most of the time.
	size_t step = data[0] + 1u > size / 4 ? data[0] + 1u : size / 4;
	for (size_t at = 1; at < size && !over; at += step) {
		size_t n = size - at < step ? size - at : step;
		require(send(ends[1], data + at, n, MSG_NOSIGNAL) == (ssize_t)n, "cannot send");
		over = take_all(socket);
		require(websocket_flush(socket), "cannot answer");
	}
	check_answers(ends[1]);
	websocket_destroy(socket);
	close(ends[1]);
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const struct {
		size_t size;
		uint8_t bytes[32];
	} seeds[] = {
			{11, {255, 0x82, 0x84, 1, 2, 3, 4, 'P' ^ 1, 1 ^ 2, 0x47 ^ 3, 4}},
			{20, {3, 0x02, 0x81, 0, 0, 0, 0, 'P', 0x89, 0x81, 0, 0, 0, 0, 7, 0x80, 0x80, 0, 0, 0}},
			{9, {0, 0x88, 0x82, 0, 0, 0, 0, 3, 0xe8}},
			{12, {255, 0x82, 0xfe, 0, 126, 0, 0, 0, 0, 'P', 1, 64}},
			{16, {255, 0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9}},
			{6, {255, 0x81, 0x80, 0, 0, 0}},
			{6, {255, 0x8a, 0x80, 0, 0, 0}},
	};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || cap < seeds[index].size) {
		return 0;
	}
	memcpy(out, seeds[index].bytes, seeds[index].size);
	return seeds[index].size;
}
