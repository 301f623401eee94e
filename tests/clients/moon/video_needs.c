#include "tests/clients/moon/video_state.h"

#define MAX_DROPPED 120 // then an IDR is asked for, whatever was asked before

static void ask_idr(struct es_moon_video *video) {
	video->stats.idr_asked++;
	video->dropped_in_row = 0;
	video->params.calls.ask_idr(video->params.calls.data);
}

static void ask_invalidate(struct es_moon_video *video, uint32_t last) {
	video->stats.invalidations_asked++;
	video->params.calls.ask_invalidate(video->params.calls.data, video->first_bad, last);
}

void video_needs_lose(struct es_moon_video *video, uint32_t first, uint32_t last) {
	video->stats.lost += last - first + 1;
	video->params.calls.lost(video->params.calls.data, first, last);
	if (video->need == NEED_NOTHING) {
		video->first_bad = video->last_good + 1;
		video->need = video->params.invalidate ? NEED_RECOVERY : NEED_IDR;
	}
	if (video->need == NEED_RECOVERY) {
		ask_invalidate(video, last);
	} else {
		video->ask_idr_next = true;
	}
}

static bool is_useful(const struct es_moon_video *video, const struct es_moon_frame *frame) {
	switch (video->need) {
	case NEED_IDR:
		return frame->key;
	case NEED_RECOVERY:
		return frame->key || frame->type == 2 || frame->type == 4 || frame->type == 5;
	default:
		return true;
	}
}

static bool is_to_be_lost(const struct es_moon_video *video, uint32_t number) {
	const struct es_moon_video_params *params = &video->params;
	if (params->lose_first == 0 || number < params->lose_first) {
		return false;
	}
	uint32_t since = number - params->lose_first;
	return params->lose_every == 0 ? since == 0 : since % params->lose_every == 0;
}

void video_needs_deliver(struct es_moon_video *video, const struct es_moon_frame *frame) {
	if (video->params.calls.whole != NULL) {
		video->params.calls.whole(video->params.calls.data, frame);
	}
	if (is_to_be_lost(video, frame->number)) {
		video_needs_lose(video, frame->number, frame->number);
		return;
	}
	bool is_first = video->last_good == 0;
	video->stats.frames++;
	video->stats.idr_frames += frame->key;
	video->stats.recovery_frames += frame->type == 5;
	if (is_useful(video, frame)) {
		video->need = NEED_NOTHING;
		video->ask_idr_next = false;
		video->dropped_in_row = 0;
		video->last_good = frame->number;
		video->params.calls.frame(video->params.calls.data, frame);
		return;
	}
	video->stats.dropped++;
	video->dropped_in_row++;
	video->params.calls.dropped(video->params.calls.data, frame);
	if (video->need == NEED_RECOVERY) {
		ask_invalidate(video, frame->number);
	}
	if (video->ask_idr_next || (is_first && video->stats.idr_asked == 0) ||
			video->dropped_in_row >= MAX_DROPPED) {
		video->ask_idr_next = false;
		ask_idr(video);
	}
}
