#include "host/app_hook.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "host/event_timer.h"
#include "host/room.h"
#include "host/spawn.h"

#define KILL_NS (2 * ES_NS_PER_S)

struct es_app_hook {
	sd_event *event; // borrowed, as children
	struct es_children *children;
	char what[128];
	pid_t pid; // leader of its process group; -1: has ended
	bool late;
	sd_event_source *timer;
	void (*done)(void *data, bool ok);
	void *data;
};

static int handle_time(sd_event_source *source, uint64_t usec, void *data) {
	struct es_app_hook *hook = data;
	if (hook->late) {
		kill(-hook->pid, SIGKILL);
		event_timer_clear(&hook->timer);
		return 0;
	}
	es_log(ES_LOG_ERROR, "%s has not ended within %d s: ending it", hook->what,
			(int)(ES_APP_HOOK_NS / ES_NS_PER_S));
	hook->late = true;
	kill(-hook->pid, SIGTERM);
	if (!event_timer_set(hook->event, &hook->timer, KILL_NS, handle_time, hook)) {
		kill(-hook->pid, SIGKILL);
	}
	return 0;
}

static void handle_ended(void *data, pid_t pid, int status) {
	struct es_app_hook *hook = data;
	char text[96];
	hook->pid = -1;
	event_timer_clear(&hook->timer);
	bool ok = status == 0 && !hook->late;
	if (!ok && !hook->late) {
		es_log(ES_LOG_ERROR, "%s %s", hook->what,
				process_describe_status(status, text, sizeof(text)));
	}
	hook->done(hook->data, ok);
}

struct es_app_hook *app_hook_start(sd_event *event, struct es_children *children, const char *what,
		char *const *argv, char *const *env, void (*done)(void *data, bool ok), void *data) {
	struct es_app_hook *hook = calloc(1, sizeof(*hook));
	if (hook == NULL) {
		es_log(ES_LOG_ERROR, "cannot start %s: out of memory", what);
		return NULL;
	}
	hook->event = event;
	hook->children = children;
	hook->done = done;
	hook->data = data;
	snprintf(hook->what, sizeof(hook->what), "%s", what);
	hook->pid = spawn_program(&(struct es_spawn){
			.path = argv[0],
			.argv = argv,
			.env = env,
			.stdin_fd = -1,
			.stdout_fd = -1,
			.session_fd = -1,
			.death_signal = SIGTERM,
	});
	if (hook->pid < 0) {
		es_log(ES_LOG_ERROR, "cannot start %s, '%s': %s", what, argv[0], strerror(errno));
		app_hook_destroy(hook);
		return NULL;
	}
	if (!children_watch(children, hook->pid, handle_ended, hook) ||
			!event_timer_set(event, &hook->timer, ES_APP_HOOK_NS, handle_time, hook)) {
		app_hook_destroy(hook);
		return NULL;
	}
	return hook;
}

void app_hook_destroy(struct es_app_hook *hook) {
	if (hook == NULL) {
		return;
	}
	if (hook->pid > 0) {
		children_forget(hook->children, hook->pid);
		kill(-hook->pid, SIGKILL);
	}
	event_timer_clear(&hook->timer);
	free(hook);
}
