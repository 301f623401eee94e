#include "host/run_stream.h"

#include "base/process.h"

static void lose(struct es_run *run) {
	run_decide_failure(run);
	if (run->stage >= ES_RUN_ENCODE_DRAINING) {
		run_stage_enter(run, ES_RUN_DONE, 0);
	} else {
		run_stage_end_app(run);
	}
}

void run_stream_ended(struct es_run *run, const struct es_session_msg *msg) {
	if (msg->end.code == ES_END_FAILED) {
		run_say(run, ES_LOG_ERROR, "%s", msg->end.text);
		lose(run);
	} else if (run->stage >= ES_RUN_ENCODE_DRAINING) {
		run_say(run, ES_LOG_DEBUG, "the recording is complete %s", msg->end.text);
		run_stage_enter(run, ES_RUN_DONE, 0);
	} else {
		run_say(run, ES_LOG_ERROR, "the recording ended by itself: ending the run");
		lose(run);
	}
}

void run_stream_gone(struct es_run *run, int status) {
	if (run->ended[ES_ROOM_STREAM] || run->stage == ES_RUN_DONE) {
		return;
	}
	char what[96];
	run_say(run, ES_LOG_ERROR, "the streamer %s: '%s' ends here; ending the app and the run",
			process_describe_status(status, what, sizeof(what)), run->options->output);
	lose(run);
}
