// The child processes of `serve`: whoever starts one watches it here; orphans that come to us are
// reaped. Nobody else in this process may wait for children.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct es_children;

// Makes this process the reaper of all its descendants and blocks SIGCHLD. NULL after a logged
// error.
struct es_children *children_create(sd_event *event);
void children_destroy(struct es_children *children); // NULL is fine; kills nobody

// Calls `ended` from the event loop, once, when this child of ours has been reaped; status as from
// waitpid. False: no memory.
bool children_watch(struct es_children *children, pid_t pid,
		void (*ended)(void *data, pid_t pid, int status), void *data);
// `ended` is not called any more; the child is reaped all the same.
void children_forget(struct es_children *children, pid_t pid);

// Processes that have become our children without being watched are left alone from now on.
void children_adopt_strangers(struct es_children *children);

// Sends `signal` to all our descendants but the watched and adopted children and theirs. How many there were.
size_t children_signal_strangers(const struct es_children *children, int signal);
// Kills and reaps them. Blocks until they are gone (milliseconds; 5 s for one that hangs in the
// kernel).
void children_kill_strangers(const struct es_children *children);
