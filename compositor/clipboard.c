// One text at a time on its way to the viewer: it is asked for, read from the app's pipe, checked, and sent as
// fast as the device link takes it. After that, whatever came of it, there is a rest. So an app that copies
// all the time, never writes or never stops costs one pipe and one buffer.
#define _GNU_SOURCE // pipe2
#include "compositor/clipboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wlr/types/wlr_data_device.h>
#include <wlr/types/wlr_seat.h>

#include "base/fd.h"
#include "base/log.h"
#include "compositor/clipboard_offer.h"
#include "compositor/display.h"
#include "compositor/remote_input.h"
#include "compositor/seat.h"
#include "protocol/clipboard_text.h"

#define READ_MS 2000 // an app that has not written by then will not
#define SEND_MS 20 // until a full link is tried again
#define MAX_TRIES 100
#define REST_MS 100

struct es_clipboard {
	struct es_display *display; // borrowed
	struct es_clipboard_offers *offers; // owned
	bool allowed;
	struct es_clipboard_text in; // from the viewer

	// to the viewer
	enum { IDLE, READING, SENDING, RESTING } phase;
	bool changed; // there is something newer than what is on its way
	bool too_long_logged;
	int fd; // owned; the read end in READING
	struct wl_event_source *readable, *timer;
	uint32_t size, sent;
	unsigned tries;
	char text[ES_DEVICE_MAX_CLIPBOARD + 1]; // one more: it is too long

	struct wl_listener set_selection;
};

static void stop_reading(struct es_clipboard *clipboard) {
	if (clipboard->readable != NULL) {
		wl_event_source_remove(clipboard->readable);
		clipboard->readable = NULL;
	}
	fd_close(&clipboard->fd);
}

static void enter(struct es_clipboard *clipboard, int phase, int timer_ms) {
	clipboard->phase = phase;
	wl_event_source_timer_update(clipboard->timer, timer_ms);
}

static void rest(struct es_clipboard *clipboard) {
	stop_reading(clipboard);
	enter(clipboard, RESTING, REST_MS);
}

// --- to the viewer

static void send_on(struct es_clipboard *clipboard) {
	struct es_device_msg msg;
	uint32_t sent = clipboard->sent;
	while (clipboard_text_part(&msg, clipboard->text, clipboard->size, &sent)) {
		struct es_remote_input *viewer = clipboard->display->remote_input;
		if (viewer == NULL || clipboard->tries > MAX_TRIES) {
			break;
		}
		if (!remote_input_send(viewer, &msg)) {
			clipboard->tries++;
			enter(clipboard, SENDING, SEND_MS);
			return;
		}
		clipboard->sent = sent;
	}
	rest(clipboard);
}

static void finish_reading(struct es_clipboard *clipboard) {
	stop_reading(clipboard);
	if (!clipboard_text_valid(clipboard->text, clipboard->size)) {
		es_log(ES_LOG_DEBUG, "what the app copied is no text for the viewer");
		rest(clipboard);
		return;
	}
	clipboard->sent = clipboard->tries = 0;
	send_on(clipboard);
}

static void refuse_length(struct es_clipboard *clipboard) {
	es_log(clipboard->too_long_logged ? ES_LOG_DEBUG : ES_LOG_INFO,
			"the viewer does not get what the app copied: it is longer than %d bytes",
			ES_DEVICE_MAX_CLIPBOARD);
	clipboard->too_long_logged = true;
	rest(clipboard);
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct es_clipboard *clipboard = data;
	ssize_t n =
			read(fd, clipboard->text + clipboard->size, sizeof(clipboard->text) - clipboard->size);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			rest(clipboard);
		}
		return 0;
	}
	clipboard->size += (uint32_t)n;
	if (n == 0) {
		finish_reading(clipboard);
	} else if (clipboard->size == sizeof(clipboard->text)) {
		refuse_length(clipboard);
	}
	return 0;
}

// The type of the source's that is its text, NULL: it has none.
static const char *find_type(const struct wlr_data_source *source) {
	static const char *const wanted[] = {
			"text/plain;charset=utf-8", "UTF8_STRING", "text/plain;charset=UTF-8", "text/plain"};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		char **type;
		wl_array_for_each (type, &source->mime_types) {
			if (strcmp(*type, wanted[i]) == 0) {
				return wanted[i];
			}
		}
	}
	return NULL;
}

static bool open_pipe(struct es_clipboard *clipboard, int *write_fd) {
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0) {
		return false;
	}
	clipboard->fd = fds[0];
	*write_fd = fds[1];
	clipboard->readable = !fd_set_nonblock(fds[0], true)
			? NULL
			: wl_event_loop_add_fd(clipboard->display->loop, fds[0], WL_EVENT_READABLE,
					  handle_readable, clipboard);
	if (clipboard->readable == NULL) {
		fd_close(write_fd);
		stop_reading(clipboard);
		return false;
	}
	return true;
}

// What the app has now, if it is a text and not the viewer's own.
static void read_selection(struct es_clipboard *clipboard) {
	struct wlr_data_source *source = clipboard->display->seat->wlr_seat->selection_source;
	clipboard->changed = false;
	clipboard->phase = IDLE;
	const char *type = source == NULL || clipboard_offer_is_ours(source) ? NULL : find_type(source);
	int write_fd = -1;
	if (!clipboard->allowed || type == NULL || clipboard->display->remote_input == NULL) {
		return;
	}
	if (!open_pipe(clipboard, &write_fd)) {
		es_log(ES_LOG_DEBUG, "no pipe for the app's clipboard: %s", strerror(errno));
		rest(clipboard);
		return;
	}
	clipboard->size = 0;
	enter(clipboard, READING, READ_MS);
	wlr_data_source_send(source, type, write_fd); // takes it over
}

static int handle_timer(void *data) {
	struct es_clipboard *clipboard = data;
	switch (clipboard->phase) {
	case READING:
		es_log(ES_LOG_DEBUG, "the app does not write what it has copied");
		rest(clipboard);
		break;
	case SENDING:
		send_on(clipboard);
		break;
	case RESTING:
		clipboard->phase = IDLE;
		if (clipboard->changed) {
			read_selection(clipboard);
		}
		break;
	case IDLE:
		break;
	}
	return 0;
}

// What is being read is old now; what is being sent goes out whole first.
static void handle_set_selection(struct wl_listener *listener, void *data) {
	struct es_clipboard *clipboard = wl_container_of(listener, clipboard, set_selection);
	if (!clipboard->allowed) {
		return;
	}
	clipboard->changed = true;
	if (clipboard->phase == READING || clipboard->phase == IDLE) {
		rest(clipboard);
	}
}

// --- from the viewer

static void set_selection(struct es_clipboard *clipboard, struct wlr_data_source *source) {
	struct es_display *display = clipboard->display;
	wlr_seat_set_selection(
			display->seat->wlr_seat, source, wl_display_next_serial(display->wl_display));
}

static void forget_viewers(struct es_clipboard *clipboard) {
	if (clipboard_offer_is_ours(clipboard->display->seat->wlr_seat->selection_source)) {
		set_selection(clipboard, NULL);
	}
}

void clipboard_put(struct es_clipboard *clipboard, const struct es_device_msg *msg) {
	if (!clipboard->allowed || !clipboard_text_put(&clipboard->in, msg)) {
		return;
	}
	struct wlr_data_source *source =
			clipboard_offer_create(clipboard->offers, clipboard->in.bytes, clipboard->in.size);
	if (source == NULL) {
		es_log(ES_LOG_WARN, "the viewer's clipboard is lost: out of memory");
		return;
	}
	set_selection(clipboard, source);
}

void clipboard_allow(struct es_clipboard *clipboard, bool allowed) {
	if (clipboard == NULL) {
		return;
	}
	clipboard->allowed = false;
	memset(&clipboard->in, 0, sizeof(clipboard->in));
	stop_reading(clipboard);
	enter(clipboard, IDLE, 0);
	forget_viewers(clipboard);
	if (allowed) {
		clipboard->allowed = clipboard->changed = true;
		rest(clipboard);
	}
}

struct es_clipboard *clipboard_create(struct es_display *display) {
	struct es_clipboard *clipboard = calloc(1, sizeof(*clipboard));
	if (clipboard == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the clipboard: out of memory");
		return NULL;
	}
	clipboard->display = display;
	clipboard->fd = -1;
	clipboard->set_selection.notify = handle_set_selection;
	wl_signal_add(&display->seat->wlr_seat->events.set_selection, &clipboard->set_selection);
	clipboard->timer = wl_event_loop_add_timer(display->loop, handle_timer, clipboard);
	clipboard->offers = clipboard_offers_create(display->loop);
	if (clipboard->timer == NULL || clipboard->offers == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the clipboard: out of memory");
		clipboard_destroy(clipboard);
		return NULL;
	}
	return clipboard;
}

void clipboard_destroy(struct es_clipboard *clipboard) {
	if (clipboard == NULL) {
		return;
	}
	wl_list_remove(&clipboard->set_selection.link);
	forget_viewers(clipboard);
	stop_reading(clipboard);
	if (clipboard->timer != NULL) {
		wl_event_source_remove(clipboard->timer);
	}
	clipboard_offers_destroy(clipboard->offers);
	free(clipboard);
}
