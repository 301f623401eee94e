// earthshine-display: the virtual screen of one session, and the app that lives in it.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/confine.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/log_link.h"
#include "base/process.h"
#include "compositor/display.h"
#include "compositor/local_devices.h"
#include "compositor/probe.h"
#include "compositor/render_device.h"
#include "compositor/rights.h"
#include "compositor/seat.h"
#include "compositor/session.h"
#include "compositor/session_link.h"
#include "compositor/spawner.h"

#define EXIT_USAGE 2

static bool is_session_link(int fd) {
	int type = 0;
	socklen_t size = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

// False, told to the host, if apps could not reach a socket of ours.
static bool check_runtime_dir(void) {
	const char *dir = getenv("XDG_RUNTIME_DIR");
	if (dir == NULL || dir[0] != '/') {
		session_link_send_failure(ES_SESSION_FD,
				"XDG_RUNTIME_DIR is not set: log in through a session manager, or set it to an "
				"empty directory of your own, mode 700");
		return false;
	}
	struct stat info;
	if (stat(dir, &info) != 0 || !S_ISDIR(info.st_mode) || access(dir, W_OK | X_OK) != 0) {
		session_link_send_failure(ES_SESSION_FD,
				"XDG_RUNTIME_DIR (%s) is not a directory that can be written: %s", dir,
				strerror(errno));
		return false;
	}
	return true;
}

static int run(char *const argv[], struct es_spawner *spawner) {
	struct es_session_msg start;
	if (!session_link_wait_start(ES_SESSION_FD, &start) || !check_runtime_dir()) {
		return EXIT_FAILURE;
	}
	const char *seat = start.start_display.seat;
	if (seat[0] != '\0') {
		local_devices_prepare();
	}
	struct es_display *display =
			display_create(&start.start_display.mode, &start.start_display.colour,
					start.start_display.scale_milli, start.start_display.detached_mhz, spawner);
	if (display == NULL) {
		session_link_send_failure(ES_SESSION_FD,
				"the virtual screen of %ux%u could not be set up: the messages before this one "
				"say why",
				start.start_display.mode.width, start.start_display.mode.height);
		return EXIT_FAILURE;
	}
	struct es_session *session = session_create(display, ES_SESSION_FD, argv);
	if (session == NULL) {
		session_link_send_failure(ES_SESSION_FD, "the session could not be set up");
		display_destroy(display);
		return EXIT_FAILURE;
	}
	if (start.start_display.keyboard[0] != '\0') {
		seat_set_keyboard(display->seat, start.start_display.keyboard);
	}
	if (seat[0] != '\0') {
		display->local_devices = local_devices_create(display, seat);
	}
	if (start.start_display.audio_channels > 0) {
		session_start_sound(session, start.start_display.audio_channels,
				start.start_display.sound_node, start.start_display.name,
				start.start_display.microphone);
	}
	if (start.start_display.screen_source) {
		session_publish_screen(session, start.start_display.sound_node, start.start_display.name);
	}
	session_start_gamepads(session, start.start_display.gamepad);
	confine(&display_rights); // no message has been read but the first, and no app is there
	if (start.start_display.start_now) {
		session_start_app(session);
	}
	session_run(session);
	session_destroy(session);
	display_destroy(display);
	return EXIT_SUCCESS;
}

static int usage(void) {
	fputs("earthshine-display is started by earthshine, not by hand.\n"
		  "Try: earthshine run -- APP [ARGUMENTS]\n"
		  "     earthshine-display --probe\n",
			stderr);
	return EXIT_USAGE;
}

// What the event loop takes must not end in another thread, as PipeWire's: those inherit this.
static void block_signals(void) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char *argv[]) {
	log_init("earthshine-display", log_level_from_env(ES_LOG_WARN));
	render_device_init_log();
	if (argc == 2 && strcmp(argv[1], "--probe") == 0) {
		return probe_print() ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (argc < 3 || strcmp(argv[1], "--") != 0 || !is_session_link(ES_SESSION_FD)) {
		return usage();
	}
	block_signals();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); // the limit counts for memfds too: an error says so
	fd_set_cloexec(ES_SESSION_FD, true);
	log_link_join();
	process_raise_nofile();
	struct es_spawner *spawner =
			spawner_create(argv + 2, argv[0]); // before all that it must not have
	int status = spawner != NULL ? run(argv + 2, spawner) : EXIT_FAILURE;
	spawner_destroy(spawner);
	return status;
}
