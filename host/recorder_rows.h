// What the rows of a recording are made of: which columns there are, and how they are filled.
#pragma once

#include "host/figures.h"
#include "host/recording_format.h"
#include "protocol/session_msg.h"

void recorder_rows_names(struct es_recording_names *samples, struct es_recording_names *frames);
// Everything but track and at_ms.
void recorder_rows_track(struct es_recording_track *track, const struct es_play_info *info);
void recorder_rows_sample(struct es_recording_sample *sample, const struct es_window *window);
// n_rows of them; since that time.
void recorder_rows_frames(
		struct es_recording_frames *frames, const struct es_frame_row *rows, int64_t since_ns);
