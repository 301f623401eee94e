// The encoders of a run: what is not known yet about those that it might use is found out before it
// starts.
#pragma once

#include "host/cli.h"
#include "host/ladder.h"

// False after a logged error.
bool run_ladder_make(struct es_ladder *ladder, struct es_ladder_facts *facts,
		const struct es_run_options *options);
