// All sessions of `serve`. Each is one display with its app, which lives from launch to cancel or the
// app's end; and at most one client attached to it, which comes and goes with an encoder and a
// streamer of its own. Single-threaded, on the host's event loop.
//
//   launch            resume
//     |                  |
//     v   RTSP           v  RTSP                    client leaves or is lost
//   PENDING -> NEGOTIATED -> PLAYING ----------------------------------> DETACHED
//     |  10 s without the control connection                                |  idle time
//     +---------------------------> DETACHED (launch: ENDING)               v
//   cancel, stop, the app's end, a failure --------------------------->  ENDING -> gone
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/clients.h"
#include "host/settings.h"
#include "protocol/crypto.h"
#include "protocol/mode.h"
#include "protocol/sdp.h"
#include "protocol/session_msg.h"

struct es_containment;
struct es_plays;
struct es_play;

enum es_play_state {
	ES_PLAY_PENDING, // launched or resumed: RTSP is expected
	ES_PLAY_NEGOTIATED, // ANNOUNCE has come: encoder and streamer start
	ES_PLAY_PLAYING, // the control connection stands
	ES_PLAY_DETACHED, // the app runs on without a client
	ES_PLAY_ENDING,
};

// Borrowed for the life of the table; settings may be replaced by plays_set_settings.
struct es_plays *plays_create(sd_event *event, const struct es_settings *settings);
// Ends all sessions at once. NULL is fine.
void plays_destroy(struct es_plays *plays);
void plays_set_settings(struct es_plays *plays, const struct es_settings *settings); // SIGHUP
// What apps that are launched from now on are started in. Borrowed; NULL, as without this: nothing.
void plays_contain(struct es_plays *plays, const struct es_containment *containment);
// Ends all sessions gently (clients are told) and calls done when none is left; launches are refused.
void plays_drain(struct es_plays *plays, void (*done)(void *data), void *data);
// Who else starts programs watches them here.
struct es_children *plays_children(const struct es_plays *plays);
// Called whenever a session starts, changes its state, or ends.
void plays_on_change(struct es_plays *plays, void (*changed)(void *data), void *data);

// --- what a client may do over HTTPS. Status is that of the XML answer: 200, or 400/403/503 with a
// message for the user in error[cap].

struct es_play_request {
	const struct es_client *client;
	const struct es_app *app; // launch only
	struct es_mode mode;
	const uint8_t *key; // rikey; refused if it was used before
	uint32_t key_id;
	uint32_t corever;
	const char *peer; // numeric address of the client
	uint32_t audio_channels; // of the client; the sound card of a new session follows it
};

// Starts display and app. On 200 *play is PENDING.
int plays_launch(struct es_plays *plays, const struct es_play_request *request,
		struct es_play **play, char *error, size_t cap);
// Attaches to the session that the client sees (plays_current). It may be its own that still plays:
// that connection is ended first.
int plays_resume(struct es_plays *plays, const struct es_play_request *request,
		struct es_play **play, char *error, size_t cap);
// Ends the session that the client sees; done is called when app and rooms are gone (at once if there
// is none).
void plays_cancel(struct es_plays *plays, const struct es_client *client,
		void (*done)(void *data, bool ended), void *data);
// The asker has gone: done is not called.
void plays_forget(struct es_plays *plays, void *data);
// The session that /resume and /cancel of this client mean: its own, else a detached one that is not
// private. NULL: none.
struct es_play *plays_current(const struct es_plays *plays, const struct es_client *client);
// A client was revoked: its connections end, its private sessions too.
void plays_revoke(struct es_plays *plays, uint32_t client_id);

// A client's layout is another now ("": the app's): what it plays follows.
void plays_set_keyboard(struct es_plays *plays, uint32_t client_id, const char *layout);
// The same of its right to the clipboard.
void plays_set_clipboard(struct es_plays *plays, uint32_t client_id, bool clipboard);

// --- RTSP

// Sessions that expect RTSP from this address, one after the other; start with NULL.
struct es_play *plays_next_pending(
		const struct es_plays *plays, const struct es_play *previous, const char *peer);

struct es_play_offer {
	const uint8_t *key;
	bool encrypted; // RTSP must be
	uint16_t video_port, audio_port, control_port;
	const char *ping; // 16 characters
	uint32_t connect_data;
	const char *token; // of the RTSP session
	struct es_sdp_offer sdp;
	// Of the RTSP frames of this connection; the server counts them here.
	uint32_t *client_sequence, *host_sequence;
};
void play_offer(struct es_play *play, struct es_play_offer *offer);
// ANNOUNCE: starts encoder and streamer. Status 200, or 400/403/500 with the reason in error[cap].
int play_negotiate(
		struct es_play *play, const struct es_announce *announce, char *error, size_t cap);

// --- what the operator sees

struct es_play_info {
	uint32_t id; // 1.., never used again
	enum es_play_state state;
	uint32_t app_id;
	const char *app_title;
	const char *client_name; // who plays, or played last
	struct es_mode mode;
	const char *encoder; // "x264"; "" when detached
	const char *gpu; // render node that it renders on; "": as it likes
	enum es_codec codec;
	bool web_clipboard; // pages may read the text that the app copies, and set it
	int64_t since_ns; // CLOCK_MONOTONIC of the launch
	uint32_t viewer; // how many have been attached, that one too
	int64_t viewer_ns; // since when it is
	const struct es_display_stats *display_stats; // last told, never NULL
	const struct es_encode_stats *encode_stats;
	const struct es_stream_stats *stream_stats;
};

// Who follows the figures of all sessions while they are played. Any function may be NULL.
struct es_plays_watch {
	// About every second: play_info has new ones.
	void (*figures)(void *data, const struct es_play *play);
	// Single frames, if they are wanted; `dropped` were lost before them.
	void (*frames)(void *data, const struct es_play *play, const struct es_frame_row *rows,
			size_t n, uint32_t dropped);
	void *data;
};
void plays_watch(struct es_plays *plays, const struct es_plays_watch *watch); // copied
void plays_want_frames(struct es_plays *plays, bool wanted);
uint32_t play_app_id(const struct es_play *play);
void play_info(const struct es_play *play, struct es_play_info *info);
size_t plays_count(const struct es_plays *plays);
struct es_play *plays_at(const struct es_plays *plays, size_t index); // in order of id
// Ends session `id`, 0: the only one. done as in plays_cancel. False with the reason in error[cap]: no
// such session.
bool plays_stop(struct es_plays *plays, uint32_t id, void (*done)(void *data, bool ended),
		void *data, char *error, size_t cap);

// A whole picture from the encoder now; false: nobody is attached to that session.
bool plays_ask_idr(struct es_plays *plays, uint32_t id);
// The most that its encoder may make from now on; the way to the client may make it less. The same.
bool plays_set_bitrate(struct es_plays *plays, uint32_t id, uint32_t kbps);

// The encoders have been tried, since the start.
bool plays_probed(const struct es_plays *plays);
// ES_CODEC_SUPPORT_* bits of what this host sustains (from the probe's cache).
uint32_t plays_codec_support(const struct es_plays *plays);
