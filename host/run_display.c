#define _GNU_SOURCE
#include "host/run_display.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"

#define ORPHANS_MS 2000 // what a dead display leaves behind, between TERM and KILL

static void tell_ready(struct es_run *run, const struct es_session_msg *msg) {
	int fd = run->options->ready_fd;
	if (fd < 0) {
		return;
	}
	if (dprintf(fd, "WAYLAND_DISPLAY=%s DISPLAY=%s\n", msg->ready.wayland_display,
				msg->ready.x11_display) < 0) {
		run_say(run, ES_LOG_WARN, "cannot tell file descriptor %d that the displays are ready: %s",
				fd, strerror(errno));
	}
	if (fd > STDERR_FILENO) {
		close(fd);
	}
}

void run_display_ready(struct es_run *run, const struct es_session_msg *msg) {
	if (run->stage != ES_RUN_STARTING) {
		return;
	}
	run_stage_enter(run, ES_RUN_RUNNING, 0);
	run->start_ns = clock_now_ns();
	run_say(run, ES_LOG_DEBUG, "display %s, X11 %s, renderer %s", msg->ready.wayland_display,
			msg->ready.x11_display, msg->ready.renderer);
	tell_ready(run, msg);
	if (run->options->duration_ns > 0) {
		run->time_ns = run->start_ns + run->options->duration_ns;
	}
	run_figures_begin(&run->figures, run->options->quiet, run->start_ns);
}

static void app_not_started(struct es_run *run, int error) {
	run_say(run, ES_LOG_ERROR, "cannot start '%s': %s", run->options->command[0],
			error == ENOENT ? "command not found" : strerror(error));
	run_decide(run, error == ENOENT ? 127 : 126, "app");
	run->discard = true;
	run_stage_enter(run, ES_RUN_DONE, 0);
}

void run_display_ended(struct es_run *run, const struct es_session_msg *msg) {
	char what[96];
	switch (msg->end.code) {
	case ES_END_APP_NOT_STARTED:
		app_not_started(run, msg->end.status);
		return;
	case ES_END_APP_EXITED:
		if (WIFSIGNALED(msg->end.status) && !run->decided) {
			run_say(run, ES_LOG_WARN, "the app %s",
					process_describe_status(msg->end.status, what, sizeof(what)));
		}
		run_decide(run, process_exit_code(msg->end.status), "app");
		break;
	case ES_END_FAILED:
		run_say(run, ES_LOG_ERROR, "%s", msg->end.text);
		run_decide_failure(run);
		break;
	case ES_END_DRAINED:
	case ES_END_CLIENT_LEFT:
	case ES_END_CLIENT_LOST:
		break;
	}
	run_stage_drain_encoder(run);
}

void run_display_gone(struct es_run *run, pid_t pid, int status) {
	char what[96];
	if (!run->ended[ES_ROOM_DISPLAY] && run->stage != ES_RUN_DONE) {
		run_say(run, ES_LOG_ERROR, "the display %s: ending the app and the run",
				process_describe_status(status, what, sizeof(what)));
		run_decide_failure(run);
	}
	// Its descendants have come to us.
	pid_t keep[] = {
			session_pid(run->session, ES_ROOM_ENCODE), session_pid(run->session, ES_ROOM_STREAM)};
	process_end_descendants(run->n_signals > 1 ? 0 : ORPHANS_MS, keep, 2);
	runtime_dir_clear_after(run->runtime_dir, pid);
	run_stage_drain_encoder(run);
}

void run_display_check_time(struct es_run *run, int64_t now_ns) {
	if (run->time_ns != 0 && now_ns >= run->time_ns) {
		run->time_ns = 0;
		run_decide(run, 0, "time");
		run_stage_end_app(run);
	}
}
