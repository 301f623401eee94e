#define _GNU_SOURCE // execvpe, close_range, environ
#include "compositor/spawn_program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "compositor/app_env.h"

#define MAX_VARIABLES 4096
#define N_X_FDS 5

static bool begins(const char *text, const char *with) {
	return strncmp(text, with, strlen(with)) == 0;
}

// --- the app

static bool is_of_sound(const char *assignment) {
	return begins(assignment, "PIPEWIRE_") || begins(assignment, "PULSE_");
}

static int start_app(const struct es_spawn_request *request, char *const argv[]) {
	char *more[ES_SPAWN_MAX_TEXTS + 1] = {NULL};
	size_t n = 0;
	for (size_t i = 2; i < request->n_texts; i++) {
		if (is_of_sound(request->texts[i]) && (more[n] = strdup(request->texts[i])) != NULL) {
			n++;
		}
	}
	if (request->n_texts < 2) {
		return EINVAL;
	}
	const char *x11 = request->texts[1];
	char **env = app_env_create(environ, more, request->texts[0], x11[0] != '\0' ? x11 : NULL);
	if (env == NULL) {
		return ENOMEM;
	}
	setsid();
	execvpe(argv[0], argv, env);
	return errno;
}

// --- sound

// Of the caller's environment these mean other servers, or other settings.
static bool is_dropped(const char *variable) {
	static const char *const dropped[] = {"XDG_RUNTIME_DIR=", "DBUS_SESSION_BUS_ADDRESS=",
			"PIPEWIRE_", "PULSE_", "WIREPLUMBER_", "NOTIFY_SOCKET=", "LISTEN_"};
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
		if (begins(variable, dropped[i])) {
			return true;
		}
	}
	return false;
}

static void close_input_and_output(void) {
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
}

static int start_sound(const struct es_spawn_request *request) {
	static char no_bus[] = "DBUS_SESSION_BUS_ADDRESS=disabled:", quiet[] = "PIPEWIRE_DEBUG=0",
				no_manager_log[] = "WIREPLUMBER_DEBUG=0", daemon[] = "pipewire", c[] = "-c",
				manager[] = "wireplumber", p[] = "-p", profile[] = "earthshine";
	static char folder[PATH_MAX], config_dirs[PATH_MAX], config[PATH_MAX];
	char *env[MAX_VARIABLES + 8];
	size_t n = 0;
	if (request->n_texts != 1) {
		return EINVAL;
	}
	for (size_t i = 0; environ[i] != NULL && n < MAX_VARIABLES; i++) {
		if (!is_dropped(environ[i])) {
			env[n++] = environ[i];
		}
	}
	snprintf(folder, sizeof(folder), "XDG_RUNTIME_DIR=%s", request->texts[0]);
	snprintf(config, sizeof(config), "%s/pipewire.conf", request->texts[0]);
	snprintf(config_dirs, sizeof(config_dirs),
			"WIREPLUMBER_CONFIG_DIR=%s:/usr/local/share/wireplumber:/usr/share/wireplumber",
			request->texts[0]);
	env[n++] = folder;
	env[n++] = config_dirs;
	env[n++] = no_bus;
	if (!log_enabled(ES_LOG_DEBUG)) {
		env[n++] = quiet;
		env[n++] = no_manager_log;
	}
	env[n] = NULL;
	close_input_and_output();
	char *daemon_argv[] = {daemon, c, config, NULL}, *manager_argv[] = {manager, p, profile, NULL};
	char **argv = request->program == ES_PROGRAM_SOUND_DAEMON ? daemon_argv : manager_argv;
	execvpe(argv[0], argv, env);
	return errno;
}

// --- X11

// Xwayland and its keymap compiler write a page of warnings at each start.
static void be_quiet(void) {
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0 && !log_enabled(ES_LOG_DEBUG)) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
}

static int start_xwayland(const struct es_spawn_request *request) {
	static char name[] = "Xwayland", rootless[] = "-rootless", core[] = "-core",
				end[] = "-terminate", delay[] = "10", listen[] = "-listenfd",
				ready[] = "-displayfd", manager[] = "-wm";
	static char display[16], fds[N_X_FDS][16];
	if (request->n_texts != 1 || request->n_fds != N_X_FDS) {
		return EINVAL;
	}
	snprintf(display, sizeof(display), "%s", request->texts[0]);
	for (size_t i = 0; i < N_X_FDS; i++) {
		fd_set_cloexec(request->fds[i], false);
		snprintf(fds[i], sizeof(fds[i]), "%d", request->fds[i]);
	}
	setenv("WAYLAND_SOCKET", fds[2], true);
	char *argv[] = {name, display, rootless, core, end, delay, listen, fds[0], listen, fds[1],
			ready, fds[4], manager, fds[3], NULL};
	const char *path = getenv("WLR_XWAYLAND");
	be_quiet();
	execvp(path != NULL ? path : name, argv);
	return errno;
}

int spawn_program(const struct es_spawn_request *request, char *const app_argv[]) {
	switch (request->program) {
	case ES_PROGRAM_APP:
		return start_app(request, app_argv);
	case ES_PROGRAM_SOUND_DAEMON:
	case ES_PROGRAM_SOUND_MANAGER:
		return start_sound(request);
	case ES_PROGRAM_XWAYLAND:
		return start_xwayland(request);
	default:
		return EINVAL;
	}
}
