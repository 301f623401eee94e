// host/play.h without rooms, for tests of what stands in front of it: a launch is a record.
#pragma once

#include "host/play.h"

struct fake_plays_counts {
	unsigned launched, resumed, cancelled;
};
const struct fake_plays_counts *fake_plays_counts(const struct es_plays *plays);
// Ends the session whose cancel is awaited (cancel answers later).
bool fake_plays_finish_cancel(struct es_plays *plays);
