#include "tests/tools/display_process.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/link.h"

#define MAX_WORDS 64
#define STUCK_MS 60000

bool display_process_send(
		struct es_display_process *display, const struct es_session_msg *msg, int fd) {
	uint8_t bytes[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, bytes, sizeof(bytes));
	return size > 0 && link_send(display->session, bytes, size, &fd, fd >= 0) == ES_LINK_OK;
}

static bool spawn(struct es_display_process *display, char *const *argv) {
	int fds[2];
	if (!link_pair(fds)) {
		return false;
	}
	display->session = fds[0];
	display->pid = fork();
	if (display->pid == 0) {
		if (dup2(fds[1], ES_SESSION_FD) == ES_SESSION_FD && fd_set_cloexec(ES_SESSION_FD, false)) {
			execv(argv[0], argv);
		}
		_exit(127);
	}
	fd_close(&fds[1]);
	return display->pid > 0;
}

bool display_process_start(struct es_display_process *display, char *program, char **app,
		const struct es_mode *mode, uint32_t depth) {
	char dashes[] = "--", *argv[MAX_WORDS] = {program, dashes};
	for (size_t i = 0; app[i] != NULL && i + 3 < MAX_WORDS; i++) {
		argv[i + 2] = app[i];
	}
	struct es_session_msg msg = {.type = ES_SESSION_START_DISPLAY};
	msg.start_display.mode = *mode;
	msg.start_display.scale_milli = 1000;
	snprintf(msg.start_display.name, sizeof(msg.start_display.name), "screen");
	msg.start_display.colour = colour_sdr();
	msg.start_display.colour.depth = (uint8_t)depth;
	return spawn(display, argv) && display_process_send(display, &msg, -1);
}

int display_process_attach_frames(
		struct es_display_process *display, uint32_t viewer, bool primary) {
	int fds[2];
	if (!link_pair(fds)) {
		return -1;
	}
	struct es_session_msg msg = {.type = ES_SESSION_ATTACH};
	msg.attach = (struct es_attach){
			.kind = ES_ATTACH_FRAME, .viewer = viewer, .primary = primary, .stuck_ms = STUCK_MS};
	if (!display_process_send(display, &msg, fds[1])) {
		fd_close(&fds[0]);
	}
	fd_close(&fds[1]);
	return fds[0];
}

int display_process_finish(struct es_display_process *display) {
	int status = 0;
	fd_close(&display->session);
	waitpid(display->pid, &status, 0);
	return status;
}
