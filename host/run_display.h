// The display of a run and the app in it: their beginning, and how they may end.
#pragma once

#include "host/run_stage.h"

// The app has been started.
void run_display_ready(struct es_run *run, const struct es_session_msg *msg);
// It has said END: mostly that the app has ended.
void run_display_ended(struct es_run *run, const struct es_session_msg *msg);
// Its process has ended; status as from waitpid.
void run_display_gone(struct es_run *run, pid_t pid, int status);
// Ends the app when -t has elapsed.
void run_display_check_time(struct es_run *run, int64_t now_ns);
