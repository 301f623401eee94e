#include "host/run_encoder.h"

#include "base/clock.h"
#include "base/process.h"

#define READY_NS (15 * ES_NS_PER_S) // from the start
#define EXIT_NS (2 * ES_NS_PER_S) // from END to the end of the process

// One younger than this has not worked yet, and NEED_ENCODER speaks of the one before.
#define SETTLED_NS (2 * ES_NS_PER_S)

void run_encoder_started(struct es_run *run) {
	run->encode_started_ns = clock_now_ns();
	run->encode_deadline_ns = run->encode_started_ns + READY_NS;
}

void run_encoder_ready(struct es_run *run) {
	run->encode_deadline_ns = 0;
}

static bool settled(const struct es_run *run) {
	return clock_now_ns() - run->encode_started_ns > SETTLED_NS;
}

static void replace(struct es_run *run, const char *what) {
	if (!restart_limit_allows(&run->restart_limit, clock_now_ns())) {
		run_say(run, ES_LOG_ERROR,
				"the encoder %s, the %dth time within a minute: ending the run; try another with -e or "
				"-c, and look at `earthshine doctor`",
				what, ES_RESTART_MAX + 1);
		run_stage_fail(run);
		return;
	}
	run_say(run, ES_LOG_WARN, "the encoder %s: starting another, the recording goes on", what);
	run->summary->encoder_restarts++;
	run->ended[ES_ROOM_ENCODE] = false;
	if (!session_replace_encoder(run->session)) {
		run_stage_fail(run);
		return;
	}
	run_encoder_started(run);
}

void run_encoder_ended(struct es_run *run, const struct es_session_msg *msg) {
	if (msg->end.code == ES_END_FAILED) {
		run_say(run, ES_LOG_ERROR, "%s", msg->end.text);
		if (run->summary->encoder_restarts == 0 && !settled(run)) {
			run_stage_fail(run); // it never worked: trying again would not help
		}
		run->encode_deadline_ns = clock_now_ns() + EXIT_NS;
	}
	if (run->stage == ES_RUN_ENCODE_DRAINING) {
		session_detach(run->session); // else the display would wonder where it went
		run_stage_drain_stream(run, msg->end.code != ES_END_DRAINED);
	}
}

void run_encoder_gone(struct es_run *run, int status) {
	char what[96];
	run_figures_encoder_gone(&run->figures);
	run->encode_deadline_ns = 0;
	switch (run->stage) {
	case ES_RUN_STARTING:
	case ES_RUN_RUNNING:
		replace(run, process_describe_status(status, what, sizeof(what)));
		return;
	case ES_RUN_ENCODE_DRAINING:
		run_say(run, ES_LOG_WARN, "the encoder %s: its last frames are missing in the recording",
				process_describe_status(status, what, sizeof(what)));
		run_stage_drain_stream(run, true);
		return;
	default:
		return;
	}
}

static void lose(struct es_run *run, const char *why) {
	if (run->stage == ES_RUN_RUNNING && session_alive(run->session, ES_ROOM_ENCODE)) {
		run_say(run, ES_LOG_WARN, "%s", why);
		session_kill(run->session, ES_ROOM_ENCODE);
	}
}

void run_encoder_stuck(struct es_run *run) {
	lose(run, "the encoder has not answered for 5 s: killing it");
}

void run_encoder_needed(struct es_run *run) {
	// An encoder's death tells both of us; only one that has hung up and lives on is news.
	if (settled(run)) {
		lose(run, "the encoder has let go of the streamer: killing it");
	}
}

void run_encoder_check_time(struct es_run *run, int64_t now_ns) {
	if (run->encode_deadline_ns == 0 || now_ns < run->encode_deadline_ns) {
		return;
	}
	run->encode_deadline_ns = 0;
	run_say(run, ES_LOG_ERROR, "the encoder did not get ready, or end, in time: killing it");
	session_kill(run->session, ES_ROOM_ENCODE);
}
