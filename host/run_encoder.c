#include "host/run_encoder.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/process.h"

#define READY_NS (15 * ES_NS_PER_S) // from the start
#define SILENT_NS (15 * ES_NS_PER_S) // between two answers
#define EXIT_NS (2 * ES_NS_PER_S) // from END to the end of the process

void run_encoder_started(struct es_run *run) {
	int64_t now_ns = clock_now_ns();
	encoder_slot_started(&run->encoder, now_ns);
	run->starvation = (struct es_starvation){0};
	run->encode_unanswered = 0;
	run->encode_deadline_ns = now_ns + READY_NS;
}

void run_encoder_ready(struct es_run *run) {
	run->encode_deadline_ns = 0;
}

static void say_replaced(
		struct es_run *run, enum es_slot_action action, const char *name, const char *what) {
	if (action == ES_SLOT_NEXT) {
		run_say(run, ES_LOG_WARN, "encoder %s has failed (%s): the recording goes on with %s", name,
				what, encoder_slot_rung(&run->encoder)->name);
	} else {
		run_say(run, ES_LOG_WARN, "the encoder %s: starting another, the recording goes on", what);
	}
}

static void replace(struct es_run *run, const char *what) {
	const char *name = encoder_slot_rung(&run->encoder)->name;
	enum es_slot_action action = encoder_slot_lost(&run->encoder, run->facts, what, clock_now_ns());
	if (action == ES_SLOT_GIVE_UP) {
		if (!run->encoder.broken) {
			run_say(run, ES_LOG_ERROR,
					"the encoder %s, the %dth time within a minute: ending the run; try another with -e "
					"or -c, and look at `earthshine doctor`",
					what, ES_RESTART_MAX + 1);
		}
		run_stage_fail(run);
		return;
	}
	say_replaced(run, action, name, run->encoder.blame);
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
		encoder_slot_failed(&run->encoder, msg->end.text, clock_now_ns());
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
		run_say(run, ES_LOG_WARN, "the encoder %s: killing it", why);
		session_kill(run->session, ES_ROOM_ENCODE);
	}
}

static bool starves(struct es_run *run) {
	struct es_run_time at;
	int64_t patience_ns = encoder_slot_stuck_ms(&run->encoder, false) * ES_NS_PER_MS;
	if (!run_time_read(session_pid(run->session, ES_ROOM_ENCODE), &at) ||
			!starvation_judge(&run->starvation, &at, patience_ns, clock_now_ns())) {
		return false;
	}
	if (run->starvation.n_grants == 1) {
		run_say(run, ES_LOG_WARN,
				"the encoder gets no processor, the machine is overloaded: waiting on");
	}
	return true;
}

void run_encoder_stuck(struct es_run *run) {
	char why[64];
	if (starves(run)) {
		return;
	}
	snprintf(why, sizeof(why), "has not answered for %g s",
			encoder_slot_stuck_ms(&run->encoder, false) / 1000.0);
	encoder_slot_blame(&run->encoder, why);
	lose(run, why);
}

void run_encoder_needed(struct es_run *run) {
	// An encoder's death tells both of us; only one that has hung up and lives on is news.
	if (encoder_slot_settled(&run->encoder, clock_now_ns())) {
		lose(run, "has let go of the streamer");
	}
}

// Counted in questions, not in time: we may have been stopped ourselves.
void run_encoder_asked(struct es_run *run) {
	struct es_run_time at;
	if (run_time_read(session_pid(run->session, ES_ROOM_ENCODE), &at)) {
		starvation_note(&run->starvation, &at, clock_now_ns());
	}
	int64_t silent_ns = ++run->encode_unanswered * live_line_interval_ns(&run->figures.line);
	if (silent_ns > SILENT_NS) {
		run->encode_unanswered = 0;
		encoder_slot_blame(&run->encoder, "said nothing any more");
		lose(run, "says nothing any more");
	}
}

void run_encoder_check_time(struct es_run *run, int64_t now_ns) {
	if (run->encode_deadline_ns == 0 || now_ns < run->encode_deadline_ns) {
		return;
	}
	run->encode_deadline_ns = 0;
	run_say(run, ES_LOG_ERROR, "the encoder did not get ready, or end, in time: killing it");
	encoder_slot_blame(&run->encoder, "did not get ready in time");
	session_kill(run->session, ES_ROOM_ENCODE);
}
