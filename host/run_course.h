// The course of a run: what happens from the start of the rooms to their end.
#pragma once

#include <stdbool.h>

#include "host/cli.h"
#include "host/ladder.h"
#include "host/run_summary.h"

struct es_output_file;
struct es_runtime_dir;

// Runs the app to its end; returns when no process of ours is left. Fills *summary, exit status
// included. *discard: the app could not be started, the output is not worth keeping.
void run_course(const struct es_run_options *options, struct es_ladder_facts *facts,
		const struct es_ladder *ladder, const struct es_output_file *output,
		const struct es_runtime_dir *runtime_dir, struct es_run_summary *summary, bool *discard);
