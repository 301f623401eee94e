// One session: the three rooms of a run, the links between them, and the loop that watches them.
//
// The host never looks inside a link; it makes the pair, gives each room its end and forgets it.
// Single-threaded. All callbacks of the listener run inside session_poll.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/encoder_slot.h"
#include "protocol/mode.h"
#include "protocol/session_msg.h"

enum es_room { ES_ROOM_DISPLAY, ES_ROOM_ENCODE, ES_ROOM_STREAM, ES_ROOM_COUNT };

#define ES_SESSION_VIEWER 1 // the one viewer of a run

// All borrowed for the life of the session.
struct es_session_setup {
	struct es_mode mode;
	uint32_t scale_milli;
	const char *name;
	enum es_codec codec;
	struct es_colour colour;
	const struct es_encoder_slot *encoder; // whose rung every encoder is started as
	const char *render_node; // of the display; "": as it likes
	uint32_t bitrate_kbps;
	enum es_container container;
	const char *output_path; // for messages only
	int output_fd;
	uint8_t audio_channels; // of the app's sound card and the track; 0: none
	int app_stdin, app_stdout; // what the app inherits; -1: /dev/null
	char *const *command;
};

struct es_session_listener {
	void (*message)(void *data, enum es_room room, const struct es_session_msg *msg);
	// The room's process has ended and all that it had sent was handed over; `status` as from
	// waitpid.
	void (*gone)(void *data, enum es_room room, pid_t pid, int status);
	void (*signal)(void *data, int signal); // one of those that ask us to end
};

struct es_session;

// Becomes the reaper of all descendants; end_signals_block first. NULL after a logged error.
struct es_session *session_create(const struct es_session_setup *setup,
		const struct es_session_listener *listener, void *data);
// Kills what is left (session_finish does it gently). NULL and half-built are fine.
void session_destroy(struct es_session *session);

const char *session_room_name(enum es_room room); // "display", ...
bool session_alive(const struct es_session *session, enum es_room room);
pid_t session_pid(const struct es_session *session, enum es_room room); // -1: none

// Starts all three rooms and links them. False after a logged error.
bool session_start(struct es_session *session);

// After an encoder's end: a new one, with new links. False after a logged error.
bool session_replace_encoder(struct es_session *session);

// Tells the display that its encoder is no more.
void session_detach(struct es_session *session);

// STATS or DRAIN. A room that no longer takes messages is killed; `gone` follows.
void session_ask(struct es_session *session, enum es_room room, enum es_session_msg_type type);

// Kills it at once; `gone` follows from session_poll.
void session_kill(struct es_session *session, enum es_room room);

// Waits until `deadline_ns` (0: for ever) and hands over what has come; returns after one round.
void session_poll(struct es_session *session, int64_t deadline_ns);

// CPU time and memory of all processes of that kind that have ended, exact (the last ones of a
// killed room never reach its statistics); its own children are in it only for the display.
struct es_usage session_past_usage(const struct es_session *session, enum es_room room);

// Ends what is there: lets go of the rooms, waits up to grace_ms for them, kills what is left,
// and ends all orphans. Callbacks run for what the rooms still say.
void session_finish(struct es_session *session, int grace_ms);
