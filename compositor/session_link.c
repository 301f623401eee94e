#include "compositor/session_link.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"

static bool decode(struct es_session_msg *msg, const struct es_link_packet *packet) {
	if (session_msg_decode(msg, packet->data, packet->size, packet->n_fds)) {
		return true;
	}
	es_log(ES_LOG_ERROR, "the session link carries a malformed message, ending");
	return false;
}

static bool wait_packet(int fd, struct es_link_packet *packet) {
	for (;;) {
		switch (link_recv(fd, packet)) {
		case ES_LINK_OK:
			return true;
		case ES_LINK_CLOSED:
			es_log(ES_LOG_ERROR, "the session link was closed before the start");
			return false;
		case ES_LINK_BROKEN:
			es_log(ES_LOG_ERROR, "cannot read the session link: %s", strerror(errno));
			return false;
		case ES_LINK_AGAIN:
			break;
		}
		struct pollfd pollfd = {.fd = fd, .events = POLLIN};
		if (poll(&pollfd, 1, -1) < 0 && errno != EINTR) {
			es_log(ES_LOG_ERROR, "cannot wait for the session link: %s", strerror(errno));
			return false;
		}
	}
}

bool session_link_wait_start(int fd, struct es_session_msg *start) {
	struct es_link_packet packet;
	if (!wait_packet(fd, &packet)) {
		return false;
	}
	bool ok = decode(start, &packet);
	if (ok && start->type != ES_SESSION_START_DISPLAY) {
		es_log(ES_LOG_ERROR,
				"the session link began with message %d, not with a start of a display",
				(int)start->type);
		ok = false;
	}
	link_packet_finish(&packet);
	return ok;
}

static void close_link(struct es_session_link *link) {
	if (link->source == NULL) {
		return;
	}
	wl_event_source_remove(link->source);
	link->source = NULL;
	link->orders->closed(link->data);
}

static void obey(struct es_session_link *link, const struct es_session_msg *msg,
		struct es_link_packet *packet) {
	const struct es_session_orders *orders = link->orders;
	switch (msg->type) {
	case ES_SESSION_ATTACH:
		orders->attach(link->data, &msg->attach, link_packet_take_fd(packet, 0));
		return;
	case ES_SESSION_DETACH:
		orders->detach(link->data, msg->detach.viewer);
		return;
	case ES_SESSION_MODE:
		orders->mode(link->data, &msg->mode);
		return;
	case ES_SESSION_KEYBOARD:
		orders->keyboard(link->data, msg->keyboard.layout);
		return;
	case ES_SESSION_STATS:
		orders->stats(link->data);
		return;
	case ES_SESSION_DRAIN:
		orders->drain(link->data);
		return;
	default:
		es_log(ES_LOG_ERROR, "the host sent message %d, which is not for a display, ending",
				(int)msg->type);
		close_link(link);
		return;
	}
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct es_session_link *link = data;
	struct es_link_packet packet;
	enum es_link_result result = link_recv(fd, &packet);
	if (result == ES_LINK_AGAIN) {
		return 0;
	}
	struct es_session_msg msg;
	if (result != ES_LINK_OK) {
		close_link(link);
		return 0;
	}
	if (decode(&msg, &packet)) {
		obey(link, &msg, &packet);
	} else {
		close_link(link);
	}
	link_packet_finish(&packet);
	return 0;
}

bool session_link_init(struct es_session_link *link, int fd, struct wl_event_loop *loop,
		const struct es_session_orders *orders, void *data) {
	*link = (struct es_session_link){.fd = fd, .orders = orders, .data = data};
	link->source = wl_event_loop_add_fd(loop, fd, WL_EVENT_READABLE, handle_readable, link);
	if (link->source == NULL) {
		es_log(ES_LOG_ERROR, "cannot watch the session link: out of memory");
		return false;
	}
	return true;
}

void session_link_finish(struct es_session_link *link) {
	if (link->source != NULL) {
		wl_event_source_remove(link->source);
		link->source = NULL;
	}
}

bool session_link_send(int fd, const struct es_session_msg *msg) {
	uint8_t bytes[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, bytes, sizeof(bytes));
	if (size == 0) {
		es_log(ES_LOG_ERROR, "message %d to the host cannot be encoded", (int)msg->type);
		return false;
	}
	enum es_link_result result = link_send(fd, bytes, size, NULL, 0);
	if (result != ES_LINK_OK && result != ES_LINK_CLOSED) {
		es_log(ES_LOG_WARN, "the host does not take message %d: %s", (int)msg->type,
				result == ES_LINK_AGAIN ? "it does not read" : strerror(errno));
	}
	return result == ES_LINK_OK;
}

void session_link_send_failure(int fd, const char *format, ...) {
	struct es_session_msg msg = {.type = ES_SESSION_END, .end = {.code = ES_END_FAILED}};
	va_list args;
	va_start(args, format);
	vsnprintf(msg.end.text, sizeof(msg.end.text), format, args);
	va_end(args);
	es_log(ES_LOG_ERROR, "%s", msg.end.text);
	session_link_send(fd, &msg);
}
