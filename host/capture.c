#define _GNU_SOURCE
#include "host/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "host/spawn.h"

// A killed process that is still there after this hangs in the kernel, and so would we in waitpid.
#define KILL_WAIT_NS ES_NS_PER_S

struct reading {
	struct es_capture *capture;
	size_t size;
	int fd; // -1 after the end
};

static void read_some(struct reading *reading) {
	char rest[512];
	size_t room = ES_CAPTURE_MAX - 1 - reading->size;
	char *to = room > 0 ? reading->capture->text + reading->size : rest;
	ssize_t n = read(reading->fd, to, room > 0 ? room : sizeof(rest));
	if (n > 0 && room > 0) {
		reading->size += (size_t)n;
	} else if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
		fd_close(&reading->fd);
	}
}

// Until the process has ended, not until the end of its output: a descendant may keep that open.
static bool wait_for_end(struct reading *reading, int pidfd, int64_t deadline_ns) {
	for (;;) {
		int64_t left_ms = (deadline_ns - clock_now_ns()) / ES_NS_PER_MS;
		if (left_ms < 0) {
			return false;
		}
		struct pollfd fds[2] = {
				{.fd = reading->fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
		if (poll(fds, 2, (int)left_ms + 1) < 0 && errno != EINTR) {
			return false;
		}
		if (fds[0].revents != 0) {
			read_some(reading);
		} else if (fds[1].revents != 0) {
			return true; // and all that it wrote has been read
		}
	}
}

static void watch(struct es_capture *capture, int fd, pid_t pid, int timeout_ms) {
	struct reading reading = {.capture = capture, .fd = fd};
	int pidfd = pidfd_open(pid, 0);
	capture->timed_out = !wait_for_end(&reading, pidfd, clock_now_ns() + timeout_ms * ES_NS_PER_MS);
	kill(-pid, SIGKILL);
	capture->stuck =
			capture->timed_out && !wait_for_end(&reading, pidfd, clock_now_ns() + KILL_WAIT_NS);
	if (!capture->stuck) {
		waitpid(pid, &capture->status, 0);
	}
	capture->text[reading.size] = '\0';
	fd_close(&pidfd);
	fd_close(&reading.fd);
}

bool capture_run(struct es_capture *capture, const char *room, char *const *argv, int timeout_ms) {
	char path[4096];
	if (!spawn_find_room(room, path, sizeof(path))) {
		*capture = (struct es_capture){0};
		snprintf(capture->text, sizeof(capture->text), "%s is not installed", room);
		return false;
	}
	return capture_program(capture, path, argv, timeout_ms);
}

bool capture_program(
		struct es_capture *capture, const char *path, char *const *argv, int timeout_ms) {
	int fds[2];
	*capture = (struct es_capture){0};
	if (pipe2(fds, O_CLOEXEC) != 0) {
		snprintf(capture->text, sizeof(capture->text), "no pipe: %s", strerror(errno));
		return false;
	}
	pid_t pid = spawn_program(&(struct es_spawn){
			.path = path,
			.argv = argv,
			.stdin_fd = -1,
			.stdout_fd = fds[1],
			.stderr_fd = fds[1],
			.session_fd = -1,
			.death_signal = SIGKILL,
	});
	int error = errno;
	fd_close(&fds[1]);
	if (pid < 0) {
		fd_close(&fds[0]);
		snprintf(
				capture->text, sizeof(capture->text), "cannot start %s: %s", path, strerror(error));
		return false;
	}
	watch(capture, fds[0], pid, timeout_ms);
	return true;
}

bool capture_succeeded(const struct es_capture *capture) {
	return !capture->timed_out && WIFEXITED(capture->status) && WEXITSTATUS(capture->status) == 0;
}

bool capture_value(const struct es_capture *capture, const char *key, char *out, size_t cap) {
	size_t key_len = strlen(key);
	for (const char *line = capture->text; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		if (len > key_len && strncmp(line, key, key_len) == 0 && line[key_len] == ' ') {
			snprintf(out, cap, "%.*s", (int)(len - key_len - 1), line + key_len + 1);
			return true;
		}
		line += len + (line[len] == '\n');
	}
	return false;
}

void capture_last_line(const struct es_capture *capture, char *out, size_t cap) {
	const char *last = "", *line = capture->text;
	size_t last_len = 0;
	while (*line != '\0') {
		size_t len = strcspn(line, "\n");
		if (len > 0) {
			last = line;
			last_len = len;
		}
		line += len + (line[len] == '\n');
	}
	// "earthshine-encode: reason"
	const char *colon = memchr(last, ':', last_len);
	if (strncmp(last, "earthshine-", strlen("earthshine-")) == 0 && colon != NULL &&
			(size_t)(colon - last) + 2 < last_len) {
		last_len -= (size_t)(colon + 2 - last);
		last = colon + 2;
	}
	snprintf(out, cap, "%.*s", (int)last_len, last);
}
