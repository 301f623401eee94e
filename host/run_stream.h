// The streamer of a run: without it there is no recording, so that its end is the end.
#pragma once

#include "host/run_stage.h"

// It has said END.
void run_stream_ended(struct es_run *run, const struct es_session_msg *msg);
// Its process has ended; status as from waitpid.
void run_stream_gone(struct es_run *run, int status);
