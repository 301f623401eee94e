// Starting one of our own programs: nothing but its standard streams and at most two more fds.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct es_spawn {
	const char *path; // without a '/': searched in PATH
	char *const *argv;
	char *const *env; // NULL: ours; without what the service manager said to us in either case
	int stdin_fd, stdout_fd; // -1: /dev/null
	int stderr_fd; // 0 or STDERR_FILENO: ours
	int session_fd; // becomes ES_SESSION_FD, -1: none
	int log_fd; // becomes ES_LOG_LINK_FD, 0 or -1: none; not without a session_fd
	int death_signal; // when we die, 0: none
};

// Starts it in its own process group, so that the terminal's Ctrl-C reaches us alone. All fds stay
// the caller's; no others are inherited. -1 with errno if it could not be
// executed.
pid_t spawn_program(const struct es_spawn *spawn);

// Absolute path of one of our programs: beside this one, else where they are installed.
// False with errno if it is in neither place.
bool spawn_find_room(const char *name, char *out, size_t cap);
