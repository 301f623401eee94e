// The course of a run: what happens from the start of the rooms to their end.
//
//   STARTING -> RUNNING -> APP_ENDING -> ENCODE_DRAINING -> STREAM_FINISHING -> DONE
//
// The app's own end skips APP_ENDING; a room that is gone skips its state. Every state but RUNNING
// has a time-out after which the room that it waits for is killed, so DONE is always reached.
#pragma once

#include <stdbool.h>

#include "host/cli.h"
#include "host/run_summary.h"

struct es_output_file;
struct es_runtime_dir;

// Runs the app to its end; returns when no process of ours is left. Fills *summary, exit status
// included. *discard: the app could not be started, the output is not worth keeping.
void run_course(const struct es_run_options *options, const struct es_output_file *output,
		const struct es_runtime_dir *runtime_dir, struct es_run_summary *summary, bool *discard);
