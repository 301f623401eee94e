// The app's processes are those of our descendants that are not in our own session: the app is
// started with setsid, and what is ours (Xwayland, forked twice by wlroots) stays in the session and
// process group of the display, which no process of another session can join. All ends are seen
// through SIGCHLD: the last of the app's processes is always our own child, because the display is
// the reaper of orphans.
#include "compositor/app.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wayland-server-core.h>

#include "base/log.h"
#include "base/process.h"
#include "compositor/display.h"
#include "compositor/spawner.h"
#include "compositor/xwayland.h"

#define TERM_GRACE_MS 5000
#define KILL_AGAIN_MS 100
#define KILL_ATTEMPTS 20
#define MAX_CHILDREN 256

struct es_app {
	struct es_display *display; // borrowed
	pid_t pid; // of the main process; 0: gone
	struct wl_event_source *child_source; // SIGCHLD
	struct wl_event_source *timer; // while stopping

	bool stopping;
	long long asked_ticks; // when TERM was sent
	int kills; // how often KILL was sent
	void (*done)(void *data); // NULL: not stopping, or told already
	void *done_data;
};

static size_t list_children(pid_t pids[MAX_CHILDREN]) {
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return 0;
	}
	size_t n = 0;
	int pid;
	while (n < MAX_CHILDREN && fscanf(file, "%d", &pid) == 1) {
		pids[n++] = pid;
	}
	fclose(file);
	return n;
}

// Children of ours in our own process group: not the app's.
static size_t find_kept(pid_t keep[MAX_CHILDREN]) {
	pid_t pids[MAX_CHILDREN];
	size_t n = list_children(pids), n_keep = 0;
	for (size_t i = 0; i < n; i++) {
		if (getpgid(pids[i]) == getpgrp()) {
			keep[n_keep++] = pids[i];
		}
	}
	return n_keep;
}

static size_t signal_app(int signal) {
	pid_t keep[MAX_CHILDREN];
	size_t n_keep = find_kept(keep);
	return process_signal_descendants(signal, keep, n_keep);
}

static long long now_ticks(void) {
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	long per_second = sysconf(_SC_CLK_TCK);
	return now.tv_sec * per_second + now.tv_nsec / (1000000000 / per_second);
}

// In clock ticks since boot; -1: gone.
static long long start_of(pid_t pid) {
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return -1;
	}
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	const char *rest = strrchr(text, ')'); // the name before it may hold anything
	long long start;
	// state, then 18 numbers
	return rest != NULL &&
					sscanf(rest,
							") %*c %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d "
							"%lld",
							&start) == 1
			? start
			: -1;
}

// One whose parent was ending while it was born was seen by nobody. It is an orphan then, so it is
// our child. All others have been asked once, and once is enough: some abort when asked twice.
static void ask_newborn(struct es_app *app) {
	pid_t pids[MAX_CHILDREN];
	size_t n = list_children(pids);
	for (size_t i = 0; i < n; i++) {
		if (getpgid(pids[i]) != getpgrp() && start_of(pids[i]) >= app->asked_ticks) {
			kill(pids[i], SIGTERM);
			kill(pids[i], SIGCONT);
		}
	}
}

static void finish_stopping(struct es_app *app) {
	void (*done)(void *data) = app->done;
	app->stopping = false;
	app->done = NULL;
	wl_event_source_timer_update(app->timer, 0);
	if (done != NULL) {
		done(app->done_data); // may destroy the app
	}
}

static void reap(struct es_app *app) {
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == app->pid) {
			app->pid = 0;
			display_handle_app_exit(app->display, status);
		}
	}
}

static int handle_child(int signal_number, void *data) {
	struct es_app *app = data;
	reap(app);
	if (!app->stopping) {
		return 0;
	}
	ask_newborn(app);
	if (signal_app(0) == 0) {
		finish_stopping(app);
	}
	return 0;
}

static int handle_timer(void *data) {
	struct es_app *app = data;
	reap(app);
	size_t left = signal_app(0);
	if (left == 0) {
		finish_stopping(app);
		return 0;
	}
	if (app->kills == KILL_ATTEMPTS) {
		es_log(ES_LOG_WARN, "leaving behind %zu processes of the app that cannot be killed", left);
		finish_stopping(app);
		return 0;
	}
	if (app->kills == 0) {
		es_log(ES_LOG_INFO, "killing %zu processes of the app that have not ended within %d s",
				left, TERM_GRACE_MS / 1000);
	}
	app->kills++;
	signal_app(SIGKILL);
	wl_event_source_timer_update(app->timer, KILL_AGAIN_MS);
	return 0;
}

static int spawn(struct es_app *app) {
	struct es_display *display = app->display;
	const char *x11 = xwayland_display_name(display->xwayland);
	const char *texts[ES_SPAWN_MAX_TEXTS + 1] = {display->wayland_socket, x11 != NULL ? x11 : ""};
	size_t n = 2;
	for (char *const *more = display->app_env; more != NULL && *more != NULL; more++) {
		if (n == ES_SPAWN_MAX_TEXTS) {
			return E2BIG;
		}
		texts[n++] = *more;
	}
	pid_t pid = spawner_start(display->spawner, ES_PROGRAM_APP, texts, NULL, 0);
	if (pid < 0) {
		return errno;
	}
	app->pid = pid;
	return 0;
}

struct es_app *app_start(struct es_display *display, int *error) {
	struct es_app *app = calloc(1, sizeof(*app));
	if (app == NULL) {
		*error = ENOMEM;
		return NULL;
	}
	app->display = display;
	if (!process_become_subreaper()) {
		es_log(ES_LOG_WARN,
				"processes that the app leaves behind will not be ended: they cannot "
				"be adopted");
	}
	app->child_source = wl_event_loop_add_signal(display->loop, SIGCHLD, handle_child, app);
	app->timer = wl_event_loop_add_timer(display->loop, handle_timer, app);
	*error = app->child_source == NULL || app->timer == NULL ? ENOMEM : spawn(app);
	if (*error != 0) {
		app_destroy(app);
		return NULL;
	}
	return app;
}

void app_stop(struct es_app *app, void (*done)(void *data), void *data) {
	app->done = done;
	app->done_data = data;
	if (app->stopping) {
		return;
	}
	app->stopping = true;
	app->kills = 0;
	app->asked_ticks = now_ticks();
	size_t left = signal_app(SIGTERM);
	// A stopped process takes TERM only when it runs again.
	signal_app(SIGCONT);
	wl_event_source_timer_update(app->timer, left > 0 ? TERM_GRACE_MS : 1);
}

void app_destroy(struct es_app *app) {
	if (app == NULL) {
		return;
	}
	if (app->pid > 0) {
		signal_app(SIGKILL);
	}
	if (app->child_source != NULL) {
		wl_event_source_remove(app->child_source);
	}
	if (app->timer != NULL) {
		wl_event_source_remove(app->timer);
	}
	free(app);
}
