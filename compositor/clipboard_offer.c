#include "compositor/clipboard_offer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wlr/types/wlr_data_device.h>

#include "base/fd.h"
#include "base/log.h"

#define MAX_PASTES 16
#define PASTE_MS 5000 // then the app will not read any more

// Shared by the source and what is still being pasted from it.
struct text {
	unsigned refs;
	size_t size;
	char bytes[];
};

struct paste {
	int fd; // owned; -1: free
	struct text *text;
	size_t written;
	struct wl_event_source *writable, *timer;
};

struct es_clipboard_offers {
	struct wl_event_loop *loop; // borrowed
	struct paste pastes[MAX_PASTES];
};

struct offer {
	struct wlr_data_source base;
	struct es_clipboard_offers *offers; // borrowed
	struct text *text;
};

static const char *const types[] = {"text/plain;charset=utf-8", "text/plain", "UTF8_STRING"};

static void text_unref(struct text *text) {
	if (text != NULL && --text->refs == 0) {
		free(text);
	}
}

// --- into an app's pipe

static void remove_source(struct wl_event_source **source) {
	if (*source != NULL) {
		wl_event_source_remove(*source);
		*source = NULL;
	}
}

static void end_paste(struct paste *paste) {
	remove_source(&paste->writable);
	remove_source(&paste->timer);
	fd_close(&paste->fd);
	text_unref(paste->text);
	paste->text = NULL;
}

// False: over, one way or the other.
static bool write_on(struct paste *paste) {
	while (paste->written < paste->text->size) {
		ssize_t n = write(
				paste->fd, paste->text->bytes + paste->written, paste->text->size - paste->written);
		if (n < 0) {
			return errno == EAGAIN || errno == EINTR;
		}
		paste->written += (size_t)n;
	}
	return false;
}

static int handle_writable(int fd, uint32_t mask, void *data) {
	struct paste *paste = data;
	if ((mask & (WL_EVENT_HANGUP | WL_EVENT_ERROR)) != 0 || !write_on(paste)) {
		end_paste(paste);
	}
	return 0;
}

static int handle_timer(void *data) {
	es_log(ES_LOG_DEBUG, "an app does not read what it pastes");
	end_paste(data);
	return 0;
}

// What a write cannot wait in. A file could be on a slow disk, whatever its flags.
static bool is_pipe(int fd) {
	struct stat info;
	return fstat(fd, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode)) &&
			fd_set_nonblock(fd, true);
}

static bool watch(struct es_clipboard_offers *offers, struct paste *paste) {
	paste->writable = wl_event_loop_add_fd(
			offers->loop, paste->fd, WL_EVENT_WRITABLE, handle_writable, paste);
	paste->timer = wl_event_loop_add_timer(offers->loop, handle_timer, paste);
	return paste->writable != NULL && paste->timer != NULL &&
			wl_event_source_timer_update(paste->timer, PASTE_MS) == 0;
}

static void begin_paste(struct es_clipboard_offers *offers, struct text *text, int fd) {
	for (size_t i = 0; i < MAX_PASTES; i++) {
		struct paste *paste = &offers->pastes[i];
		if (paste->fd >= 0) {
			continue;
		}
		text->refs++;
		*paste = (struct paste){.fd = fd, .text = text};
		if (!write_on(paste) || !watch(offers, paste)) {
			end_paste(paste);
		}
		return;
	}
	es_log(ES_LOG_DEBUG, "too many apps paste at once");
	fd_close(&fd);
}

// --- the source

static void offer_send(struct wlr_data_source *source, const char *type, int32_t fd) {
	struct offer *offer = wl_container_of(source, offer, base);
	if (is_pipe(fd)) {
		begin_paste(offer->offers, offer->text, fd);
	} else {
		fd_close(&fd);
	}
}

static void offer_destroy(struct wlr_data_source *source) {
	struct offer *offer = wl_container_of(source, offer, base);
	text_unref(offer->text);
	free(offer);
}

static const struct wlr_data_source_impl impl = {.send = offer_send, .destroy = offer_destroy};

static bool add_type(struct wlr_data_source *source, const char *type) {
	char *copy = strdup(type), **slot = NULL;
	if (copy != NULL) {
		slot = wl_array_add(&source->mime_types, sizeof(*slot));
	}
	if (slot == NULL) {
		free(copy);
		return false;
	}
	*slot = copy; // freed with the source
	return true;
}

struct wlr_data_source *clipboard_offer_create(
		struct es_clipboard_offers *offers, const char *text, size_t size) {
	struct offer *offer = calloc(1, sizeof(*offer));
	if (offer == NULL) {
		return NULL;
	}
	wlr_data_source_init(&offer->base, &impl);
	offer->offers = offers;
	offer->text = malloc(sizeof(*offer->text) + size);
	bool ok = offer->text != NULL;
	if (ok) {
		offer->text->refs = 1;
		offer->text->size = size;
		memcpy(offer->text->bytes, text, size);
	}
	for (size_t i = 0; ok && i < sizeof(types) / sizeof(types[0]); i++) {
		ok = add_type(&offer->base, types[i]);
	}
	if (!ok) {
		wlr_data_source_destroy(&offer->base);
		return NULL;
	}
	return &offer->base;
}

bool clipboard_offer_is_ours(const struct wlr_data_source *source) {
	return source != NULL && source->impl == &impl;
}

struct es_clipboard_offers *clipboard_offers_create(struct wl_event_loop *loop) {
	struct es_clipboard_offers *offers = calloc(1, sizeof(*offers));
	if (offers == NULL) {
		return NULL;
	}
	offers->loop = loop;
	for (size_t i = 0; i < MAX_PASTES; i++) {
		offers->pastes[i].fd = -1;
	}
	return offers;
}

void clipboard_offers_destroy(struct es_clipboard_offers *offers) {
	for (size_t i = 0; offers != NULL && i < MAX_PASTES; i++) {
		end_paste(&offers->pastes[i]);
	}
	free(offers);
}
