#include "host/room_log.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log_link.h"
#include "host/event_timer.h"

#define LINES_PER_S 100
#define LAST_LINES 400 // more than a socket holds

struct es_room_log {
	sd_event *event; // borrowed, as label
	const char *label;
	int fd; // -1: closed
	sd_event_source *source; // of fd
	sd_event_source *pause; // until the next second
	int64_t second_ns; // since when lines are counted
	unsigned n_lines;
	struct es_link_packet packet; // scratch
};

static void close_link(struct es_room_log *log) {
	log->source = sd_event_source_disable_unref(log->source);
	event_timer_clear(&log->pause);
	fd_close(&log->fd);
}

// False: there is none now.
static bool take_line(struct es_room_log *log) {
	struct es_log_link_line line;
	enum es_link_result result = log->fd >= 0 ? link_recv(log->fd, &log->packet) : ES_LINK_AGAIN;
	if (result == ES_LINK_AGAIN) {
		return false;
	}
	bool ok = result == ES_LINK_OK && log->packet.n_fds == 0 &&
			log_link_parse(&line, log->packet.data, log->packet.size);
	link_packet_finish(&log->packet);
	if (!ok) {
		close_link(log);
		return false;
	}
	if (line.gap) {
		log_tell_tap(ES_LOG_WARN, "%s: lines were left out here: too many at once", log->label);
	}
	log_tell_tap(line.level, "%s: %s", log->label, line.text);
	return true;
}

static int handle_pause(sd_event_source *source, uint64_t usec, void *data) {
	struct es_room_log *log = data;
	event_timer_clear(&log->pause);
	sd_event_source_set_enabled(log->source, SD_EVENT_ON);
	return 0;
}

static int handle_readable(sd_event_source *source, int fd, uint32_t events, void *data) {
	struct es_room_log *log = data;
	int64_t now_ns = clock_now_ns();
	if (now_ns - log->second_ns >= ES_NS_PER_S) {
		log->second_ns = now_ns;
		log->n_lines = 0;
	}
	if (log->n_lines == LINES_PER_S) {
		// What comes meanwhile fills the link, and then the room leaves lines out.
		int64_t left_ns = log->second_ns + ES_NS_PER_S - now_ns;
		if (event_timer_set(log->event, &log->pause, left_ns, handle_pause, log)) {
			sd_event_source_set_enabled(source, SD_EVENT_OFF);
		} else {
			close_link(log);
		}
		return 0;
	}
	log->n_lines++;
	take_line(log);
	return 0;
}

struct es_room_log *room_log_create(sd_event *event, const char *label, int *room_fd) {
	int ends[2];
	*room_fd = -1;
	struct es_room_log *log = log_has_tap() ? calloc(1, sizeof(*log)) : NULL;
	if (log == NULL) {
		return NULL;
	}
	log->event = event;
	log->label = label;
	log->fd = -1;
	if (!link_pair(ends)) {
		free(log);
		return NULL;
	}
	log->fd = ends[0];
	if (sd_event_add_io(event, &log->source, log->fd, EPOLLIN, handle_readable, log) < 0) {
		fd_close(&ends[1]);
		room_log_destroy(log);
		return NULL;
	}
	sd_event_source_set_priority(log->source, SD_EVENT_PRIORITY_IDLE);
	*room_fd = ends[1];
	return log;
}

void room_log_finish(struct es_room_log *log) {
	for (int i = 0; log != NULL && i < LAST_LINES && take_line(log); i++) {
	}
}

void room_log_destroy(struct es_room_log *log) {
	if (log != NULL) {
		close_link(log);
		free(log);
	}
}
