// The attached client of a session: its streamer, and the encoder that feeds it, which is replaced
// when it is lost. Ends by itself in the background once it was left.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/ladder.h"
#include "protocol/mode.h"
#include "protocol/session_msg.h"

struct es_play;
struct es_play_viewer;

// What tells one kind of viewer from another.
struct es_play_viewer_setup {
	const struct es_session_msg *start; // of the streamer
	const int *fds; // that go with it; they stay the caller's
	size_t n_fds;
	enum es_codec codec;
	uint32_t kbps; // of the encoder
	uint8_t slices, max_refs; // as in START_ENCODE
	uint32_t keepalive_ms;
	const struct es_ladder *ladder; // of encoders
	int *socket; // NULL, or what is taken over, and shut down when the streamer is gone
};

// Starts both rooms and attaches them to the session's display if that is there. False after a logged
// error; nothing was taken over then.
bool play_viewer_start(struct es_play *play, const struct es_play_viewer_setup *setup);
// Links the session's viewer to its display, which was just started.
void play_viewer_attach_display(struct es_play_viewer *viewer);
// Whether its client has the right to the clipboard has changed.
void play_viewer_tell_clipboard(struct es_play_viewer *viewer);
// The viewer is the session's no more: its client is told `code` (0: nothing), its rooms end.
void play_viewer_leave(struct es_play_viewer *viewer, uint32_t code);
// Kills its rooms and frees it. NULL is fine.
void play_viewer_destroy(struct es_play_viewer *viewer);
// The same for those that were left, a list.
void play_viewer_destroy_all(struct es_play_viewer *leaving);

// The one that was left before it; NULL: none.
const struct es_play_viewer *play_viewer_next(const struct es_play_viewer *viewer);

// As the operator wants it. False: its room has gone.
bool play_viewer_ask_idr(struct es_play_viewer *viewer);
bool play_viewer_set_bitrate(struct es_play_viewer *viewer, uint32_t kbps);

// It no longer answers the display, as that says.
void play_viewer_encoder_stuck(struct es_play_viewer *viewer, uint32_t number);
// Whether single frames are wanted has changed.
void play_viewer_tell_wants(struct es_play_viewer *viewer);
// Asks its rooms for their statistics; one that has not answered for long is killed.
void play_viewer_poll_stats(struct es_play_viewer *viewer);
// -1: there is none.
pid_t play_viewer_encoder_pid(const struct es_play_viewer *viewer);
pid_t play_viewer_streamer_pid(const struct es_play_viewer *viewer);
const char *play_viewer_encoder(const struct es_play_viewer *viewer);
enum es_codec play_viewer_codec(const struct es_play_viewer *viewer);
