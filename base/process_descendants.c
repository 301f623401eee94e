// Ending a tree of processes that may fork while one looks at it.
//
// The tree is read from /proc again and again: each reading is a little old when it is used,
// so every round signals what it sees (through a pidfd, after making sure that the pid still
// means the same process), sleeps until one of those is gone, and reads again. With the caller
// as subreaper, orphans come back to it and never leave the tree. A process that forks and
// exits all the time is always a step ahead of such readings; what reaches it is a signal to
// its process group, which the kernel gives to all members at once.
#define _GNU_SOURCE // pidfd
#include "base/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/process_tree.h"

#define MAX_WATCHED 128 // processes waited for in one round; the others get theirs later
#define KILL_PATIENCE_MS 5000 // a killed process that stays longer hangs in the kernel
#define SHORT_MS 2 // between two readings when there is nothing to sleep on

// False if it may not be signalled (another user's, by a set-uid program): no use in waiting.
static bool signal_process(const struct es_process *process, int signal) {
	int fd = process_tree_open(process);
	int result = 0;
	if (fd >= 0) {
		result = pidfd_send_signal(fd, signal, NULL, 0);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
		result = kill(process->pid, signal);
	}
	bool forbidden = result != 0 && errno == EPERM;
	fd_close(&fd);
	return !forbidden;
}

size_t process_signal_descendants(int signal, const pid_t *keep, size_t n_keep) {
	struct es_process_tree tree = {0};
	process_tree_read(&tree, keep, n_keep);
	size_t n = 0;
	for (size_t i = 0; i < tree.n; i++) {
		if (!tree.processes[i].zombie) {
			signal_process(&tree.processes[i], signal);
			n++;
		}
	}
	process_tree_finish(&tree);
	return n;
}

struct ending {
	const pid_t *keep;
	size_t n_keep;
	struct es_process_tree left; // living, as of the last reading
	struct es_process_tree seen; // each that ever got a signal here; kept: could not be signalled
	struct es_process_tree over; // zombies from before, their owner's to reap
};

static bool holds(const struct es_process_tree *tree, const struct es_process *process) {
	const struct es_process *found = process_tree_find(tree, process->pid);
	return found != NULL && found->start == process->start;
}

// A signal to a group reaches those of its members, too, that the reading did not show.
static void kill_group(const struct es_process *process) {
	if (!process->group_shared && process->group > 1) {
		kill(-process->group, SIGKILL);
	}
}

// Returns how many children have ended since the reading before. Only living ones stay `left`.
static size_t look(struct ending *ending, int signal) {
	if (!process_tree_read(&ending->left, ending->keep, ending->n_keep)) {
		es_log(ES_LOG_WARN, "cannot list all processes, some may stay behind");
	}
	size_t n = 0, n_ended = 0;
	for (size_t i = 0; i < ending->left.n; i++) {
		struct es_process process = ending->left.processes[i];
		if (!process.zombie) {
			ending->left.processes[n++] = process;
		} else if (process.parent == getpid() && !holds(&ending->over, &process)) {
			if (signal == SIGKILL) {
				kill_group(&process); // before it is reaped, which may free the group's number
			}
			waitpid(process.pid, NULL, WNOHANG);
			n_ended++;
		}
	}
	ending->left.n = n;
	return n_ended;
}

// TERM is sent once to each, since many programs take a second one as an order to drop
// everything; KILL as often as it is seen. False if it is not ours to end.
static bool signal_seen(struct ending *ending, struct es_process process, int signal) {
	if (holds(&ending->seen, &process)) {
		bool forbidden = process_tree_find(&ending->seen, process.pid)->kept;
		return !forbidden && (signal != SIGKILL || signal_process(&process, signal));
	}
	process.kept = !signal_process(&process, signal);
	if (process.kept) {
		es_log(ES_LOG_WARN, "process %d belongs to another user, leaving it", (int)process.pid);
	}
	process_tree_add(&ending->seen, process);
	return !process.kept;
}

// Those that cannot be signalled leave `left`.
static void signal_left(struct ending *ending, int signal) {
	size_t n = 0;
	for (size_t i = 0; i < ending->left.n; i++) {
		struct es_process process = ending->left.processes[i];
		if (!signal_seen(ending, process, signal)) {
			continue;
		}
		if (signal == SIGKILL) {
			kill_group(&process);
		}
		ending->left.processes[n++] = process;
	}
	ending->left.n = n;
}

// Sleeps until one of those left is gone or the time is up.
static void wait_for_one(const struct ending *ending, int64_t deadline_ns) {
	struct pollfd watched[MAX_WATCHED];
	nfds_t n = 0;
	bool gone = false;
	for (size_t i = 0; i < ending->left.n && n < MAX_WATCHED && !gone; i++) {
		int fd = process_tree_open(&ending->left.processes[i]);
		gone = fd < 0 && errno == ESRCH;
		if (fd >= 0) {
			watched[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
		}
	}
	int64_t left_ms = (deadline_ns - clock_now_ns() + ES_NS_PER_MS - 1) / ES_NS_PER_MS;
	if (left_ms > 0) {
		poll(watched, n, gone || n == 0 ? SHORT_MS : (int)left_ms);
	}
	for (nfds_t i = 0; i < n; i++) {
		fd_close(&watched[i].fd);
	}
}

// True when none is left, as two readings in a row say: one that is taken while processes
// come and go may show none of them.
static bool end_until(struct ending *ending, int signal, int64_t deadline_ns) {
	int n_empty = 0;
	for (;;) {
		size_t n_ended = look(ending, signal);
		signal_left(ending, signal);
		n_empty = ending->left.n == 0 && n_ended == 0 ? n_empty + 1 : 0;
		if (n_empty == 2) {
			return true;
		}
		if (clock_now_ns() >= deadline_ns) {
			return n_empty > 0;
		}
		if (ending->left.n > 0) {
			wait_for_one(ending, deadline_ns);
		}
	}
}

static void remember_zombies(struct ending *ending) {
	process_tree_read(&ending->left, ending->keep, ending->n_keep);
	for (size_t i = 0; i < ending->left.n; i++) {
		if (ending->left.processes[i].zombie) {
			process_tree_add(&ending->over, ending->left.processes[i]);
		}
	}
}

void process_end_descendants(int grace_ms, const pid_t *keep, size_t n_keep) {
	struct ending ending = {.keep = keep, .n_keep = n_keep};
	remember_zombies(&ending);
	int64_t deadline_ns = clock_now_ns() + grace_ms * ES_NS_PER_MS;
	bool ended = grace_ms > 0 && end_until(&ending, SIGTERM, deadline_ns);
	if (!ended) {
		deadline_ns = clock_now_ns() + KILL_PATIENCE_MS * ES_NS_PER_MS;
		ended = end_until(&ending, SIGKILL, deadline_ns);
	}
	if (!ended) {
		es_log(ES_LOG_WARN, "%zu processes cannot be killed, leaving them", ending.left.n);
	}
	process_tree_finish(&ending.left);
	process_tree_finish(&ending.seen);
	process_tree_finish(&ending.over);
}
