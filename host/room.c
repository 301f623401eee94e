#include "host/room.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "host/event_timer.h"
#include "host/room_log.h"
#include "host/spawn.h"
#include "protocol/crypto.h"

// A room that has hung up on us gets this long to end by itself.
#define HANG_UP_NS (2 * ES_NS_PER_S)
#define MAX_UNANSWERED 15

struct es_room_process {
	sd_event *event; // borrowed, as children
	struct es_children *children;
	const struct es_room_listener *listener;
	void *data;
	char label[64];
	pid_t pid; // -1: none
	int fd; // owned: our end of the session link, -1: closed
	sd_event_source *source; // of fd
	sd_event_source *kill_timer;
	int64_t kill_ns; // when it fires, 0: not set
	struct es_room_log *log; // NULL: nobody keeps it
	int n_unanswered; // polls since its last message
	struct es_link_packet packet; // scratch
};

pid_t room_pid(const struct es_room_process *room) {
	return room->pid;
}

const char *room_label(const struct es_room_process *room) {
	return room->label;
}

void room_kill(struct es_room_process *room) {
	if (room->pid > 0) {
		kill(room->pid, SIGKILL);
	}
}

static int handle_kill_time(sd_event_source *source, uint64_t usec, void *data) {
	struct es_room_process *room = data;
	event_timer_clear(&room->kill_timer);
	es_log(ES_LOG_WARN, "the %s does not end: killing it", room->label);
	room_kill(room);
	return 0;
}

void room_must_end(struct es_room_process *room, int64_t within_ns) {
	int64_t kill_ns = clock_now_ns() + within_ns;
	if (room->pid <= 0 || (room->kill_ns != 0 && room->kill_ns <= kill_ns)) {
		return;
	}
	room->kill_ns = kill_ns;
	if (!event_timer_set(room->event, &room->kill_timer, within_ns, handle_kill_time, room)) {
		room_kill(room);
	}
}

void room_hang_up(struct es_room_process *room, int64_t within_ns) {
	if (room->fd >= 0) {
		shutdown(room->fd, SHUT_WR);
	}
	room_must_end(room, within_ns);
}

static void close_link(struct es_room_process *room) {
	room->source = sd_event_source_disable_unref(room->source);
	fd_close(&room->fd);
}

void room_send(struct es_room_process *room, const struct es_session_msg *msg, const int *fds,
		size_t n_fds) {
	uint8_t data[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, data, sizeof(data));
	assert(size > 0);
	if (room->fd >= 0 && link_send(room->fd, data, size, fds, n_fds) == ES_LINK_AGAIN) {
		es_log(ES_LOG_WARN, "the %s no longer takes messages: killing it", room->label);
		room_kill(room);
	}
	crypto_wipe(data, sizeof(data)); // keys travel here
}

void room_ask(struct es_room_process *room, enum es_session_msg_type type) {
	room_send(room, &(struct es_session_msg){.type = type}, NULL, 0);
}

void room_poll_stats(struct es_room_process *room) {
	if (room->n_unanswered == 0) {
		room_ask(room, ES_SESSION_STATS);
	}
	// Counted in polls, not in time: we may have been stopped ourselves.
	if (++room->n_unanswered == MAX_UNANSWERED) {
		es_log(ES_LOG_ERROR, "the %s hangs: killing it", room->label);
		room_kill(room);
	}
}

// Hands over one message; false when there is none.
static bool dispatch_one(struct es_room_process *room) {
	if (room->fd < 0) {
		return false;
	}
	enum es_link_result result = link_recv(room->fd, &room->packet);
	if (result == ES_LINK_AGAIN) {
		return false;
	}
	if (result != ES_LINK_OK) {
		close_link(room);
		room_must_end(room, HANG_UP_NS);
		return false;
	}
	struct es_session_msg msg;
	bool ok = session_msg_decode(&msg, room->packet.data, room->packet.size, room->packet.n_fds);
	link_packet_finish(&room->packet);
	if (!ok || msg.type < ES_SESSION_READY) {
		es_log(ES_LOG_ERROR, "the %s sent garbage: killing it", room->label);
		close_link(room);
		room_kill(room);
		return false;
	}
	room->n_unanswered = 0;
	room->listener->message(room->data, room, &msg);
	return true;
}

static int handle_readable(sd_event_source *source, int fd, uint32_t events, void *data) {
	dispatch_one(data);
	return 0;
}

static void handle_ended(void *data, pid_t pid, int status) {
	struct es_room_process *room = data;
	while (dispatch_one(room)) {
	}
	close_link(room);
	room_log_finish(room->log);
	event_timer_clear(&room->kill_timer);
	room->pid = -1;
	room->listener->gone(room->data, room, status);
}

static bool start_process(struct es_room_process *room, const struct es_room_start *start) {
	char path[4096];
	int ends[2] = {-1, -1};
	if (!spawn_find_room(start->program, path, sizeof(path))) {
		es_log(ES_LOG_ERROR,
				"cannot find %s beside this program or in '%s': is the installation complete?",
				start->program, ES_LIBEXECDIR);
		return false;
	}
	if (!link_pair(ends)) {
		es_log(ES_LOG_ERROR, "cannot make a link to the %s: %s", room->label, strerror(errno));
		return false;
	}
	int log_fd;
	room->fd = ends[0];
	room->log = room_log_create(room->event, room->label, &log_fd);
	room->pid = spawn_program(&(struct es_spawn){
			.path = path,
			.argv = start->argv,
			.env = start->env,
			.stdin_fd = -1,
			.stdout_fd = -1,
			.session_fd = ends[1],
			.log_fd = log_fd,
			// The end of the link tells the rooms first; this is for one that does not listen.
			.death_signal = SIGTERM,
	});
	fd_close(&ends[1]);
	fd_close(&log_fd);
	if (room->pid < 0) {
		es_log(ES_LOG_ERROR, "cannot start '%s': %s", path, strerror(errno));
		return false;
	}
	return true;
}

struct es_room_process *room_create(sd_event *event, struct es_children *children,
		const struct es_room_start *start, const struct es_room_listener *listener, void *data) {
	struct es_room_process *room = calloc(1, sizeof(*room));
	if (room == NULL) {
		es_log(ES_LOG_ERROR, "cannot start the %s: out of memory", start->label);
		return NULL;
	}
	room->event = event;
	room->children = children;
	room->listener = listener;
	room->data = data;
	room->pid = room->fd = -1;
	snprintf(room->label, sizeof(room->label), "%s", start->label);
	if (!start_process(room, start) || !children_watch(children, room->pid, handle_ended, room) ||
			sd_event_add_io(event, &room->source, room->fd, EPOLLIN, handle_readable, room) < 0) {
		room_destroy(room);
		return NULL;
	}
	return room;
}

void room_destroy(struct es_room_process *room) {
	if (room == NULL) {
		return;
	}
	if (room->pid > 0) {
		children_forget(room->children, room->pid);
		room_kill(room);
	}
	event_timer_clear(&room->kill_timer);
	close_link(room);
	room_log_destroy(room->log);
	free(room);
}
