// The stages of a run and the ways from one to the next.
//
//   STARTING -> RUNNING -> APP_ENDING -> ENCODE_DRAINING -> STREAM_FINISHING -> DONE
//
// The app's own end skips APP_ENDING; a room that is gone skips its stage. Every stage but RUNNING has
// a time-out after which the room that it waits for is killed, so DONE is always reached.
//
// Here is also what all that takes part in a run shares: struct es_run, the verdict (exit status and
// reason), and messages for the person at the terminal.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "host/cli.h"
#include "host/encoder_slot.h"
#include "host/run_figures.h"
#include "host/run_summary.h"
#include "host/runtime_dir.h"
#include "host/session.h"
#include "host/starvation.h"

enum es_run_stage {
	ES_RUN_STARTING,
	ES_RUN_RUNNING,
	ES_RUN_APP_ENDING,
	ES_RUN_ENCODE_DRAINING,
	ES_RUN_STREAM_FINISHING,
	ES_RUN_DONE,
};

// Owned by run_course; the others write only what is theirs.
struct es_run {
	// borrowed
	const struct es_run_options *options;
	const struct es_runtime_dir *runtime_dir;
	struct es_ladder_facts *facts;
	struct es_run_summary *summary; // verdict and restarts at once, the rest at the end

	struct es_session *session; // owned
	struct es_run_figures figures;
	bool ended[ES_ROOM_COUNT]; // the room has said END
	unsigned n_signals;

	// run_stage
	enum es_run_stage stage;
	int64_t deadline_ns; // of the stage, 0: none
	int64_t end_ns; // of the app, 0: not yet
	bool decided, failed;

	// run_display
	int64_t start_ns; // of the app, 0: not yet
	int64_t time_ns; // when -t has elapsed, 0: none
	bool discard; // the output is not worth keeping

	// run_encoder
	struct es_encoder_slot encoder;
	struct es_starvation starvation;
	unsigned encode_unanswered; // asked for statistics so often, and it has said nothing
	int64_t encode_deadline_ns; // until it is ready, or gone after its END; 0: none
};

// As es_log; the live line makes way.
void run_say(struct es_run *run, enum es_log_level level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));

// The first reason for the end decides the status; a failure of ours overrides it.
void run_decide(struct es_run *run, int status, const char *reason);
void run_decide_failure(struct es_run *run);

// The room is there and has not said END.
bool run_stage_usable(const struct es_run *run, enum es_room room);

void run_stage_enter(struct es_run *run, enum es_run_stage stage, int64_t limit_ns); // 0: no limit
// Ends the app, which is still there, then all else. Again is fine.
void run_stage_end_app(struct es_run *run);
// The app has ended: what it showed last goes out, then all else ends. Again is fine.
void run_stage_drain_encoder(struct es_run *run);
// The encoder has ended: what it sent last is written. tell: it did not say where the stream ends.
void run_stage_drain_stream(struct es_run *run, bool tell);
void run_stage_fail(struct es_run *run); // decides and ends the app

// Kills the room that a stage has waited for too long.
void run_stage_check_time(struct es_run *run, int64_t now_ns);
