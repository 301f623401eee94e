#define _GNU_SOURCE // environ
#include "host/session.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "base/process.h"
#include "host/end_signals.h"
#include "host/env_list.h"
#include "host/spawn.h"

// A room that has hung up on us gets this long to end by itself.
#define HANG_UP_NS (2 * ES_NS_PER_S)
// A killed process that is still there after this hangs in the kernel; nothing more can be done.
#define KILL_WAIT_MS 2000

struct room {
	pid_t pid; // -1: none
	int fd; // owned: our end of the session link, -1: closed
	int64_t kill_ns; // 0: none; it hung up and must be gone by then
	struct es_usage past;
};

struct es_session {
	struct es_session_setup setup; // borrows
	const struct es_session_listener *listener;
	void *data;
	struct room rooms[ES_ROOM_COUNT];
	int signal_fd;
	struct es_link_packet packet; // scratch
};

static const char *const names[] = {"display", "encoder", "streamer"};
static const char *const programs[] = {
		"earthshine-display", "earthshine-encode", "earthshine-stream"};

const char *session_room_name(enum es_room room) {
	return names[room];
}

bool session_alive(const struct es_session *session, enum es_room room) {
	return session->rooms[room].pid > 0;
}

pid_t session_pid(const struct es_session *session, enum es_room room) {
	return session->rooms[room].pid;
}

struct es_session *session_create(const struct es_session_setup *setup,
		const struct es_session_listener *listener, void *data) {
	struct es_session *session = calloc(1, sizeof(*session));
	if (session == NULL) {
		es_log(ES_LOG_ERROR, "cannot start: out of memory");
		return NULL;
	}
	session->setup = *setup;
	session->listener = listener;
	session->data = data;
	session->signal_fd = -1;
	for (size_t i = 0; i < ES_ROOM_COUNT; i++) {
		session->rooms[i] = (struct room){.pid = -1, .fd = -1};
	}
	session->signal_fd = end_signals_open();
	if (session->signal_fd < 0 || !process_become_subreaper()) {
		es_log(ES_LOG_ERROR, "cannot watch over child processes: %s", strerror(errno));
		session_destroy(session);
		return NULL;
	}
	return session;
}

void session_destroy(struct es_session *session) {
	if (session == NULL) {
		return;
	}
	for (size_t i = 0; i < ES_ROOM_COUNT; i++) {
		struct room *room = &session->rooms[i];
		fd_close(&room->fd);
		if (room->pid > 0) {
			kill(room->pid, SIGKILL);
			waitpid(room->pid, NULL, 0);
		}
	}
	fd_close(&session->signal_fd);
	free(session);
}

static void kill_room(struct room *room) {
	if (room->pid > 0) {
		kill(room->pid, SIGKILL);
	}
}

void session_kill(struct es_session *session, enum es_room room) {
	kill_room(&session->rooms[room]);
}

// The fd stays the caller's. A room that is gone takes nothing; `gone` tells.
static void send_msg(struct es_session *session, enum es_room kind,
		const struct es_session_msg *msg, const int *fd) {
	struct room *room = &session->rooms[kind];
	uint8_t data[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, data, sizeof(data));
	assert(size > 0);
	if (room->fd >= 0 && link_send(room->fd, data, size, fd, fd != NULL ? 1 : 0) == ES_LINK_AGAIN) {
		es_log(ES_LOG_WARN, "the %s no longer takes messages: killing it", names[kind]);
		kill_room(room);
	}
}

void session_ask(struct es_session *session, enum es_room room, enum es_session_msg_type type) {
	send_msg(session, room, &(struct es_session_msg){.type = type}, NULL);
}

static bool spawn_room(
		struct es_session *session, enum es_room kind, char *const *argv, char *const *env) {
	struct room *room = &session->rooms[kind];
	char path[4096];
	int ends[2] = {-1, -1};
	if (!spawn_find_room(programs[kind], path, sizeof(path))) {
		es_log(ES_LOG_ERROR,
				"cannot find %s beside this program or in '%s': is the installation complete?",
				programs[kind], ES_LIBEXECDIR);
		return false;
	}
	if (!link_pair(ends)) {
		es_log(ES_LOG_ERROR, "cannot make a link to the %s: %s", names[kind], strerror(errno));
		return false;
	}
	bool display = kind == ES_ROOM_DISPLAY;
	room->pid = spawn_program(&(struct es_spawn){
			.path = path,
			.argv = argv,
			.env = env,
			.stdin_fd = display ? session->setup.app_stdin : -1,
			.stdout_fd = display ? session->setup.app_stdout : -1,
			.session_fd = ends[1],
			// The end of the link tells the rooms first; this is for one that does not listen.
			.death_signal = SIGTERM,
	});
	fd_close(&ends[1]);
	if (room->pid < 0) {
		es_log(ES_LOG_ERROR, "cannot start '%s': %s", path, strerror(errno));
		fd_close(&ends[0]);
		return false;
	}
	room->fd = ends[0];
	room->kill_ns = 0;
	return true;
}

static char **make_display_env(const struct es_session *session) {
	char **env = env_list_copy(environ);
	const char *node = session->setup.render_node;
	if (env == NULL || (node[0] != '\0' && !env_list_set(&env, "WLR_RENDER_DRM_DEVICE=", node))) {
		es_log(ES_LOG_ERROR, "cannot start the display: out of memory");
		env_list_free(env);
		return NULL;
	}
	return env;
}

static bool start_display(struct es_session *session) {
	size_t n = 0;
	while (session->setup.command[n] != NULL) {
		n++;
	}
	// argv of the room: its name, "--", the app's argv.
	char **argv = calloc(n + 3, sizeof(*argv));
	if (argv == NULL) {
		es_log(ES_LOG_ERROR, "cannot start the display: out of memory");
		return false;
	}
	char separator[] = "--", name[] = "earthshine-display";
	argv[0] = name;
	argv[1] = separator;
	memcpy(&argv[2], session->setup.command, n * sizeof(*argv));
	char **env = make_display_env(session);
	bool ok = env != NULL && spawn_room(session, ES_ROOM_DISPLAY, argv, env);
	free(argv);
	env_list_free(env);
	struct es_session_msg msg = {.type = ES_SESSION_START_DISPLAY};
	msg.start_display.mode = session->setup.mode;
	msg.start_display.scale_milli = session->setup.scale_milli;
	snprintf(msg.start_display.name, sizeof(msg.start_display.name), "%s", session->setup.name);
	msg.start_display.colour = session->setup.colour;
	msg.start_display.audio_channels = session->setup.audio_channels;
	snprintf(msg.start_display.sound_node, sizeof(msg.start_display.sound_node),
			"earthshine.run-%d", (int)getpid());
	send_msg(session, ES_ROOM_DISPLAY, &msg, NULL);
	return ok;
}

static bool start_encode(struct es_session *session) {
	char name[] = "earthshine-encode";
	char *argv[] = {name, NULL};
	struct es_session_msg msg = {.type = ES_SESSION_START_ENCODE};
	msg.start_encode.codec = session->setup.codec;
	msg.start_encode.bitrate_kbps = session->setup.bitrate_kbps;
	encoder_slot_fill(session->setup.encoder, &msg);
	bool ok = spawn_room(session, ES_ROOM_ENCODE, argv, NULL);
	send_msg(session, ES_ROOM_ENCODE, &msg, NULL);
	return ok;
}

static bool start_stream(struct es_session *session) {
	char name[] = "earthshine-stream";
	char *argv[] = {name, NULL};
	struct es_session_msg msg = {.type = ES_SESSION_START_STREAM};
	msg.start_stream.container = session->setup.container;
	msg.start_stream.audio_channels = session->setup.audio_channels;
	snprintf(
			msg.start_stream.path, sizeof(msg.start_stream.path), "%s", session->setup.output_path);
	bool ok = spawn_room(session, ES_ROOM_STREAM, argv, NULL);
	send_msg(session, ES_ROOM_STREAM, &msg, &session->setup.output_fd);
	return ok;
}

static bool attach(
		struct es_session *session, enum es_attach_kind kind, enum es_room a, enum es_room b) {
	int ends[2];
	if (!link_pair(ends)) {
		es_log(ES_LOG_ERROR, "cannot link %s and %s: %s", names[a], names[b], strerror(errno));
		return false;
	}
	struct es_session_msg msg = {.type = ES_SESSION_ATTACH,
			.attach = {.kind = kind, .viewer = ES_SESSION_VIEWER, .primary = true}};
	msg.attach.stuck_ms =
			kind == ES_ATTACH_FRAME ? encoder_slot_stuck_ms(session->setup.encoder, false) : 0;
	send_msg(session, a, &msg, &ends[0]);
	send_msg(session, b, &msg, &ends[1]);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return true;
}

static bool attach_encoder(struct es_session *session) {
	return attach(session, ES_ATTACH_UNIT, ES_ROOM_ENCODE, ES_ROOM_STREAM) &&
			attach(session, ES_ATTACH_FRAME, ES_ROOM_DISPLAY, ES_ROOM_ENCODE);
}

// A room that dies this early speaks through `gone`; only what could not even be started is an error
// here.
bool session_start(struct es_session *session) {
	return start_display(session) && start_encode(session) && start_stream(session) &&
			(session->setup.audio_channels == 0 ||
					attach(session, ES_ATTACH_DEVICE, ES_ROOM_DISPLAY, ES_ROOM_STREAM)) &&
			attach_encoder(session);
}

void session_detach(struct es_session *session) {
	struct es_session_msg msg = {
			.type = ES_SESSION_DETACH, .detach = {.viewer = ES_SESSION_VIEWER}};
	send_msg(session, ES_ROOM_DISPLAY, &msg, NULL);
}

bool session_replace_encoder(struct es_session *session) {
	assert(!session_alive(session, ES_ROOM_ENCODE));
	fd_close(&session->rooms[ES_ROOM_ENCODE].fd);
	session_detach(session);
	return start_encode(session) && attach_encoder(session);
}

// Hands over one message; false when there is none.
static bool dispatch_one(struct es_session *session, enum es_room kind) {
	struct room *room = &session->rooms[kind];
	if (room->fd < 0) {
		return false;
	}
	enum es_link_result result = link_recv(room->fd, &session->packet);
	if (result == ES_LINK_AGAIN) {
		return false;
	}
	if (result != ES_LINK_OK) {
		fd_close(&room->fd);
		room->kill_ns = clock_now_ns() + HANG_UP_NS;
		return false;
	}
	struct es_session_msg msg;
	bool ok = session_msg_decode(
			&msg, session->packet.data, session->packet.size, session->packet.n_fds);
	link_packet_finish(&session->packet);
	if (!ok || msg.type < ES_SESSION_READY) {
		es_log(ES_LOG_ERROR, "the %s sent garbage: killing it", names[kind]);
		fd_close(&room->fd);
		kill_room(room);
		return false;
	}
	session->listener->message(session->data, kind, &msg);
	return true;
}

static void add_usage(struct es_usage *past, const struct rusage *usage) {
	past->cpu_us += (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
			(uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
	if ((uint64_t)usage->ru_maxrss > past->peak_rss_kib) {
		past->peak_rss_kib = (uint64_t)usage->ru_maxrss;
	}
}

// Rooms, and orphans of the app that came to us when the display died.
static void reap(struct es_session *session) {
	for (;;) {
		int status;
		struct rusage usage;
		pid_t pid = wait4(-1, &status, WNOHANG, &usage);
		if (pid <= 0) {
			return;
		}
		for (int i = 0; i < ES_ROOM_COUNT; i++) {
			struct room *room = &session->rooms[i];
			if (room->pid != pid) {
				continue;
			}
			while (dispatch_one(session, (enum es_room)i)) {
			}
			fd_close(&room->fd);
			room->pid = -1;
			room->kill_ns = 0;
			add_usage(&room->past, &usage);
			session->listener->gone(session->data, (enum es_room)i, pid, status);
		}
	}
}

static void dispatch_signals(struct es_session *session) {
	struct signalfd_siginfo info;
	while (read(session->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			reap(session);
		} else {
			session->listener->signal(session->data, (int)info.ssi_signo);
		}
	}
}

static int64_t kill_overdue(struct es_session *session, int64_t deadline_ns) {
	int64_t now = clock_now_ns();
	for (int i = 0; i < ES_ROOM_COUNT; i++) {
		struct room *room = &session->rooms[i];
		if (room->kill_ns == 0) {
			continue;
		}
		if (room->kill_ns <= now) {
			kill_room(room);
			room->kill_ns = 0;
		} else if (deadline_ns == 0 || room->kill_ns < deadline_ns) {
			deadline_ns = room->kill_ns;
		}
	}
	return deadline_ns;
}

void session_poll(struct es_session *session, int64_t deadline_ns) {
	deadline_ns = kill_overdue(session, deadline_ns);
	struct pollfd fds[ES_ROOM_COUNT + 1];
	for (int i = 0; i < ES_ROOM_COUNT; i++) {
		fds[i] = (struct pollfd){.fd = session->rooms[i].fd, .events = POLLIN};
	}
	fds[ES_ROOM_COUNT] = (struct pollfd){.fd = session->signal_fd, .events = POLLIN};
	struct timespec wait = {0};
	if (deadline_ns != 0) {
		int64_t ns = deadline_ns - clock_now_ns();
		ns = ns > 0 ? ns : 0;
		wait.tv_sec = (time_t)(ns / ES_NS_PER_S);
		wait.tv_nsec = (long)(ns % ES_NS_PER_S);
	}
	if (ppoll(fds, ES_ROOM_COUNT + 1, deadline_ns != 0 ? &wait : NULL, NULL) <= 0) {
		return;
	}
	for (int i = 0; i < ES_ROOM_COUNT; i++) {
		if (fds[i].revents != 0) {
			dispatch_one(session, (enum es_room)i);
		}
	}
	if (fds[ES_ROOM_COUNT].revents != 0) {
		dispatch_signals(session);
	}
}

struct es_usage session_past_usage(const struct es_session *session, enum es_room room) {
	return session->rooms[room].past;
}

static bool any_alive(const struct es_session *session) {
	for (int i = 0; i < ES_ROOM_COUNT; i++) {
		if (session->rooms[i].pid > 0) {
			return true;
		}
	}
	return false;
}

static void wait_for_rooms(struct es_session *session, int64_t ms) {
	int64_t deadline_ns = clock_now_ns() + ms * ES_NS_PER_MS;
	while (any_alive(session) && clock_now_ns() < deadline_ns) {
		session_poll(session, deadline_ns);
	}
}

void session_finish(struct es_session *session, int grace_ms) {
	// Hang up for writing only: what they still have to say (END, statistics) is read.
	for (int i = 0; i < ES_ROOM_COUNT; i++) {
		if (session->rooms[i].fd >= 0) {
			shutdown(session->rooms[i].fd, SHUT_WR);
		}
	}
	wait_for_rooms(session, grace_ms);
	for (int i = 0; i < ES_ROOM_COUNT; i++) {
		kill_room(&session->rooms[i]);
	}
	wait_for_rooms(session, KILL_WAIT_MS);
	process_end_descendants(500, NULL, 0);
}
