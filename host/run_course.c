#define _GNU_SOURCE
#include "host/run_course.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "host/live_line.h"
#include "host/output_file.h"
#include "host/restart_limit.h"
#include "host/runtime_dir.h"
#include "host/session.h"

#define START_NS (15 * ES_NS_PER_S) // a room is ready, or is killed
#define EXIT_NS (2 * ES_NS_PER_S) // from END to the end of the process
#define DRAIN_NS (7 * ES_NS_PER_S) // the app has 5 s to end after TERM; then what is left
#define FINISH_MS 2000 // rooms end after we let go of them
#define ABORT_MS 1000 // the same after a second signal: time to close the file
#define ORPHANS_MS 2000 // what a dead display leaves behind, between TERM and KILL

// An encoder younger than this has not worked yet, and NEED_ENCODER speaks of the one before.
#define SETTLED_NS (2 * ES_NS_PER_S)

enum state { STARTING, RUNNING, APP_ENDING, ENCODE_DRAINING, STREAM_FINISHING, DONE };

struct course {
	// borrowed
	const struct es_run_options *options;
	const struct es_runtime_dir *runtime_dir;
	struct es_run_summary *summary;

	// owned
	struct es_session *session;

	// state
	enum state state;
	int64_t deadline_ns; // of the state, 0: none
	int64_t encode_deadline_ns; // until the encoder is ready, 0: it is
	int64_t encode_started_ns;
	int64_t start_ns, end_ns; // of the app, 0: not yet
	int64_t time_ns; // when -t has elapsed, 0: none
	int64_t tick_ns; // next live line, 0: none is shown
	bool line_due; // statistics were asked for, the line shows them
	bool ended[ES_ROOM_COUNT]; // said END
	bool decided, failed, discard;
	unsigned n_signals;
	struct es_restart_limit restart_limit;
	struct es_encode_stats encode_past; // of encoders that were replaced
	struct es_encode_stats encode_now;
	struct es_live_line line;
};

static void say(struct course *c, enum es_log_level level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));

static void say(struct course *c, enum es_log_level level, const char *format, ...) {
	va_list args;
	if (!log_enabled(level)) {
		return;
	}
	live_line_clear(&c->line);
	va_start(args, format);
	es_vlog(level, format, args);
	va_end(args);
}

// The first reason for the end decides the status; a failure of ours overrides it.
static void decide(struct course *c, int status, const char *reason) {
	if (!c->decided) {
		c->decided = true;
		c->summary->exit_status = status;
		c->summary->end_reason = reason;
	}
}

static void decide_failure(struct course *c) {
	if (!c->failed) {
		c->failed = c->decided = true;
		c->summary->exit_status = 1;
		c->summary->end_reason = "failure";
	}
}

static void enter(struct course *c, enum state state, int64_t limit_ns) {
	c->state = state;
	c->deadline_ns = limit_ns != 0 ? clock_now_ns() + limit_ns : 0;
}

static bool usable(const struct course *c, enum es_room room) {
	return session_alive(c->session, room) && !c->ended[room];
}

static void drain_stream(struct course *c, bool tell) {
	if (!usable(c, ES_ROOM_STREAM)) {
		enter(c, DONE, 0);
		return;
	}
	enter(c, STREAM_FINISHING, DRAIN_NS);
	if (tell) {
		// No encoder is left that would tell it where the stream ends.
		session_ask(c->session, ES_ROOM_STREAM, ES_SESSION_DRAIN);
	}
}

// The app has ended: what it showed last goes out.
static void drain_encoder(struct course *c) {
	if (c->state >= ENCODE_DRAINING) {
		return;
	}
	c->end_ns = clock_now_ns();
	c->encode_deadline_ns = 0;
	c->tick_ns = 0;
	// The last figures in case that a room does not live to send them with its END.
	session_ask(c->session, ES_ROOM_DISPLAY, ES_SESSION_STATS);
	session_ask(c->session, ES_ROOM_STREAM, ES_SESSION_STATS);
	if (!usable(c, ES_ROOM_STREAM)) {
		enter(c, DONE, 0);
	} else if (!usable(c, ES_ROOM_ENCODE)) {
		drain_stream(c, true);
	} else {
		enter(c, ENCODE_DRAINING, DRAIN_NS);
		session_ask(c->session, ES_ROOM_ENCODE, ES_SESSION_STATS);
		session_ask(c->session, ES_ROOM_ENCODE, ES_SESSION_DRAIN);
	}
}

// The app is still there and must go.
static void end_app(struct course *c) {
	if (c->state >= APP_ENDING) {
		return;
	}
	c->time_ns = 0;
	if (!usable(c, ES_ROOM_DISPLAY)) {
		drain_encoder(c);
		return;
	}
	enter(c, APP_ENDING, DRAIN_NS);
	session_ask(c->session, ES_ROOM_DISPLAY, ES_SESSION_DRAIN);
}

static void fail_and_end(struct course *c) {
	decide_failure(c);
	end_app(c);
}

static const char *describe_status(int status, char *out, size_t cap) {
	if (WIFSIGNALED(status)) {
		snprintf(out, cap, "was killed by signal %d (%s)", WTERMSIG(status),
				strsignal(WTERMSIG(status)));
	} else {
		snprintf(out, cap, "exited with status %d", WEXITSTATUS(status));
	}
	return out;
}

// --- the encoder ---

static void expect_encoder(struct course *c) {
	c->encode_started_ns = clock_now_ns();
	c->encode_deadline_ns = c->encode_started_ns + START_NS;
}

static void replace_encoder(struct course *c, const char *what) {
	if (!restart_limit_allows(&c->restart_limit, clock_now_ns())) {
		say(c, ES_LOG_ERROR,
				"the encoder %s, the %dth time within a minute: ending the run; try another with -e or "
				"-c, and look at `earthshine doctor`",
				what, ES_RESTART_MAX + 1);
		fail_and_end(c);
		return;
	}
	say(c, ES_LOG_WARN, "the encoder %s: starting another, the recording goes on", what);
	c->summary->encoder_restarts++;
	c->ended[ES_ROOM_ENCODE] = false;
	if (!session_replace_encoder(c->session)) {
		fail_and_end(c);
		return;
	}
	expect_encoder(c);
}

static void encoder_gone(struct course *c, int status) {
	run_summary_add_encode(&c->encode_past, &c->encode_now);
	c->encode_now = (struct es_encode_stats){0};
	c->encode_deadline_ns = 0;
	char what[96];
	switch (c->state) {
	case STARTING:
	case RUNNING:
		replace_encoder(c, describe_status(status, what, sizeof(what)));
		return;
	case ENCODE_DRAINING:
		say(c, ES_LOG_WARN, "the encoder %s: its last frames are missing in the recording",
				describe_status(status, what, sizeof(what)));
		drain_stream(c, true);
		return;
	default:
		return;
	}
}

static void encoder_ended(struct course *c, const struct es_session_msg *msg) {
	if (msg->end.code == ES_END_FAILED) {
		say(c, ES_LOG_ERROR, "%s", msg->end.text);
		if (c->summary->encoder_restarts == 0 &&
				clock_now_ns() - c->encode_started_ns < SETTLED_NS) {
			fail_and_end(c); // it never worked: trying again would not help
		}
		c->encode_deadline_ns = clock_now_ns() + EXIT_NS;
	}
	if (c->state == ENCODE_DRAINING) {
		session_detach(c->session); // else the display would wonder where it went
		drain_stream(c, msg->end.code != ES_END_DRAINED);
	}
}

// --- the app and its display ---

static void tell_ready(struct course *c, const struct es_session_msg *msg) {
	int fd = c->options->ready_fd;
	if (fd < 0) {
		return;
	}
	if (dprintf(fd, "WAYLAND_DISPLAY=%s DISPLAY=%s\n", msg->ready.wayland_display,
				msg->ready.x11_display) < 0) {
		say(c, ES_LOG_WARN, "cannot tell file descriptor %d that the displays are ready: %s", fd,
				strerror(errno));
	}
	if (fd > STDERR_FILENO) {
		close(fd);
	}
}

static void display_ready(struct course *c, const struct es_session_msg *msg) {
	if (c->state != STARTING) {
		return;
	}
	enter(c, RUNNING, 0);
	c->start_ns = clock_now_ns();
	say(c, ES_LOG_DEBUG, "display %s, X11 %s, renderer %s", msg->ready.wayland_display,
			msg->ready.x11_display, msg->ready.renderer);
	tell_ready(c, msg);
	if (c->options->duration_ns > 0) {
		c->time_ns = c->start_ns + c->options->duration_ns;
	}
	live_line_init(&c->line, STDERR_FILENO, c->start_ns);
	if (!c->options->quiet) {
		c->tick_ns = c->start_ns + live_line_interval_ns(&c->line);
	}
}

static void app_not_started(struct course *c, int error) {
	say(c, ES_LOG_ERROR, "cannot start '%s': %s", c->options->command[0],
			error == ENOENT ? "command not found" : strerror(error));
	decide(c, error == ENOENT ? 127 : 126, "app");
	c->discard = true;
	enter(c, DONE, 0);
}

static void display_ended(struct course *c, const struct es_session_msg *msg) {
	char what[96];
	switch (msg->end.code) {
	case ES_END_APP_NOT_STARTED:
		app_not_started(c, msg->end.status);
		return;
	case ES_END_APP_EXITED:
		if (WIFSIGNALED(msg->end.status) && !c->decided) {
			say(c, ES_LOG_WARN, "the app %s", describe_status(msg->end.status, what, sizeof(what)));
		}
		decide(c, process_exit_code(msg->end.status), "app");
		break;
	case ES_END_FAILED:
		say(c, ES_LOG_ERROR, "%s", msg->end.text);
		decide_failure(c);
		break;
	case ES_END_DRAINED:
		break;
	}
	drain_encoder(c);
}

static void display_gone(struct course *c, pid_t pid, int status) {
	char what[96];
	if (!c->ended[ES_ROOM_DISPLAY] && c->state != DONE) {
		say(c, ES_LOG_ERROR, "the display %s: ending the app and the run",
				describe_status(status, what, sizeof(what)));
		decide_failure(c);
	}
	// Its descendants have come to us.
	pid_t keep[] = {
			session_pid(c->session, ES_ROOM_ENCODE), session_pid(c->session, ES_ROOM_STREAM)};
	process_end_descendants(c->n_signals > 1 ? 0 : ORPHANS_MS, keep, 2);
	runtime_dir_clear_after(c->runtime_dir, pid);
	drain_encoder(c);
}

// --- the streamer ---

static void stream_lost(struct course *c) {
	decide_failure(c);
	if (c->state >= ENCODE_DRAINING) {
		enter(c, DONE, 0);
	} else {
		end_app(c);
	}
}

static void stream_ended(struct course *c, const struct es_session_msg *msg) {
	if (msg->end.code == ES_END_FAILED) {
		say(c, ES_LOG_ERROR, "%s", msg->end.text);
		stream_lost(c);
	} else if (c->state >= ENCODE_DRAINING) {
		say(c, ES_LOG_DEBUG, "the recording is complete %s", msg->end.text);
		enter(c, DONE, 0);
	} else {
		say(c, ES_LOG_ERROR, "the recording ended by itself: ending the run");
		stream_lost(c);
	}
}

static void stream_gone(struct course *c, int status) {
	if (c->ended[ES_ROOM_STREAM] || c->state == DONE) {
		return;
	}
	char what[96];
	say(c, ES_LOG_ERROR, "the streamer %s: '%s' ends here; ending the app and the run",
			describe_status(status, what, sizeof(what)), c->options->output);
	stream_lost(c);
}

// --- what comes from the session ---

static void room_ended(struct course *c, enum es_room room, const struct es_session_msg *msg) {
	c->ended[room] = true;
	if (c->state == DONE) {
		return;
	}
	switch (room) {
	case ES_ROOM_DISPLAY:
		display_ended(c, msg);
		return;
	case ES_ROOM_ENCODE:
		encoder_ended(c, msg);
		return;
	default:
		stream_ended(c, msg);
		return;
	}
}

static void room_ready(struct course *c, enum es_room room, const struct es_session_msg *msg) {
	if (room == ES_ROOM_DISPLAY) {
		display_ready(c, msg);
	} else if (room == ES_ROOM_ENCODE) {
		c->encode_deadline_ns = 0;
	}
}

static void take_stream_stats(struct course *c, const struct es_stream_stats *stats) {
	c->summary->stream = *stats;
	if (c->line_due && c->state == RUNNING) {
		live_line_show(&c->line, stats, clock_now_ns());
	}
	c->line_due = false;
}

static void lose_encoder(struct course *c, const char *why) {
	if (c->state == RUNNING && session_alive(c->session, ES_ROOM_ENCODE)) {
		say(c, ES_LOG_WARN, "%s", why);
		session_kill(c->session, ES_ROOM_ENCODE);
	}
}

static void on_message(void *data, enum es_room room, const struct es_session_msg *msg) {
	struct course *c = data;
	switch (msg->type) {
	case ES_SESSION_READY:
		room_ready(c, room, msg);
		return;
	case ES_SESSION_DISPLAY_STATS:
		c->summary->display = msg->display_stats;
		return;
	case ES_SESSION_ENCODE_STATS:
		c->encode_now = msg->encode_stats;
		return;
	case ES_SESSION_STREAM_STATS:
		take_stream_stats(c, &msg->stream_stats);
		return;
	case ES_SESSION_STUCK:
		lose_encoder(c, "the encoder has not answered for 5 s: killing it");
		return;
	case ES_SESSION_NEED_ENCODER:
		// An encoder's death tells both of us; only one that has hung up and lives on is news.
		if (clock_now_ns() - c->encode_started_ns > SETTLED_NS) {
			lose_encoder(c, "the encoder has let go of the streamer: killing it");
		}
		return;
	case ES_SESSION_END:
		room_ended(c, room, msg);
		return;
	default:
		return;
	}
}

static void on_gone(void *data, enum es_room room, pid_t pid, int status) {
	struct course *c = data;
	switch (room) {
	case ES_ROOM_DISPLAY:
		display_gone(c, pid, status);
		return;
	case ES_ROOM_ENCODE:
		encoder_gone(c, status);
		return;
	default:
		stream_gone(c, status);
		return;
	}
}

static void on_signal(void *data, int signo) {
	struct course *c = data;
	c->n_signals++;
	if (c->state == DONE) {
		return;
	}
	if (c->n_signals == 1) {
		say(c, ES_LOG_INFO, "%s: ending the app; once more ends it at once", strsignal(signo));
		decide(c, 128 + signo, "signal");
		end_app(c);
		return;
	}
	decide(c, 128 + signo, "signal");
	session_kill(c->session, ES_ROOM_DISPLAY);
	session_kill(c->session, ES_ROOM_ENCODE);
	enter(c, DONE, 0);
}

static const struct es_session_listener listener = {
		.message = on_message, .gone = on_gone, .signal = on_signal};

// --- time ---

static void state_overdue(struct course *c) {
	static const enum es_room waits_for[] = {
			[STARTING] = ES_ROOM_DISPLAY,
			[APP_ENDING] = ES_ROOM_DISPLAY,
			[ENCODE_DRAINING] = ES_ROOM_ENCODE,
			[STREAM_FINISHING] = ES_ROOM_STREAM,
	};
	enum es_room room = waits_for[c->state];
	say(c, ES_LOG_ERROR, "the %s did not %s in time: killing it", session_room_name(room),
			c->state == STARTING ? "get ready" : "end");
	decide_failure(c);
	c->deadline_ns = 0;
	session_kill(c->session, room);
}

static void tick(struct course *c, int64_t now) {
	int64_t interval = live_line_interval_ns(&c->line);
	c->tick_ns += ((now - c->tick_ns) / interval + 1) * interval;
	c->line_due = true;
	for (int i = 0; i < ES_ROOM_COUNT; i++) {
		session_ask(c->session, (enum es_room)i, ES_SESSION_STATS);
	}
}

static void check_time(struct course *c) {
	int64_t now = clock_now_ns();
	if (c->deadline_ns != 0 && now >= c->deadline_ns) {
		state_overdue(c);
	}
	if (c->encode_deadline_ns != 0 && now >= c->encode_deadline_ns) {
		c->encode_deadline_ns = 0;
		say(c, ES_LOG_ERROR, "the encoder did not get ready, or end, in time: killing it");
		session_kill(c->session, ES_ROOM_ENCODE);
	}
	if (c->time_ns != 0 && now >= c->time_ns) {
		decide(c, 0, "time");
		end_app(c);
	}
	if (c->tick_ns != 0 && now >= c->tick_ns) {
		tick(c, now);
	}
}

static int64_t next_deadline(const struct course *c) {
	const int64_t all[] = {c->deadline_ns, c->encode_deadline_ns, c->time_ns, c->tick_ns};
	int64_t next = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] != 0 && (next == 0 || all[i] < next)) {
			next = all[i];
		}
	}
	return next;
}

// --- beginning and end ---

static void fill_setup(struct es_session_setup *setup, const struct es_run_options *options,
		const struct es_output_file *output) {
	*setup = (struct es_session_setup){
			.mode = options->mode,
			.scale_milli = options->scale_milli,
			.name = "run",
			.codec = options->codec,
			.encoder = options->encoder,
			.bitrate_kbps = options->bitrate_kbps,
			.container = options->container,
			.output_path = options->output,
			.output_fd = output->fd,
			// The app runs in a process group of its own: reading the terminal would stop it.
			.app_stdin = isatty(STDIN_FILENO) ? -1 : STDIN_FILENO,
			// Standard output may be taken by the video.
			.app_stdout = strcmp(options->output, "-") == 0 ? STDERR_FILENO : STDOUT_FILENO,
			.command = options->command,
	};
}

static void prefer_exact(struct es_usage *reported, struct es_usage exact) {
	if (exact.cpu_us > reported->cpu_us) {
		reported->cpu_us = exact.cpu_us;
	}
	if (exact.peak_rss_kib > reported->peak_rss_kib) {
		reported->peak_rss_kib = exact.peak_rss_kib;
	}
}

static void fill_summary(struct course *c) {
	struct es_run_summary *summary = c->summary;
	int64_t end_ns = c->end_ns != 0 ? c->end_ns : clock_now_ns();
	summary->duration_ns = c->start_ns != 0 ? end_ns - c->start_ns : 0;
	summary->encode = c->encode_past;
	run_summary_add_encode(&summary->encode, &c->encode_now);
	prefer_exact(&summary->encode.usage, session_past_usage(c->session, ES_ROOM_ENCODE));
	prefer_exact(&summary->stream.usage, session_past_usage(c->session, ES_ROOM_STREAM));
}

static void conduct(struct course *c) {
	enter(c, STARTING, START_NS);
	if (!session_start(c->session)) {
		decide_failure(c);
		enter(c, DONE, 0);
	}
	expect_encoder(c);
	while (c->state != DONE) {
		session_poll(c->session, next_deadline(c));
		if (c->state != DONE) {
			check_time(c);
		}
	}
	live_line_clear(&c->line);
	session_finish(c->session, c->n_signals > 1 ? ABORT_MS : FINISH_MS);
}

void run_course(const struct es_run_options *options, const struct es_output_file *output,
		const struct es_runtime_dir *runtime_dir, struct es_run_summary *summary, bool *discard) {
	struct course c = {.options = options, .runtime_dir = runtime_dir, .summary = summary};
	*summary = (struct es_run_summary){
			.mode = options->mode,
			.encoder = options->encoder,
			.codec = options->codec,
			.bitrate_kbps = options->bitrate_kbps,
	};
	struct es_session_setup setup;
	fill_setup(&setup, options, output);
	c.session = session_create(&setup, &listener, &c);
	if (c.session != NULL) {
		conduct(&c);
		fill_summary(&c);
	} else {
		decide_failure(&c);
	}
	session_destroy(c.session);
	*discard = c.discard;
}
