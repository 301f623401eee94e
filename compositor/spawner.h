// Starts the display's programs. A process of its own, forked before the display touches a GPU or
// Wayland, so that the display can give up the right to start programs. It starts a few that it knows
// from the beginning, and nothing else that it might be asked for. What it starts are the display's own
// children (CLONE_PARENT): waited for, signalled and adopted by the display, but with none of its limits.
#pragma once

#include <stddef.h>
#include <sys/types.h>

enum es_program {
	ES_PROGRAM_APP, // texts: WAYLAND_DISPLAY, DISPLAY or "", then what sound adds to its environment
	ES_PROGRAM_SOUND_DAEMON, // texts: its folder, and that of its settings
	ES_PROGRAM_SOUND_MANAGER, // the same
	ES_PROGRAM_XWAYLAND, // texts: ":N"; fds: two X sockets, Wayland's, the window manager's, ready
	ES_PROGRAM_COUNT,
};

#define ES_SPAWN_MAX_TEXTS 24

struct es_spawner;

// app_argv: borrowed for good. own_name: argv[0] of ours, where it is written what the process is for whoever
// lists processes; NULL: nowhere. Single-threaded callers only. NULL after a logged error.
struct es_spawner *spawner_create(char *const app_argv[], char *own_name);
// The process ends; what it has started stays. NULL is fine.
void spawner_destroy(struct es_spawner *spawner);

// Returns once exec has worked or failed: the pid, or -1 with errno. texts: NULL at the end; fds stay
// the caller's.
pid_t spawner_start(struct es_spawner *spawner, enum es_program program, const char *const *texts,
		const int *fds, size_t n_fds);
