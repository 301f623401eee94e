// A session as the files see it that make it up: play.c (its course), play_display.c (screen and
// app), play_viewer.c (the attached client) and plays.c (the table).
//
// Nothing of a session is freed while anybody might still hold it: plays.c removes it from the event
// loop, once play_is_gone.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "host/app_hook.h"
#include "host/children.h"
#include "host/codec_probe.h"
#include "host/containment.h"
#include "host/ladder.h"
#include "host/media_ports.h"
#include "host/play.h"
#include "host/play_viewer.h"
#include "host/room.h"
#include "host/runtime_dir.h"
#include "host/used_keys.h"
#include "protocol/control_msg.h"

#define ES_PLAY_PING_SIZE 16
#define ES_PLAY_TOKEN_SIZE 32

// A copy: settings may be replaced while it runs.
struct es_play_app {
	uint32_t id;
	char *title, *keyboard, *seat;
	enum es_gamepad gamepad;
	char **command, **env, **before, **after; // before, after: NULL: none
	bool is_private, is_free;
};

// What a launch or resume has given its client to connect with. All zero: none.
struct es_play_ticket {
	uint8_t key[ES_KEY_SIZE];
	uint32_t key_id;
	bool legacy; // the client may use what is old
	bool encrypted; // RTSP
	char peer[ES_SESSION_MAX_ADDRESS];
	char ping[ES_PLAY_PING_SIZE + 1];
	char token[ES_PLAY_TOKEN_SIZE + 1];
	uint32_t connect_data;
	bool codecs[ES_CODEC_COUNT]; // on offer
	struct es_media_ports ports;
	uint32_t client_sequence, host_sequence;
};

struct es_play_waiter {
	void (*done)(void *data, bool ended);
	void *data;
	struct es_play_waiter *next;
};

struct es_play {
	struct es_plays *plays; // borrowed
	uint32_t id;
	enum es_play_state state;
	bool played; // a control connection has stood
	bool begun; // what comes before the app has worked: there is something to undo
	struct es_play_app app;
	uint32_t client_id; // 0: a page
	char client_name[ES_CLIENT_NAME_MAX];
	struct es_mode mode; // as wanted now
	char keyboard[ES_LAYOUT_SIZE]; // the same
	bool clipboard; // the client may read and set it
	uint8_t audio_channels; // of the sound card: 2, 6 or 8
	enum es_codec web_codec; // for a page
	bool web_clipboard; // a page may read and set it
	int64_t since_ns, detached_ns;
	struct es_play_ticket ticket;
	sd_event_source *timer; // of the state
	sd_event_source *stats_timer; // while PLAYING
	struct es_play_waiter *waiters; // for its end; owned

	// screen and app
	struct es_runtime_dir runtime_dir;
	struct es_app_hook *hook; // running
	struct es_room_process *display; // NULL: not yet, or gone
	pid_t display_pid; // of the last one
	struct es_mode display_mode; // as told
	char display_keyboard[ES_LAYOUT_SIZE]; // the same
	char render_node[ES_GPU_NODE_MAX]; // of the GPU that it renders on, "": as it likes
	bool display_ended; // it has said END
	bool orphans; // the display died: what it left behind is being ended
	bool after_run;
	sd_event_source *display_timer; // until READY

	// the attached client
	struct es_play_viewer *viewer; // NULL: none
	struct es_play_viewer *leaving; // their rooms are still ending
	uint32_t last_viewer; // number
	int64_t viewer_ns; // when it was attached

	struct es_display_stats display_stats;
	struct es_encode_stats encode_stats; // of the last encoder
	struct es_stream_stats stream_stats; // of the last streamer
};

struct es_plays {
	sd_event *event; // borrowed, as settings
	const struct es_settings *settings;
	struct es_children *children;
	struct es_ladder_facts *facts; // owned
	struct es_codec_probe *probe;
	bool probed; // once
	const struct es_containment *containment; // borrowed; NULL: apps are not contained
	struct es_used_keys keys;
	struct es_play **items; // in order of id
	size_t n, cap;
	uint32_t last_id;
	sd_event_source *sweep; // armed by plays_touch
	sd_event_source *orphans_timer;
	bool changes; // to be told
	bool draining;
	void (*drained)(void *data);
	void *drained_data;
	void (*changed)(void *data);
	void *changed_data;
	struct es_plays_watch watch;
	bool wants_frames;
};

// --- plays.c

// Something is to be told or freed, soon but not now.
void plays_touch(struct es_plays *plays, bool changed);
// What may encode for a session of that GPU (as its render_node). False with the reason in error[cap].
bool plays_make_ladder(const struct es_plays *plays, enum es_codec codec, const char *render_node,
		struct es_ladder *ladder, char *error, size_t cap);
// NULL: at all, for some mode.
bool plays_offers(const struct es_plays *plays, enum es_codec codec, const struct es_mode *mode);
// 200, or 400 with the limit that it exceeds in error[cap].
int plays_check_mode(
		const struct es_plays *plays, const struct es_mode *mode, char *error, size_t cap);
// 200, or why there can be no further session in that mode.
int plays_check_new(
		const struct es_plays *plays, const struct es_mode *mode, char *error, size_t cap);
// Starts one: its request has been checked. Without a key it is for a page.
int plays_add(struct es_plays *plays, const struct es_play_request *request, struct es_play **play,
		char *error, size_t cap);
// A display died: its descendants, who have come to us, are asked to end and killed a little later;
// play->orphans until then.
void plays_end_orphans(struct es_play *play);

// --- play.c

// NULL: no memory.
struct es_play *play_create(
		struct es_plays *plays, uint32_t id, const struct es_play_request *request);
// Kills what is left. NULL is fine.
void play_destroy(struct es_play *play);
// For a client that is to connect: a new ticket, PENDING. 200, or a status with the reason in
// error[cap]; nothing has changed then. The key must be new.
int play_admit(
		struct es_play *play, const struct es_play_request *request, char *error, size_t cap);
// The same for a page, which needs no ticket.
void play_admit_web(struct es_play *play, const char *client_name);
// Starts the viewer: NEGOTIATED. 200, or 500 with the reason in error[cap].
int play_view(
		struct es_play *play, const struct es_play_viewer_setup *setup, char *error, size_t cap);
// Each resume leaves the rooms of the connection before it behind, for seconds.
bool play_is_hasty(const struct es_play *play, char *error, size_t cap);
// The client's connection, or its attempt at one, is over; it is told `code` if it is there. DETACHED,
// or ENDING if nobody has ever played.
void play_disconnect(struct es_play *play, uint32_t code);
// Begins the end of everything; clients are told `code`.
void play_end(struct es_play *play, uint32_t code);
// ENDING, and no process of it is left.
bool play_is_gone(const struct es_play *play);
// Settings have changed: the idle time may be another.
void play_arm_idle(struct es_play *play);
bool play_add_waiter(struct es_play *play, void (*done)(void *data, bool ended), void *data);
// As the client has it, "": as the app has it.
void play_set_keyboard(struct es_play *play, const char *layout);
void play_connected(struct es_play *play); // the control connection stands

// --- play_display.c

// Runs what comes before the app, or starts the display. False after a logged error.
bool play_display_begin(struct es_play *play);
// Begins the end of app and display.
void play_display_end(struct es_play *play);
// If it has another layout than is wanted now.
void play_display_tell_keyboard(struct es_play *play);
// Another mode from here on, told to the display if it is there.
void play_display_set_mode(struct es_play *play, const struct es_mode *mode);
void play_display_detach(struct es_play *play, uint32_t viewer);
// Neither display, nor its descendants, nor a command around the app are there.
bool play_display_gone(const struct es_play *play);
// Runs what comes after the app, once, if nothing else is left to end.
void play_display_after(struct es_play *play);
