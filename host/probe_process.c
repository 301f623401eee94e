#define _GNU_SOURCE // pipe2
#include "host/probe_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "host/event_timer.h"
#include "host/spawn.h"

#define MAX_OUTPUT (64 * 1024) // what a pipe holds
#define KILL_WAIT_NS ES_NS_PER_S

struct es_probe_process {
	struct es_probe_start start;
	pid_t pid; // -1: gone
	int fd; // what it prints
	bool timed_out;
	sd_event_source *limit;
	char output[MAX_OUTPUT];
};

// It prints a few short lines: the pipe holds them until it has ended.
static void read_output(struct es_probe_process *process) {
	ssize_t n = read(process->fd, process->output, sizeof(process->output) - 1);
	process->output[n > 0 ? n : 0] = '\0';
	fd_close(&process->fd);
}

static void conclude(struct es_probe_process *process, int status, bool stuck) {
	event_timer_clear(&process->limit);
	read_output(process);
	struct es_trial trial = {
			.output = process->output,
			.status = status,
			.limit_ms = process->start.limit_ms,
			.timed_out = process->timed_out,
			.stuck = stuck,
	};
	process->start.ended(process->start.data, &trial);
}

static void handle_ended(void *data, pid_t pid, int status) {
	struct es_probe_process *process = data;
	process->pid = -1;
	conclude(process, status, false);
}

static void ignore_end(void *data, pid_t pid, int status) {
}

// Still watched, so that nobody takes it for a stranger and waits for it.
static void let_go(struct es_probe_process *process) {
	children_forget(process->start.children, process->pid);
	children_watch(process->start.children, process->pid, ignore_end, NULL);
	process->pid = -1;
}

static int handle_unkillable(sd_event_source *source, uint64_t usec, void *data) {
	struct es_probe_process *process = data;
	let_go(process);
	conclude(process, 0, true);
	return 0;
}

static int handle_limit(sd_event_source *source, uint64_t usec, void *data) {
	struct es_probe_process *process = data;
	process->timed_out = true;
	kill(process->pid, SIGKILL);
	event_timer_set(
			process->start.event, &process->limit, KILL_WAIT_NS, handle_unkillable, process);
	return 0;
}

static bool start_program(struct es_probe_process *process) {
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		return false;
	}
	process->fd = ends[0];
	process->pid = spawn_program(&(struct es_spawn){
			.path = process->start.program,
			.argv = process->start.argv,
			.stdin_fd = -1,
			.stdout_fd = ends[1],
			.session_fd = -1,
			.death_signal = SIGKILL,
	});
	int error = errno;
	fd_close(&ends[1]);
	errno = error;
	return process->pid > 0;
}

struct es_probe_process *probe_process_start(const struct es_probe_start *start) {
	struct es_probe_process *process = calloc(1, sizeof(*process));
	if (process == NULL) {
		return NULL;
	}
	process->start = *start;
	process->pid = process->fd = -1;
	if (!start_program(process)) {
		int error = errno;
		probe_process_destroy(process);
		errno = error;
		return NULL;
	}
	if (!children_watch(start->children, process->pid, handle_ended, process)) {
		kill(process->pid, SIGKILL);
		process->pid = -1;
		probe_process_destroy(process);
		errno = ENOMEM;
		return NULL;
	}
	event_timer_set(
			start->event, &process->limit, start->limit_ms * ES_NS_PER_MS, handle_limit, process);
	return process;
}

void probe_process_destroy(struct es_probe_process *process) {
	if (process == NULL) {
		return;
	}
	if (process->pid > 0) {
		kill(process->pid, SIGKILL);
		children_forget(process->start.children, process->pid);
	}
	event_timer_clear(&process->limit);
	fd_close(&process->fd);
	free(process);
}

void probe_process_kill(struct es_probe_process *process) {
	if (process->pid > 0) {
		kill(process->pid, SIGKILL);
	}
}
