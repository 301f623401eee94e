#define _GNU_SOURCE // environ
// Screen and app of a session: what comes before the app, the display that starts it, and their end.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "host/command_check.h"
#include "host/env_list.h"
#include "host/event_timer.h"
#include "host/play_state.h"

#define READY_NS (15 * ES_NS_PER_S) // from its start until the app was started
#define DRAIN_NS (8 * ES_NS_PER_S) // the app has 5 s to end after TERM; then what is left
#define LEAVE_NS (3 * ES_NS_PER_S) // from hanging up to its end

// --- environments

// The display hands these to the app alone (compositor/app_env.c).
#define APP_PREFIX "EARTHSHINE_APP_ENV_"

// The session's runtime directory is its own, so the user's sound servers have to be named.
static bool name_sound_servers(char ***env) {
	const char *folder = getenv("XDG_RUNTIME_DIR");
	char path[512];
	bool ok = folder == NULL || getenv("PIPEWIRE_RUNTIME_DIR") != NULL ||
			env_list_set(env, "PIPEWIRE_RUNTIME_DIR=", folder);
	int n = snprintf(path, sizeof(path), "unix:%s/pulse/native", folder != NULL ? folder : "");
	if (ok && folder != NULL && n > 0 && (size_t)n < sizeof(path) &&
			getenv("PULSE_SERVER") == NULL && access(path + strlen("unix:"), F_OK) == 0) {
		ok = env_list_set(env, "PULSE_SERVER=", path);
	}
	return ok;
}

static char **make_display_env(const struct es_play *play) {
	char **env = env_list_copy(environ);
	bool ok = env != NULL && env_list_set(&env, "XDG_RUNTIME_DIR=", play->runtime_dir.path) &&
			name_sound_servers(&env);
	if (ok && play->render_node[0] != '\0') {
		ok = env_list_set(&env, "WLR_RENDER_DRM_DEVICE=", play->render_node);
	}
	for (size_t i = 0; ok && play->app.env[i] != NULL; i++) {
		ok = env_list_set(&env, APP_PREFIX, play->app.env[i]);
	}
	if (!ok) {
		env_list_free(env);
		return NULL;
	}
	return env;
}

static char **make_hook_env(const struct es_play *play) {
	char mode[64], **env = env_list_copy(environ);
	snprintf(mode, sizeof(mode), "%ux%u@%d.%03d", play->mode.width, play->mode.height,
			play->mode.refresh_mhz / 1000, play->mode.refresh_mhz % 1000);
	bool ok = env != NULL;
	if (ok) {
		env_list_drop(env, "NOTIFY_SOCKET"); // for us: some programs would speak there in our name
	}
	for (size_t i = 0; ok && play->app.env[i] != NULL; i++) {
		ok = env_list_set(&env, "", play->app.env[i]);
	}
	ok = ok && env_list_set(&env, "EARTHSHINE_APP=", play->app.title) &&
			env_list_set(&env, "EARTHSHINE_CLIENT=", play->client_name) &&
			env_list_set(&env, "EARTHSHINE_MODE=", mode);
	if (!ok) {
		env_list_free(env);
		return NULL;
	}
	return env;
}

// --- commands around the app

static void on_hook_done(void *data, bool ok);

static bool start_hook(struct es_play *play, const char *when, char *const *argv) {
	char what[128];
	snprintf(what, sizeof(what), "the command %s '%.80s'", when, play->app.title);
	char **env = make_hook_env(play);
	if (env == NULL) {
		es_log(ES_LOG_ERROR, "cannot start %s: out of memory", what);
		return false;
	}
	play->hook = app_hook_start(
			play->plays->event, play->plays->children, what, argv, env, on_hook_done, play);
	env_list_free(env);
	return play->hook != NULL;
}

static bool start_display(struct es_play *play);

static void on_hook_done(void *data, bool ok) {
	struct es_play *play = data;
	app_hook_destroy(play->hook);
	play->hook = NULL;
	// What it has left running, on purpose it seems, must not be taken for a dead display's app.
	if (play->plays->orphans_timer == NULL) {
		children_adopt_strangers(play->plays->children);
	}
	if (play->state == ES_PLAY_ENDING) {
		plays_touch(play->plays, false);
		return;
	}
	if (!ok) {
		es_log(ES_LOG_ERROR, "session %u: '%s' is not started because of that", play->id,
				play->app.title);
	}
	if (!ok || !start_display(play)) {
		play_end(play, ES_TERMINATE_GRACEFUL);
		return;
	}
	if (play->viewer != NULL) {
		play_viewer_attach_display(play->viewer);
	}
}

// --- the display's messages

static void app_exited(struct es_play *play, int status) {
	// bubblewrap tells a signal as shells do.
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128;
	if (signal > 0 && signal < NSIG) {
		es_log(ES_LOG_WARN, "session %u: '%s' was killed by signal %d (%s)", play->id,
				play->app.title, signal, strsignal(signal));
	} else {
		es_log(ES_LOG_INFO, "session %u: '%s' has ended with status %d", play->id, play->app.title,
				WEXITSTATUS(status));
	}
}

static void display_ended(struct es_play *play, const struct es_session_msg *msg) {
	uint32_t code = ES_TERMINATE_GRACEFUL;
	play->display_ended = true;
	event_timer_clear(&play->display_timer);
	switch (msg->end.code) {
	case ES_END_APP_EXITED:
		app_exited(play, msg->end.status);
		break;
	case ES_END_APP_NOT_STARTED:
		es_log(ES_LOG_ERROR, "session %u: cannot start '%s', the command of '%s': %s", play->id,
				play->app.command[0], play->app.title,
				msg->end.status == ENOENT ? "command not found" : strerror(msg->end.status));
		break;
	case ES_END_FAILED:
		es_log(ES_LOG_ERROR, "session %u: %s", play->id, msg->end.text);
		code = ES_TERMINATE_ENCODER;
		break;
	default:
		break;
	}
	play_end(play, code);
	room_hang_up(play->display, LEAVE_NS); // what the app left behind ends with the display
}

static void on_message(void *data, struct es_room_process *room, const struct es_session_msg *msg) {
	struct es_play *play = data;
	switch (msg->type) {
	case ES_SESSION_READY:
		event_timer_clear(&play->display_timer);
		return;
	case ES_SESSION_DISPLAY_STATS:
		play->display_stats = msg->display_stats;
		return;
	case ES_SESSION_STUCK:
		if (play->viewer != NULL) {
			play_viewer_encoder_stuck(play->viewer, msg->stuck.viewer);
		}
		return;
	case ES_SESSION_END:
		display_ended(play, msg);
		return;
	default:
		return;
	}
}

static void on_gone(void *data, struct es_room_process *room, int status) {
	struct es_play *play = data;
	char what[96];
	event_timer_clear(&play->display_timer);
	if (!play->display_ended) {
		es_log(ES_LOG_ERROR, "session %u: the display %s: ending the app and the session", play->id,
				process_describe_status(status, what, sizeof(what)));
		play_end(play, ES_TERMINATE_ENCODER);
	}
	// Even one that has ended in order may have been killed on its way out.
	if (!play->display_ended || status != 0) {
		runtime_dir_clear_after(&play->runtime_dir, play->display_pid);
		plays_end_orphans(play);
	}
	play->display = NULL;
	room_destroy(room);
	plays_touch(play->plays, false);
}

static const struct es_room_listener listener = {.message = on_message, .gone = on_gone};

static int handle_ready_time(sd_event_source *source, uint64_t usec, void *data) {
	struct es_play *play = data;
	event_timer_clear(&play->display_timer);
	es_log(ES_LOG_ERROR, "session %u: the display did not get ready in time: killing it", play->id);
	room_kill(play->display);
	return 0;
}

// --- its start

// The app's command, contained where it can be. A command that is not there stays as it is: the display
// says so.
static char **make_command(const struct es_play *play) {
	const struct es_containment *containment = play->plays->containment;
	char *const *command = play->app.command;
	bool contained = containment != NULL && containment_missing(containment) == NULL &&
			!play->app.is_free && command_check(command[0]) == 0;
	return contained ? containment_wrap(containment, play->runtime_dir.path, command)
					 : env_list_copy(command);
}

static char **make_argv(const struct es_play *play) {
	size_t n = 0;
	char **command = make_command(play);
	while (command != NULL && command[n] != NULL) {
		n++;
	}
	char **argv = command != NULL ? calloc(n + 3, sizeof(*argv)) : NULL;
	if (argv == NULL || (argv[0] = strdup("earthshine-display")) == NULL ||
			(argv[1] = strdup("--")) == NULL) {
		env_list_free(argv);
		env_list_free(command);
		return NULL;
	}
	memcpy(&argv[2], command, n * sizeof(*argv));
	free(command);
	return argv;
}

static void send_start(struct es_play *play) {
	struct es_session_msg msg = {.type = ES_SESSION_START_DISPLAY};
	msg.start_display.mode = play->mode;
	msg.start_display.scale_milli = 1000;
	msg.start_display.start_now = true;
	msg.start_display.colour = colour_sdr();
	snprintf(msg.start_display.name, sizeof(msg.start_display.name), "%s", play->app.title);
	snprintf(msg.start_display.keyboard, sizeof(msg.start_display.keyboard), "%s", play->keyboard);
	msg.start_display.audio_channels = play->audio_channels;
	snprintf(msg.start_display.sound_node, sizeof(msg.start_display.sound_node),
			"earthshine.session-%u", play->id);
	msg.start_display.microphone = play->audio_channels > 0 && play->plays->settings->microphone;
	msg.start_display.gamepad = play->app.gamepad;
	msg.start_display.screen_source = play->plays->settings->screen_source;
	snprintf(msg.start_display.seat, sizeof(msg.start_display.seat), "%s", play->app.seat);
	room_send(play->display, &msg, NULL, 0);
	play->display_mode = play->mode;
	memcpy(play->display_keyboard, play->keyboard, sizeof(play->display_keyboard));
}

// Pictures are encoded where they are rendered.
static void choose_gpu(struct es_play *play) {
	const struct es_ladder_facts *facts = play->plays->facts;
	struct es_ladder none = {0};
	const char *node = ladder_render_node(facts, play->plays->settings->encoder);
	snprintf(play->render_node, sizeof(play->render_node), "%s",
			node[0] != '\0' ? node : ladder_display_node(facts, &none));
}

static bool start_display(struct es_play *play) {
	play->begun = true;
	choose_gpu(play);
	char label[64], **argv = make_argv(play), **env = make_display_env(play);
	snprintf(label, sizeof(label), "display of session %u", play->id);
	if (argv != NULL && env != NULL) {
		play->display = room_create(play->plays->event, play->plays->children,
				&(struct es_room_start){
						.program = "earthshine-display", .label = label, .argv = argv, .env = env},
				&listener, play);
	} else {
		es_log(ES_LOG_ERROR, "cannot start the %s: out of memory", label);
	}
	env_list_free(argv);
	env_list_free(env);
	if (play->display == NULL) {
		return false;
	}
	play->display_pid = room_pid(play->display);
	send_start(play);
	event_timer_set(play->plays->event, &play->display_timer, READY_NS, handle_ready_time, play);
	return true;
}

bool play_display_begin(struct es_play *play) {
	char name[32];
	snprintf(name, sizeof(name), "session-%u", play->id);
	if (!runtime_dir_make_session(&play->runtime_dir, name)) {
		return false;
	}
	return play->app.before != NULL ? start_hook(play, "before", play->app.before)
									: start_display(play);
}

// --- its end

void play_display_end(struct es_play *play) {
	// A command that still runs before the app has nothing to run for any more.
	app_hook_destroy(play->hook);
	play->hook = NULL;
	event_timer_clear(&play->display_timer);
	if (play->display != NULL && !play->display_ended) {
		room_ask(play->display, ES_SESSION_DRAIN);
		room_must_end(play->display, DRAIN_NS + LEAVE_NS);
	}
}

void play_display_tell_keyboard(struct es_play *play) {
	if (play->display == NULL || play->display_ended ||
			strcmp(play->display_keyboard, play->keyboard) == 0) {
		return;
	}
	struct es_session_msg msg = {.type = ES_SESSION_KEYBOARD};
	snprintf(msg.keyboard.layout, sizeof(msg.keyboard.layout), "%s", play->keyboard);
	room_send(play->display, &msg, NULL, 0);
	memcpy(play->display_keyboard, play->keyboard, sizeof(play->display_keyboard));
}

void play_display_set_mode(struct es_play *play, const struct es_mode *mode) {
	const struct es_mode *now = &play->display_mode;
	play->mode = *mode;
	if (play->display == NULL || play->display_ended ||
			(now->width == mode->width && now->height == mode->height &&
					now->refresh_mhz == mode->refresh_mhz)) {
		return;
	}
	struct es_session_msg msg = {.type = ES_SESSION_MODE, .mode = *mode};
	room_send(play->display, &msg, NULL, 0);
	play->display_mode = *mode;
}

void play_display_detach(struct es_play *play, uint32_t viewer) {
	if (play->display != NULL) {
		struct es_session_msg msg = {.type = ES_SESSION_DETACH, .detach = {.viewer = viewer}};
		room_send(play->display, &msg, NULL, 0);
	}
}

bool play_display_gone(const struct es_play *play) {
	return play->display == NULL && play->hook == NULL && !play->orphans;
}

void play_display_after(struct es_play *play) {
	if (!play->begun || play->after_run || play->app.after == NULL) {
		return;
	}
	play->after_run = true;
	start_hook(play, "after", play->app.after);
}
