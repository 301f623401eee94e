// One room's process: started, spoken to over its session link, watched, and ended for good.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "host/children.h"
#include "protocol/session_msg.h"

struct es_room_process;

// Called from the event loop only. A room must not be destroyed from `message`.
struct es_room_listener {
	void (*message)(void *data, struct es_room_process *room, const struct es_session_msg *msg);
	// Its process has ended and all that it had sent was handed over; status as from waitpid. The
	// last call: the room may be destroyed now.
	void (*gone)(void *data, struct es_room_process *room, int status);
};

struct es_room_start {
	const char *program; // "earthshine-encode"
	const char *label; // for messages: "encoder of session 3"; copied
	char *const *argv;
	char *const *env; // NULL: ours
};

// Starts it. NULL after a logged error.
struct es_room_process *room_create(sd_event *event, struct es_children *children,
		const struct es_room_start *start, const struct es_room_listener *listener, void *data);
// Kills it if it lives; `gone` is not called any more. NULL is fine.
void room_destroy(struct es_room_process *room);

pid_t room_pid(const struct es_room_process *room);
const char *room_label(const struct es_room_process *room);

// The fds stay the caller's. A room that takes nothing any more is killed, and `gone` follows.
void room_send(struct es_room_process *room, const struct es_session_msg *msg, const int *fds,
		size_t n_fds);
// One without content: DRAIN.
void room_ask(struct es_room_process *room, enum es_session_msg_type type);
// To be called once a second: asks for statistics, and kills the room after 15 calls in a row between
// which it has said nothing at all.
void room_poll_stats(struct es_room_process *room);

void room_kill(struct es_room_process *room);
// Kills it unless it has ended within that time; a shorter time that was set before stays.
void room_must_end(struct es_room_process *room, int64_t within_ns);
// Lets go of it: it hears nothing more from us, is heard to its end, and is killed if that does not
// come within the time.
void room_hang_up(struct es_room_process *room, int64_t within_ns);
