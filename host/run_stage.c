#define _GNU_SOURCE
#include "host/run_stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define DRAIN_NS (7 * ES_NS_PER_S) // the app has 5 s to end after TERM; then what is left

void run_say(struct es_run *run, enum es_log_level level, const char *format, ...) {
	va_list args;
	if (!log_enabled(level)) {
		return;
	}
	live_line_clear(&run->figures.line);
	va_start(args, format);
	es_vlog(level, format, args);
	va_end(args);
}

void run_decide(struct es_run *run, int status, const char *reason) {
	if (!run->decided) {
		run->decided = true;
		run->summary->exit_status = status;
		run->summary->end_reason = reason;
	}
}

void run_decide_failure(struct es_run *run) {
	if (!run->failed) {
		run->failed = run->decided = true;
		run->summary->exit_status = 1;
		run->summary->end_reason = "failure";
	}
}

bool run_stage_usable(const struct es_run *run, enum es_room room) {
	return session_alive(run->session, room) && !run->ended[room];
}

void run_stage_enter(struct es_run *run, enum es_run_stage stage, int64_t limit_ns) {
	run->stage = stage;
	run->deadline_ns = limit_ns != 0 ? clock_now_ns() + limit_ns : 0;
}

void run_stage_drain_stream(struct es_run *run, bool tell) {
	if (!run_stage_usable(run, ES_ROOM_STREAM)) {
		run_stage_enter(run, ES_RUN_DONE, 0);
		return;
	}
	run_stage_enter(run, ES_RUN_STREAM_FINISHING, DRAIN_NS);
	if (tell) {
		// No encoder is left that would tell it where the stream ends.
		session_ask(run->session, ES_ROOM_STREAM, ES_SESSION_DRAIN);
	}
}

void run_stage_drain_encoder(struct es_run *run) {
	if (run->stage >= ES_RUN_ENCODE_DRAINING) {
		return;
	}
	run->end_ns = clock_now_ns();
	run->encode_deadline_ns = 0; // the stage has its own
	run_figures_end(&run->figures, run->session);
	if (!run_stage_usable(run, ES_ROOM_STREAM)) {
		run_stage_enter(run, ES_RUN_DONE, 0);
	} else if (!run_stage_usable(run, ES_ROOM_ENCODE)) {
		run_stage_drain_stream(run, true);
	} else {
		run_stage_enter(run, ES_RUN_ENCODE_DRAINING, DRAIN_NS);
		session_ask(run->session, ES_ROOM_ENCODE, ES_SESSION_DRAIN);
	}
}

void run_stage_end_app(struct es_run *run) {
	if (run->stage >= ES_RUN_APP_ENDING) {
		return;
	}
	run->time_ns = 0;
	if (!run_stage_usable(run, ES_ROOM_DISPLAY)) {
		run_stage_drain_encoder(run);
		return;
	}
	run_stage_enter(run, ES_RUN_APP_ENDING, DRAIN_NS);
	session_ask(run->session, ES_ROOM_DISPLAY, ES_SESSION_DRAIN);
}

void run_stage_fail(struct es_run *run) {
	run_decide_failure(run);
	run_stage_end_app(run);
}

void run_stage_check_time(struct es_run *run, int64_t now_ns) {
	static const enum es_room waits_for[] = {
			[ES_RUN_STARTING] = ES_ROOM_DISPLAY,
			[ES_RUN_APP_ENDING] = ES_ROOM_DISPLAY,
			[ES_RUN_ENCODE_DRAINING] = ES_ROOM_ENCODE,
			[ES_RUN_STREAM_FINISHING] = ES_ROOM_STREAM,
	};
	if (run->deadline_ns == 0 || now_ns < run->deadline_ns) {
		return;
	}
	enum es_room room = waits_for[run->stage];
	run_say(run, ES_LOG_ERROR, "the %s did not %s in time: killing it", session_room_name(room),
			run->stage == ES_RUN_STARTING ? "get ready" : "end");
	run_decide_failure(run);
	run->deadline_ns = 0;
	session_kill(run->session, room);
}
