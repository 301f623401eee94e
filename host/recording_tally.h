// Adds up what a list shows of a recording, while it is written or read.
#pragma once

#include "host/recording_format.h"
#include "host/recording_read.h"

struct es_recording_tally {
	const struct es_recording_names *names; // borrowed; of samples
	struct es_recording_summary summary;
	uint64_t tracks; // a bit for each that there was
	uint64_t weight; // frames that the means are of
	double sum_p50, sum_p99;
};

// What `visitor` is told is added up.
void recording_tally_init(struct es_recording_tally *tally, const struct es_recording_names *names,
		struct es_recording_visitor *visitor);
void recording_tally_result(
		const struct es_recording_tally *tally, struct es_recording_summary *summary);
