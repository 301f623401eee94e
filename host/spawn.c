#define _GNU_SOURCE
#include "host/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log_link.h"
#include "base/process.h"
#include "protocol/session_msg.h"

#define FIRST_FREE_FD (ES_LOG_LINK_FD + 1)
_Static_assert(ES_LOG_LINK_FD == ES_SESSION_FD + 1, "what is inherited lies together");

// Everything below runs between fork and exec: only async-signal-safe calls.

// A duplicate above the fds that are about to be filled; /dev/null for -1.
static int lift_fd(int fd, int flags) {
	int opened = fd < 0 ? open("/dev/null", flags | O_CLOEXEC) : fd;
	return opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
}

static bool place_fds(const struct es_spawn *spawn, int *error_fd) {
	int in = lift_fd(spawn->stdin_fd, O_RDONLY);
	int out = lift_fd(spawn->stdout_fd, O_WRONLY);
	int err = lift_fd(spawn->stderr_fd > 0 ? spawn->stderr_fd : STDERR_FILENO, O_WRONLY);
	int session = spawn->session_fd < 0 ? -1 : lift_fd(spawn->session_fd, 0);
	bool logs = session >= 0 && spawn->log_fd > 0;
	int log = logs ? lift_fd(spawn->log_fd, 0) : -1;
	*error_fd = fcntl(*error_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (in < 0 || out < 0 || err < 0 || *error_fd < 0 || (spawn->session_fd >= 0 && session < 0) ||
			(logs && log < 0)) {
		return false;
	}
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
			dup2(err, STDERR_FILENO) < 0) {
		return false;
	}
	if (session >= 0 && dup2(session, ES_SESSION_FD) < 0) {
		return false;
	}
	if (logs && dup2(log, ES_LOG_LINK_FD) < 0) {
		return false;
	}
	// What our caller let us inherit is not for the rooms either.
	unsigned first = logs ? FIRST_FREE_FD : session >= 0 ? ES_LOG_LINK_FD : ES_SESSION_FD;
	return close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

static void run_child(const struct es_spawn *spawn, char *const *env, int error_fd) {
	setpgid(0, 0);
	process_prepare_child(spawn->death_signal);
	if (place_fds(spawn, &error_fd)) {
		execvpe(spawn->path, spawn->argv, env);
	}
	int error = errno;
	ssize_t written = write(error_fd, &error, sizeof(error));
	_exit(written == sizeof(error) ? 127 : 126);
}

// What the service manager says to us alone: who has NOTIFY_SOCKET can speak in our name.
static bool is_for_us(const char *variable) {
	static const char *const names[] = {"NOTIFY_SOCKET=", "LISTEN_", "WATCHDOG_",
			"MANAGERPID=", "MAINPID=", "CREDENTIALS_DIRECTORY="};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(variable, names[i], strlen(names[i])) == 0) {
			return true;
		}
	}
	return false;
}

// The strings stay where they are. NULL: no memory.
static char **env_for_child(char *const *from) {
	size_t n = 0, n_kept = 0;
	while (from[n] != NULL) {
		n++;
	}
	char **env = calloc(n + 1, sizeof(*env));
	for (size_t i = 0; env != NULL && i < n; i++) {
		if (!is_for_us(from[i])) {
			env[n_kept++] = from[i];
		}
	}
	return env;
}

pid_t spawn_program(const struct es_spawn *spawn) {
	char **env = env_for_child(spawn->env != NULL ? spawn->env : environ);
	int pipe_fds[2];
	if (env == NULL) {
		return -1;
	}
	if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
		free(env);
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0) {
		run_child(spawn, env, pipe_fds[1]);
	}
	int fork_error = errno;
	free(env);
	fd_close(&pipe_fds[1]);
	int error = 0;
	ssize_t n = 0;
	if (pid > 0) {
		// Ends with the exec (close-on-exec) or tells why there was none.
		do {
			n = read(pipe_fds[0], &error, sizeof(error));
		} while (n < 0 && errno == EINTR);
	}
	fd_close(&pipe_fds[0]);
	if (pid < 0) {
		errno = fork_error;
		return -1;
	}
	if (n == (ssize_t)sizeof(error)) {
		waitpid(pid, NULL, 0);
		errno = error;
		return -1;
	}
	return pid;
}

bool spawn_find_room(const char *name, char *out, size_t cap) {
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len > 0) {
		self[len] = '\0';
		char *slash = strrchr(self, '/');
		int n = slash == NULL ? -1 : snprintf(out, cap, "%.*s/%s", (int)(slash - self), self, name);
		if (n > 0 && (size_t)n < cap && access(out, X_OK) == 0) {
			return true;
		}
	}
	int n = snprintf(out, cap, "%s/%s", ES_LIBEXECDIR, name);
	if (n < 0 || (size_t)n >= cap) {
		errno = ENAMETOOLONG;
		return false;
	}
	return access(out, X_OK) == 0;
}
