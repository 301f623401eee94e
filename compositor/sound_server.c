#define _GNU_SOURCE // syscall
#include "compositor/sound_server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "compositor/spawner.h"

#define RESTART_MS 100
#define MAX_STARTS 20 // of each; what dies more often is not worth starting
#define MAX_PATH 256

enum { DAEMON, MANAGER, N_PROGRAMS };

struct program {
	struct es_sound_server *server;
	pid_t pid; // 0: none
	int pid_fd; // owned; -1: none
	struct wl_event_source *ended; // of pid_fd
	unsigned starts;
};

struct es_sound_server {
	struct wl_event_loop *loop; // borrowed
	struct es_spawner *spawner; // the same
	struct wl_event_source *timer; // to start again what has died
	bool answers; // the daemon; without it the manager ends at once
	char folder[MAX_PATH], config[MAX_PATH + 32];
	struct program programs[N_PROGRAMS];
};

static const char *const programs[N_PROGRAMS] = {[DAEMON] = "pipewire", [MANAGER] = "wireplumber"};

// A cycle is 5 ms whatever the clients ask for. Nothing here opens a device.
static const char daemon_config[] =
		"context.properties = {\n"
		"  core.daemon = true\n"
		"  core.name = pipewire-0\n"
		"  support.dbus = false\n"
		"  mem.allow-mlock = false\n"
		"  default.clock.rate = 48000\n"
		"  default.clock.allowed-rates = [ 48000 ]\n"
		"  default.clock.quantum = 240\n"
		"  default.clock.min-quantum = 240\n"
		"  default.clock.max-quantum = 240\n"
		"  clock.power-of-two-quantum = false\n"
		"}\n"
		"context.spa-libs = {\n"
		"  audio.convert.* = audioconvert/libspa-audioconvert\n"
		"  audio.adapt = audioconvert/libspa-audioconvert\n"
		"  support.* = support/libspa-support\n"
		"}\n"
		"context.modules = [\n"
		"  { name = libpipewire-module-protocol-native }\n"
		"  { name = libpipewire-module-metadata }\n"
		"  { name = libpipewire-module-spa-node-factory }\n"
		"  { name = libpipewire-module-client-node }\n"
		"  { name = libpipewire-module-client-device }\n"
		"  { name = libpipewire-module-access }\n"
		"  { name = libpipewire-module-adapter }\n"
		"  { name = libpipewire-module-link-factory }\n"
		"  { name = libpipewire-module-session-manager }\n"
		"  { name = libpipewire-module-protocol-pulse }\n"
		"]\n"
		"pulse.properties = {\n"
		"  server.address = [ \"unix:native\" ]\n"
		"  pulse.min.req = 240/48000\n"
		"  pulse.default.req = 480/48000\n"
		"  pulse.min.quantum = 240/48000\n"
		"}\n"
		"context.objects = [\n"
		"  { factory = spa-node-factory args = {\n"
		"    factory.name = support.node.driver node.name = Dummy-Driver\n"
		"    node.group = pipewire.dummy priority.driver = 20000 } }\n"
		"]\n";

// Beside the system's own wireplumber.conf: the policy alone, with no memory of other sessions.
static const char manager_config[] =
		"wireplumber.profiles = {\n"
		"  earthshine = {\n"
		"    inherits = [ policy, mixin.stateless, mixin.systemwide-session ]\n"
		"    support.dbus = disabled\n"
		"    support.system-dbus = disabled\n"
		"  }\n"
		"}\n";

// --- the folder

static bool write_file(const char *path, const char *text) {
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t size = strlen(text);
	bool ok = fd >= 0 && write(fd, text, size) == (ssize_t)size;
	fd_close(&fd);
	return ok;
}

static bool make_folder(struct es_sound_server *server) {
	const char *parent = getenv("XDG_RUNTIME_DIR");
	struct sockaddr_un address;
	int n = snprintf(server->folder, sizeof(server->folder), "%s/earthshine-sound-XXXXXX",
			parent != NULL ? parent : "");
	if (n < 0 || (size_t)n + strlen("/pipewire-0-manager.lock") >= sizeof(address.sun_path)) {
		server->folder[0] = '\0';
		errno = ENAMETOOLONG;
		return false;
	}
	if (mkdtemp(server->folder) == NULL) {
		server->folder[0] = '\0';
		return false;
	}
	char path[MAX_PATH + 64];
	snprintf(server->config, sizeof(server->config), "%s/pipewire.conf", server->folder);
	bool ok = write_file(server->config, daemon_config);
	snprintf(path, sizeof(path), "%s/wireplumber.conf.d", server->folder);
	ok = ok && mkdir(path, 0700) == 0;
	snprintf(path, sizeof(path), "%s/wireplumber.conf.d/earthshine.conf", server->folder);
	return ok && write_file(path, manager_config);
}

// What may lie there, and nothing else: never through a link that somebody put in its place.
static void remove_folder(const struct es_sound_server *server) {
	static const char *const names[] = {"pipewire.conf", "wireplumber.conf.d/earthshine.conf",
			"pipewire-0", "pipewire-0.lock", "pipewire-0-manager", "pipewire-0-manager.lock",
			"pulse/native", "pulse/native.lock", "pulse/pid"};
	static const char *const folders[] = {"wireplumber.conf.d", "pulse"};
	char path[MAX_PATH + 64];
	if (server->folder[0] == '\0') {
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", server->folder, names[i]);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", server->folder, folders[i]);
		rmdir(path);
	}
	if (rmdir(server->folder) != 0) {
		es_log(ES_LOG_DEBUG, "%s stays: %s", server->folder, strerror(errno));
	}
}

// --- the programs

static void forget(struct program *program) {
	if (program->ended != NULL) {
		wl_event_source_remove(program->ended);
		program->ended = NULL;
	}
	fd_close(&program->pid_fd);
	program->pid = 0;
}

static int handle_ended(int fd, uint32_t mask, void *data) {
	struct program *program = data;
	struct es_sound_server *server = program->server;
	es_log(ES_LOG_WARN, "%s of the session has ended: starting it again",
			programs[program - server->programs]);
	waitpid(program->pid, NULL, WNOHANG); // unless the app's reaper has done it
	if (program == &server->programs[DAEMON]) {
		server->answers = false;
	}
	forget(program);
	wl_event_source_timer_update(server->timer, RESTART_MS);
	return 0;
}

static bool start(struct es_sound_server *server, int which) {
	static const enum es_program kinds[N_PROGRAMS] = {
			[DAEMON] = ES_PROGRAM_SOUND_DAEMON, [MANAGER] = ES_PROGRAM_SOUND_MANAGER};
	struct program *program = &server->programs[which];
	const char *const texts[] = {server->folder, NULL};
	pid_t pid = spawner_start(server->spawner, kinds[which], texts, NULL, 0);
	if (pid < 0) {
		es_log(ES_LOG_ERROR, "cannot start %s: %s", programs[which], strerror(errno));
		return false;
	}
	program->pid = pid;
	program->starts++;
	program->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0); // close-on-exec by itself
	program->ended = program->pid_fd < 0 ? NULL
										 : wl_event_loop_add_fd(server->loop, program->pid_fd,
												   WL_EVENT_READABLE, handle_ended, program);
	return true;
}

static void start_again(struct es_sound_server *server, int which) {
	struct program *program = &server->programs[which];
	if (program->starts < MAX_STARTS) {
		start(server, which);
	} else if (program->starts++ == MAX_STARTS) {
		es_log(ES_LOG_ERROR, "%s has ended %d times: no more sound in this session",
				programs[which], MAX_STARTS);
	}
}

static int handle_timer(void *data) {
	struct es_sound_server *server = data;
	if (server->programs[DAEMON].pid == 0) {
		start_again(server, DAEMON);
	}
	if (server->programs[MANAGER].pid == 0 && server->answers) {
		start_again(server, MANAGER);
	}
	return 0;
}

static bool is_installed(const char *name) {
	const char *path = getenv("PATH");
	for (const char *at = path != NULL ? path : "/usr/bin"; at != NULL;) {
		char file[PATH_MAX];
		size_t length = strcspn(at, ":");
		int n = snprintf(file, sizeof(file), "%.*s/%s", (int)length, at, name);
		if (n > 0 && (size_t)n < sizeof(file) && access(file, X_OK) == 0) {
			return true;
		}
		at = at[length] == ':' ? at + length + 1 : NULL;
	}
	return false;
}

struct es_sound_server *sound_server_create(
		struct wl_event_loop *loop, struct es_spawner *spawner) {
	for (int i = 0; i < N_PROGRAMS; i++) {
		if (!is_installed(programs[i])) {
			es_log(ES_LOG_WARN,
					"no sound: no PipeWire runs here, and %s is not installed to start one",
					programs[i]);
			return NULL;
		}
	}
	struct es_sound_server *server = calloc(1, sizeof(*server));
	if (server == NULL) {
		es_log(ES_LOG_ERROR, "no sound: out of memory");
		return NULL;
	}
	server->loop = loop;
	server->spawner = spawner;
	for (int i = 0; i < N_PROGRAMS; i++) {
		server->programs[i] = (struct program){.server = server, .pid_fd = -1};
	}
	server->timer = wl_event_loop_add_timer(loop, handle_timer, server);
	if (server->timer == NULL || !make_folder(server)) {
		es_log(ES_LOG_WARN, "no sound: no folder for a PipeWire of the session: %s",
				strerror(errno));
		goto fail;
	}
	if (!start(server, DAEMON)) {
		goto fail;
	}
	return server;
fail:
	sound_server_destroy(server);
	return NULL;
}

static void end(struct program *program) {
	if (program->pid != 0) {
		kill(program->pid, SIGKILL); // it has nothing to save
		waitpid(program->pid, NULL, 0);
		forget(program);
	}
}

void sound_server_destroy(struct es_sound_server *server) {
	if (server == NULL) {
		return;
	}
	if (server->timer != NULL) {
		wl_event_source_remove(server->timer);
	}
	for (int i = N_PROGRAMS - 1; i >= 0; i--) {
		end(&server->programs[i]);
	}
	remove_folder(server);
	free(server);
}

void sound_server_answers(struct es_sound_server *server) {
	server->answers = true;
	if (server->programs[MANAGER].pid == 0) {
		start_again(server, MANAGER);
	}
}

const char *sound_server_folder(const struct es_sound_server *server) {
	return server->folder;
}
