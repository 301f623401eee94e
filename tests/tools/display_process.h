// An earthshine-display as its host has it: started, told what to show, and attached to.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/mode.h"
#include "protocol/session_msg.h"

struct es_display_process {
	pid_t pid;
	int session; // owned; the host's end
};

// Starts `program` with the app (ended by NULL) and says what its screen is. False: it cannot be.
bool display_process_start(struct es_display_process *display, char *program, char **app,
		const struct es_mode *mode, uint32_t depth);
// `fd` (borrowed) goes along; -1: none. False: it has hung up.
bool display_process_send(
		struct es_display_process *display, const struct es_session_msg *msg, int fd);
// The encoder's end of a new frame link, the caller's; -1: it cannot be had.
int display_process_attach_frames(
		struct es_display_process *display, uint32_t viewer, bool primary);
// Hangs up and waits for its end: the status as of waitpid.
int display_process_finish(struct es_display_process *display);
