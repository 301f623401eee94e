#include "stream/websocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#include "base/fd.h"

#define MAX_HEADER 10 // of a frame from the host, which is not masked
#define MAX_CONTROL 125
#define FIN 0x80
#define SMALL_ROOM 32768
// The last that is said must not be left out.
#define KEPT_ROOM (MAX_HEADER + MAX_CONTROL + ES_WEBSOCKET_MAX_SMALL)

struct es_websocket {
	// owned
	int fd;
	wslay_frame_context_ptr frames;
	uint8_t *large; // mapped: what is never used costs nothing

	// in
	struct wslay_frame_iocb frame; // whose payload is coming
	uint64_t got; // of its payload
	bool in_frame, in_message;
	uint8_t message[ES_WEBSOCKET_MAX_IN];
	size_t message_size;
	uint8_t control[MAX_CONTROL];
	size_t control_size;
	bool eof, over; // over: nothing more is read

	// out
	uint8_t small[SMALL_ROOM];
	size_t small_size, small_sent;
	size_t large_size, large_sent;
	bool held; // large ones do not begin
	bool closing;
};

// --- in

static ssize_t read_some(uint8_t *data, size_t size, int flags, void *user_data) {
	struct es_websocket *socket = user_data;
	ssize_t n = recv(socket->fd, data, size, MSG_DONTWAIT);
	socket->eof = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	return n > 0 ? n : -1;
}

static enum es_websocket_event fail(struct es_websocket *socket, uint16_t code) {
	websocket_close(socket, code);
	socket->over = true;
	return ES_WEBSOCKET_BROKEN;
}

// 0: in order.
static uint16_t judge_frame(const struct es_websocket *socket) {
	const struct wslay_frame_iocb *frame = &socket->frame;
	bool control = wslay_is_ctrl_frame(frame->opcode);
	if (!frame->mask || frame->rsv != 0 ||
			(control && (!frame->fin || frame->payload_length > MAX_CONTROL))) {
		return ES_WEBSOCKET_PROTOCOL;
	}
	if (control) {
		return frame->opcode <= WSLAY_PONG ? 0 : ES_WEBSOCKET_PROTOCOL;
	}
	if (frame->opcode > WSLAY_BINARY_FRAME) {
		return ES_WEBSOCKET_PROTOCOL; // nobody knows these
	}
	if ((frame->opcode == WSLAY_CONTINUATION_FRAME) != socket->in_message) {
		return ES_WEBSOCKET_PROTOCOL;
	}
	if (frame->opcode == WSLAY_TEXT_FRAME) {
		return ES_WEBSOCKET_UNSUPPORTED;
	}
	return frame->payload_length > ES_WEBSOCKET_MAX_IN - socket->message_size
			? ES_WEBSOCKET_TOO_LONG
			: 0;
}

static bool put_frame(
		struct es_websocket *socket, uint8_t opcode, const void *data, size_t size, size_t kept);

static enum es_websocket_event end_control(struct es_websocket *socket) {
	switch (socket->frame.opcode) {
	case WSLAY_PING:
		put_frame(socket, WSLAY_PONG, socket->control, socket->control_size, KEPT_ROOM);
		return ES_WEBSOCKET_ALIVE;
	case WSLAY_CONNECTION_CLOSE:
		websocket_close(socket, ES_WEBSOCKET_NORMAL);
		socket->over = true;
		return ES_WEBSOCKET_CLOSED;
	default:
		return ES_WEBSOCKET_ALIVE;
	}
}

static enum es_websocket_event end_frame(struct es_websocket *socket) {
	socket->in_frame = false;
	if (wslay_is_ctrl_frame(socket->frame.opcode)) {
		return end_control(socket);
	}
	socket->in_message = !socket->frame.fin;
	return socket->in_message ? ES_WEBSOCKET_ALIVE : ES_WEBSOCKET_MESSAGE;
}

// A part of a frame's payload has come, which may be empty.
static enum es_websocket_event take_part(struct es_websocket *socket) {
	const struct wslay_frame_iocb *frame = &socket->frame;
	bool control = wslay_is_ctrl_frame(frame->opcode);
	if (!socket->in_frame) {
		uint16_t code = judge_frame(socket);
		if (code != 0) {
			return fail(socket, code);
		}
		socket->in_frame = true;
		socket->got = 0;
		socket->control_size = 0;
	}
	uint8_t *to = control ? socket->control + socket->control_size
						  : socket->message + socket->message_size;
	if (frame->data_length > 0) {
		memcpy(to, frame->data, frame->data_length); // fits, as the frame's length was judged
	}
	*(control ? &socket->control_size : &socket->message_size) += frame->data_length;
	socket->got += frame->data_length;
	return socket->got == frame->payload_length ? end_frame(socket) : ES_WEBSOCKET_NONE;
}

enum es_websocket_event websocket_next(
		struct es_websocket *socket, const uint8_t **data, size_t *size) {
	if (socket->over) {
		return ES_WEBSOCKET_NONE;
	}
	if (!socket->in_message && !socket->in_frame) {
		socket->message_size = 0; // the caller is done with it
	}
	for (;;) {
		ssize_t n = wslay_frame_recv(socket->frames, &socket->frame);
		if (n == WSLAY_ERR_WANT_READ) {
			socket->over = socket->eof;
			return socket->eof ? ES_WEBSOCKET_CLOSED : ES_WEBSOCKET_NONE;
		}
		if (n < 0) {
			return fail(socket, ES_WEBSOCKET_PROTOCOL);
		}
		enum es_websocket_event event = take_part(socket);
		if (event == ES_WEBSOCKET_MESSAGE) {
			*data = socket->message;
			*size = socket->message_size;
		}
		if (event != ES_WEBSOCKET_NONE) {
			return event;
		}
	}
}

// --- out

static size_t put_frame_header(uint8_t out[MAX_HEADER], uint8_t opcode, uint64_t size) {
	unsigned n = size <= MAX_CONTROL ? 0 : size <= UINT16_MAX ? 2 : 8;
	out[0] = FIN | opcode;
	out[1] = n == 0 ? (uint8_t)size : n == 2 ? 126 : 127;
	for (unsigned i = 0; i < n; i++) {
		out[2 + i] = (uint8_t)(size >> (8 * (n - 1 - i)));
	}
	return 2 + n;
}

// With `kept` bytes of room left behind it.
static bool put_frame(
		struct es_websocket *socket, uint8_t opcode, const void *data, size_t size, size_t kept) {
	if (socket->small_sent > 0) {
		socket->small_size -= socket->small_sent;
		memmove(socket->small, socket->small + socket->small_sent, socket->small_size);
		socket->small_sent = 0;
	}
	if (socket->closing || socket->small_size + MAX_HEADER + size + kept > SMALL_ROOM) {
		return false;
	}
	socket->small_size += put_frame_header(socket->small + socket->small_size, opcode, size);
	if (size > 0) {
		memcpy(socket->small + socket->small_size, data, size);
	}
	socket->small_size += size;
	return true;
}

bool websocket_send(struct es_websocket *socket, const void *data, size_t size) {
	return size <= ES_WEBSOCKET_MAX_SMALL &&
			put_frame(socket, WSLAY_BINARY_FRAME, data, size, KEPT_ROOM);
}

void websocket_ping(struct es_websocket *socket) {
	put_frame(socket, WSLAY_PING, NULL, 0, KEPT_ROOM);
}

void websocket_close(struct es_websocket *socket, uint16_t code) {
	uint8_t data[2] = {(uint8_t)(code >> 8), (uint8_t)code};
	put_frame(socket, WSLAY_CONNECTION_CLOSE, data, sizeof(data), 0);
	socket->closing = true;
}

bool websocket_is_free(const struct es_websocket *socket) {
	return socket->large_sent == socket->large_size && !socket->closing;
}

bool websocket_send_large(struct es_websocket *socket, const void *header, size_t header_size,
		const void *data, size_t size) {
	if (!websocket_is_free(socket) || size > ES_WEBSOCKET_MAX_LARGE - MAX_HEADER - header_size) {
		return false;
	}
	size_t at = put_frame_header(socket->large, WSLAY_BINARY_FRAME, header_size + size);
	memcpy(socket->large + at, header, header_size);
	memcpy(socket->large + at + header_size, data, size);
	socket->large_size = at + header_size + size;
	socket->large_sent = 0;
	return true;
}

void websocket_hold(struct es_websocket *socket, bool held) {
	socket->held = held;
}

bool websocket_waits(const struct es_websocket *socket) {
	return socket->small_sent < socket->small_size ||
			(socket->large_sent < socket->large_size && (socket->large_sent > 0 || !socket->held));
}

static bool is_between(const struct es_websocket *socket) {
	return socket->large_sent == 0 || socket->large_sent == socket->large_size;
}

// False: nothing more can be written now, or ever.
static bool write_some(
		struct es_websocket *socket, const uint8_t *data, size_t size, size_t *sent, bool *ok) {
	ssize_t n = send(socket->fd, data + *sent, size - *sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		*sent += (size_t)n;
	}
	*ok = n >= 0 || errno == EAGAIN || errno == EINTR;
	return n > 0;
}

bool websocket_flush(struct es_websocket *socket) {
	bool ok = true, more = true;
	while (more && websocket_waits(socket)) {
		// What was said first comes first, but no frame comes within another.
		if (is_between(socket) && socket->small_sent < socket->small_size) {
			more = write_some(socket, socket->small, socket->small_size, &socket->small_sent, &ok);
		} else {
			more = write_some(socket, socket->large, socket->large_size, &socket->large_sent, &ok);
		}
	}
	return ok;
}

// --- all of it

int websocket_fd(const struct es_websocket *socket) {
	return socket->fd;
}

struct es_websocket *websocket_create(int fd) {
	static const struct wslay_frame_callbacks callbacks = {.recv_callback = read_some};
	struct es_websocket *socket = calloc(1, sizeof(*socket));
	if (socket == NULL) {
		fd_close(&fd);
		return NULL;
	}
	socket->fd = fd;
	socket->large = mmap(NULL, ES_WEBSOCKET_MAX_LARGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (socket->large == MAP_FAILED ||
			wslay_frame_context_init(&socket->frames, &callbacks, socket) != 0) {
		socket->frames = NULL;
		websocket_destroy(socket);
		return NULL;
	}
	return socket;
}

void websocket_destroy(struct es_websocket *socket) {
	if (socket == NULL) {
		return;
	}
	if (socket->frames != NULL) {
		wslay_frame_context_free(socket->frames);
	}
	if (socket->large != MAP_FAILED) {
		munmap(socket->large, ES_WEBSOCKET_MAX_LARGE);
	}
	fd_close(&socket->fd);
	free(socket);
}
