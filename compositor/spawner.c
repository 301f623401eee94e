#define _GNU_SOURCE // close_range, CLONE_PARENT
#include "compositor/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "base/process.h"
#include "compositor/spawn_program.h"

struct es_spawner {
	pid_t pid;
	int fd; // owned
	struct es_link_packet packet; // scratch
};

struct answer {
	int32_t pid; // 0: failed
	int32_t error;
};

// --- in its process

// What the display says is checked: it talks with apps.
static bool parse(struct es_link_packet *packet, struct es_spawn_request *request) {
	*request = (struct es_spawn_request){.n_fds = packet->n_fds};
	if (packet->size < 2 || packet->data[packet->size - 1] != '\0' ||
			packet->data[0] >= ES_PROGRAM_COUNT) {
		return false;
	}
	request->program = packet->data[0];
	memcpy(request->fds, packet->fds, packet->n_fds * sizeof(packet->fds[0]));
	size_t at = 1;
	while (at < packet->size && request->n_texts < ES_SPAWN_MAX_TEXTS) {
		const char *text = (const char *)&packet->data[at];
		request->texts[request->n_texts++] = text;
		at += strlen(text) + 1;
	}
	return at == packet->size;
}

static _Noreturn void become(const struct es_spawn_request *request, char *const app_argv[],
		int error_fd, pid_t parent) {
	process_prepare_child(SIGKILL);
	if (getppid() != parent) {
		_exit(127); // the display died before the death signal was armed
	}
	close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	int error = spawn_program(request, app_argv);
	ssize_t written = write(error_fd, &error, sizeof(error));
	(void)written; // nobody left to tell
	_exit(127);
}

// Returns once exec has worked or failed: the write end is closed by either.
static int read_exec_error(int fd) {
	int error = 0;
	ssize_t n;
	do {
		n = read(fd, &error, sizeof(error));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? error : 0;
}

// One that could not become a program ends as a child of the display, which reaps it.
static struct answer start(
		const struct es_spawn_request *request, char *const app_argv[], pid_t parent) {
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
		return (struct answer){.error = errno};
	}
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		become(request, app_argv, pipe_fds[1], parent);
	}
	struct answer answer = {.pid = (int32_t)pid, .error = errno};
	fd_close(&pipe_fds[1]);
	if (pid > 0) {
		answer.error = read_exec_error(pipe_fds[0]);
	} else {
		answer.pid = 0;
	}
	fd_close(&pipe_fds[0]);
	return answer;
}

// Not for one of two displays.
static void set_name(char *own_name) {
	static const char ours[] = "display", instead[] = "spawner";
	char *at = own_name != NULL ? strstr(own_name, ours) : NULL;
	if (at != NULL) {
		memcpy(at, instead, strlen(ours));
	}
	prctl(PR_SET_NAME, instead, 0, 0, 0);
}

static _Noreturn void serve(int fd, char *const app_argv[], pid_t parent) {
	static struct es_link_packet packet;
	process_prepare_child(SIGKILL); // nothing of ours outlives the display
	log_set_tap(NULL, NULL); // its link is closed below
	dup2(fd, STDERR_FILENO + 1);
	fd = STDERR_FILENO + 1;
	fd_set_cloexec(fd, true);
	close_range((unsigned)fd + 1, UINT_MAX, 0);
	for (;;) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		poll(&readable, 1, -1);
		enum es_link_result result = link_recv(fd, &packet);
		if (result == ES_LINK_AGAIN) {
			continue;
		}
		struct es_spawn_request request;
		if (result != ES_LINK_OK || getppid() != parent) {
			_exit(0);
		}
		struct answer answer = {.error = EINVAL};
		if (parse(&packet, &request)) {
			answer = start(&request, app_argv, parent);
		}
		link_packet_finish(&packet);
		link_send(fd, &answer, sizeof(answer), NULL, 0);
	}
}

// --- in the display

struct es_spawner *spawner_create(char *const app_argv[], char *own_name) {
	int ends[2] = {-1, -1};
	struct es_spawner *spawner = calloc(1, sizeof(*spawner));
	if (spawner == NULL || !link_pair(ends)) {
		es_log(ES_LOG_ERROR, "cannot start programs: %s", strerror(errno));
		free(spawner);
		return NULL;
	}
	pid_t parent = getpid();
	spawner->fd = ends[0];
	spawner->pid = fork();
	if (spawner->pid == 0) {
		set_name(own_name);
		serve(ends[1], app_argv, parent);
	}
	fd_close(&ends[1]);
	if (spawner->pid < 0) {
		es_log(ES_LOG_ERROR, "cannot start programs: %s", strerror(errno));
		spawner_destroy(spawner);
		return NULL;
	}
	return spawner;
}

void spawner_destroy(struct es_spawner *spawner) {
	if (spawner == NULL) {
		return;
	}
	fd_close(&spawner->fd);
	if (spawner->pid > 0) {
		kill(spawner->pid, SIGKILL);
		waitpid(spawner->pid, NULL, 0);
	}
	free(spawner);
}

static bool pack(struct es_link_packet *packet, enum es_program program, const char *const *texts) {
	packet->data[0] = (uint8_t)program;
	packet->size = 1;
	for (size_t i = 0; texts[i] != NULL; i++) {
		size_t size = strlen(texts[i]) + 1;
		if (i == ES_SPAWN_MAX_TEXTS || size > sizeof(packet->data) - packet->size) {
			errno = E2BIG;
			return false;
		}
		memcpy(&packet->data[packet->size], texts[i], size);
		packet->size += size;
	}
	return true;
}

static bool ask(struct es_spawner *spawner, const int *fds, size_t n_fds, struct answer *answer) {
	struct es_link_packet *packet = &spawner->packet;
	enum es_link_result result = link_send(spawner->fd, packet->data, packet->size, fds, n_fds);
	while (result == ES_LINK_OK) {
		struct pollfd readable = {.fd = spawner->fd, .events = POLLIN};
		poll(&readable, 1, -1);
		result = link_recv(spawner->fd, packet);
		if (result == ES_LINK_OK) {
			bool whole = packet->size == sizeof(*answer);
			memcpy(answer, packet->data, sizeof(*answer));
			link_packet_finish(packet);
			return whole;
		}
		result = result == ES_LINK_AGAIN ? ES_LINK_OK : result;
	}
	return false;
}

pid_t spawner_start(struct es_spawner *spawner, enum es_program program, const char *const *texts,
		const int *fds, size_t n_fds) {
	struct answer answer;
	if (!pack(&spawner->packet, program, texts)) {
		return -1;
	}
	if (!ask(spawner, fds, n_fds, &answer)) {
		errno = EPIPE;
		return -1;
	}
	if (answer.pid > 0 && answer.error != 0) {
		waitpid(answer.pid, NULL, 0);
	}
	errno = answer.error;
	return answer.pid > 0 && answer.error == 0 ? answer.pid : -1;
}
