#include "host/recording_tally.h"

#include <string.h>

static void reach(struct es_recording_tally *tally, uint32_t at_ms) {
	if (at_ms > tally->summary.length_ms) {
		tally->summary.length_ms = at_ms;
	}
}

static void add_title(struct es_recording_summary *summary, const char *title) {
	for (uint32_t i = 0; i < summary->n_titles; i++) {
		if (strcmp(summary->titles[i], title) == 0) {
			return;
		}
	}
	if (summary->n_titles < ES_RECORDING_TITLES) {
		size_t size = strnlen(title, sizeof(summary->titles[0]) - 1);
		memcpy(summary->titles[summary->n_titles], title, size);
		summary->titles[summary->n_titles++][size] = '\0';
	}
}

static void take_track(void *data, const struct es_recording_track *track) {
	struct es_recording_tally *tally = data;
	reach(tally, track->at_ms);
	if ((tally->tracks & UINT64_C(1) << track->track) == 0) {
		tally->tracks |= UINT64_C(1) << track->track;
		tally->summary.n_tracks++;
	}
	add_title(&tally->summary, track->title);
}

static uint32_t value_of(const struct es_recording_tally *tally,
		const struct es_recording_sample *sample, const char *name) {
	uint32_t column = recording_column(tally->names, name);
	return column < sample->n ? sample->values[column] : 0;
}

static void take_sample(void *data, const struct es_recording_sample *sample) {
	struct es_recording_tally *tally = data;
	struct es_recording_summary *summary = &tally->summary;
	uint32_t frames = value_of(tally, sample, "frames_new");
	uint32_t max_us = value_of(tally, sample, "total_max_us");
	reach(tally, sample->at_ms);
	summary->n_samples++;
	summary->frames_new += frames;
	summary->frames_repeated += value_of(tally, sample, "frames_repeated");
	summary->frames_superseded += value_of(tally, sample, "frames_superseded");
	summary->frames_dropped += value_of(tally, sample, "frames_dropped");
	summary->bytes += value_of(tally, sample, "bytes");
	summary->datagrams += value_of(tally, sample, "datagrams");
	summary->datagrams_lost += value_of(tally, sample, "datagrams_lost");
	summary->total_max_us = max_us > summary->total_max_us ? max_us : summary->total_max_us;
	tally->weight += frames;
	tally->sum_p50 += (double)frames * value_of(tally, sample, "total_p50_us");
	tally->sum_p99 += (double)frames * value_of(tally, sample, "total_p99_us");
}

static void take_frames(void *data, const struct es_recording_frames *frames) {
	struct es_recording_tally *tally = data;
	tally->summary.n_frames += frames->n_rows;
	tally->summary.frames_left_out += frames->dropped;
}

void recording_tally_init(struct es_recording_tally *tally, const struct es_recording_names *names,
		struct es_recording_visitor *visitor) {
	memset(tally, 0, sizeof(*tally));
	tally->names = names;
	*visitor = (struct es_recording_visitor){
			.data = tally, .track = take_track, .sample = take_sample, .frames = take_frames};
}

void recording_tally_result(
		const struct es_recording_tally *tally, struct es_recording_summary *summary) {
	*summary = tally->summary;
	if (tally->weight > 0) {
		summary->total_p50_us = (uint32_t)(tally->sum_p50 / (double)tally->weight + 0.5);
		summary->total_p99_us = (uint32_t)(tally->sum_p99 / (double)tally->weight + 0.5);
	}
}
