// The encoder of a run: lost ones are replaced, as long as that helps.
#pragma once

#include "host/run_stage.h"

// It was started just now.
void run_encoder_started(struct es_run *run);
void run_encoder_ready(struct es_run *run);
// It has said END.
void run_encoder_ended(struct es_run *run, const struct es_session_msg *msg);
// Its process has ended; status as from waitpid.
void run_encoder_gone(struct es_run *run, int status);
// It no longer answers the display.
void run_encoder_stuck(struct es_run *run);
// The streamer has no encoder to read from.
void run_encoder_needed(struct es_run *run);
// It was asked for statistics. One that does not answer for long is killed: it may hang before its first
// frame, where the display does not watch it.
void run_encoder_asked(struct es_run *run);
// Kills one that did not get ready, or did not go after its END, in time.
void run_encoder_check_time(struct es_run *run, int64_t now_ns);
