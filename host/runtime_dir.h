// XDG_RUNTIME_DIR, where the display's socket lies: checked, made where there is none, and freed of
// what a display that was killed left there.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "protocol/session_msg.h"

#define ES_RUNTIME_DIR_DISPLAYS 33 // libwayland tries wayland-0 to wayland-32

struct es_runtime_dir {
	char path[4096];
	bool made; // by us: removed at the end with all that is in it
	bool existed[ES_RUNTIME_DIR_DISPLAYS]; // lock files of others, or from before
};

// Takes XDG_RUNTIME_DIR from the environment, or makes a private directory (0700) under TMPDIR or
// /tmp and puts it into the environment when the variable is unset or empty. False after a logged
// error if what is named cannot be used.
bool runtime_dir_init(struct es_runtime_dir *dir);

// Makes a private directory (0700) for one session: $XDG_RUNTIME_DIR/earthshine/NAME, empty; what
// an earlier host left there is removed. False after a logged error.
bool runtime_dir_make_session(struct es_runtime_dir *dir, const char *name);

// Call when the display `pid` has died and could not clean up: removes its Wayland sockets (those
// that came since init and whose lock nobody holds) and its X11 sockets and locks (they name the
// process).
void runtime_dir_clear_after(const struct es_runtime_dir *dir, pid_t pid);

// Removes the directory if it was made by us.
void runtime_dir_finish(struct es_runtime_dir *dir);
