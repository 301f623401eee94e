// The display's end of the session link: the host's orders in, reports out.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "protocol/session_msg.h"

// Orders, from the event loop. attach owns its fd.
struct es_session_orders {
	void (*attach)(void *data, const struct es_attach *attach, int fd);
	void (*detach)(void *data, uint32_t viewer);
	void (*mode)(void *data, const struct es_mode *mode);
	void (*keyboard)(void *data, const char *layout);
	void (*stats)(void *data);
	void (*drain)(void *data);
	// The host is gone or talks nonsense. Comes once; no orders after it.
	void (*closed)(void *data);
};

struct es_session_link {
	int fd; // borrowed
	struct wl_event_source *source; // NULL once closed
	const struct es_session_orders *orders;
	void *data;
};

// Waits for the first message, which must be START_DISPLAY; blocks, for there is nothing else to do.
// False, logged, if the host is gone or sends something else.
bool session_link_wait_start(int fd, struct es_session_msg *start);

// fd stays the caller's. False after a logged error.
bool session_link_init(struct es_session_link *link, int fd, struct wl_event_loop *loop,
		const struct es_session_orders *orders, void *data);
void session_link_finish(struct es_session_link *link);

// Without an event loop, for reports before there is one. A host that does not read is logged.
bool session_link_send(int fd, const struct es_session_msg *msg);
// END with a text, printf-like; the text is logged too.
void session_link_send_failure(int fd, const char *format, ...)
		__attribute__((format(printf, 2, 3)));
