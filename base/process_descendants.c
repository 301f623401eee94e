// Ending a tree of processes that may fork while one looks at it.
//
// The tree is read from /proc again and again: each reading is a little old when it is used,
// so every round signals what it sees (through a pidfd, after making sure that the pid still
// means the same process), sleeps until one of those is gone, and reads again. With the caller
// as subreaper, orphans come back to it and never leave the tree.
#define _GNU_SOURCE // pidfd
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#define MAX_WATCHED 128 // processes waited for in one round; the others get theirs later
#define KILL_PATIENCE_MS 5000 // a killed process that stays longer hangs in the kernel

struct entry {
	pid_t pid, parent;
	unsigned long long start; // with the pid: which process it is
	bool zombie;
	bool kept, descendant;
};

struct snapshot {
	struct entry *entries; // owned
	size_t n, cap;
};

static bool read_entry(pid_t pid, struct entry *entry) {
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	fd_close(&fd);
	if (size <= 0) {
		return false;
	}
	text[size] = '\0';
	const char *rest = strrchr(text, ')'); // the name before it may hold anything
	char state;
	int parent;
	long threads;
	unsigned long long start;
	if (rest == NULL ||
			sscanf(rest,
					") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
					&state, &parent, &threads, &start) != 4) {
		return false;
	}
	*entry = (struct entry){
			.pid = pid,
			.parent = parent,
			.start = start,
			// a zombie with threads has only lost its first one
			.zombie = (state == 'Z' && threads <= 1) || state == 'X',
	};
	return true;
}

static bool append(struct snapshot *snapshot, struct entry entry) {
	if (snapshot->n == snapshot->cap) {
		size_t cap = snapshot->cap == 0 ? 256 : snapshot->cap * 2;
		struct entry *entries = realloc(snapshot->entries, cap * sizeof(*entries));
		if (entries == NULL) {
			return false;
		}
		snapshot->entries = entries;
		snapshot->cap = cap;
	}
	snapshot->entries[snapshot->n++] = entry;
	return true;
}

static const struct entry *find(const struct snapshot *snapshot, pid_t pid) {
	for (size_t i = 0; i < snapshot->n; i++) {
		if (snapshot->entries[i].pid == pid) {
			return &snapshot->entries[i];
		}
	}
	return NULL;
}

static bool contains(const pid_t *pids, size_t n, pid_t pid) {
	for (size_t i = 0; i < n; i++) {
		if (pids[i] == pid) {
			return true;
		}
	}
	return false;
}

// Children have mostly larger pids than their parents and /proc is listed in order, so that
// one pass finds nearly all and the passes after it are few.
static void mark_descendants(struct snapshot *snapshot) {
	pid_t self = getpid();
	bool changed = true;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < snapshot->n; i++) {
			struct entry *entry = &snapshot->entries[i];
			if (entry->descendant || entry->kept) {
				continue;
			}
			const struct entry *parent = find(snapshot, entry->parent);
			if (entry->parent == self || (parent != NULL && parent->descendant)) {
				entry->descendant = true;
				changed = true;
			}
		}
	}
}

// Leaves only the living descendants in the snapshot.
static void drop_others(struct snapshot *snapshot) {
	size_t n = 0;
	for (size_t i = 0; i < snapshot->n; i++) {
		struct entry entry = snapshot->entries[i];
		if (entry.descendant && !entry.zombie) {
			snapshot->entries[n++] = entry;
		}
	}
	snapshot->n = n;
}

static bool take_snapshot(struct snapshot *snapshot, const pid_t *keep, size_t n_keep) {
	snapshot->n = 0;
	DIR *dir = opendir("/proc");
	if (dir == NULL) {
		return false;
	}
	bool ok = true;
	struct dirent *item;
	while (ok && (item = readdir(dir)) != NULL) {
		char *end;
		long pid = strtol(item->d_name, &end, 10);
		struct entry entry;
		if (pid <= 0 || *end != '\0' || !read_entry((pid_t)pid, &entry)) {
			continue;
		}
		entry.kept = contains(keep, n_keep, entry.pid);
		ok = append(snapshot, entry);
	}
	closedir(dir);
	mark_descendants(snapshot);
	drop_others(snapshot);
	return ok;
}

// A pidfd for exactly this process; -1 if it is gone (its pid may be another's by now).
static int open_entry(const struct entry *entry) {
	int fd = pidfd_open(entry->pid, 0);
	struct entry now;
	if (fd >= 0 && (!read_entry(entry->pid, &now) || now.start != entry->start)) {
		fd_close(&fd);
		errno = ESRCH;
	}
	return fd;
}

// False if it may not be signalled (another user's, by a set-uid program): no use in waiting.
static bool signal_entry(const struct entry *entry, int signal) {
	int fd = open_entry(entry);
	int result = 0;
	if (fd >= 0) {
		result = pidfd_send_signal(fd, signal, NULL, 0);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
		result = kill(entry->pid, signal);
	}
	bool forbidden = result != 0 && errno == EPERM;
	fd_close(&fd);
	return !forbidden;
}

size_t process_signal_descendants(int signal, const pid_t *keep, size_t n_keep) {
	struct snapshot snapshot = {0};
	take_snapshot(&snapshot, keep, n_keep);
	size_t n = snapshot.n;
	for (size_t i = 0; i < n; i++) {
		signal_entry(&snapshot.entries[i], signal);
	}
	free(snapshot.entries);
	return n;
}

struct ending {
	const pid_t *keep;
	size_t n_keep;
	struct snapshot left; // living, as of the last look
	struct snapshot signalled; // each process that ever got a signal here; reaped at the end
};

static void reap(const struct ending *ending) {
	for (size_t i = 0; i < ending->signalled.n; i++) {
		waitpid(ending->signalled.entries[i].pid, NULL, WNOHANG);
	}
}

// Those that cannot be signalled leave `left`. TERM is sent once to each, since many programs
// take a second one as an order to drop everything; KILL as often as it is seen.
static void signal_left(struct ending *ending, int signal) {
	size_t n = 0;
	for (size_t i = 0; i < ending->left.n; i++) {
		struct entry entry = ending->left.entries[i];
		const struct entry *known = find(&ending->signalled, entry.pid);
		bool again = known != NULL && known->start == entry.start;
		entry.kept = again && known->kept;
		if (!entry.kept && (!again || signal == SIGKILL)) {
			entry.kept = !signal_entry(&entry, signal);
		}
		if (!again) {
			append(&ending->signalled, entry);
		}
		if (!again && entry.kept) {
			es_log(ES_LOG_WARN, "process %d belongs to another user, leaving it", (int)entry.pid);
		}
		if (!entry.kept) {
			ending->left.entries[n++] = entry;
		}
	}
	ending->left.n = n;
}

// Sleeps until one of those left is gone or the time is up.
static void wait_for_one(const struct ending *ending, int64_t deadline_ns) {
	struct pollfd watched[MAX_WATCHED];
	nfds_t n = 0;
	bool gone = false;
	for (size_t i = 0; i < ending->left.n && n < MAX_WATCHED && !gone; i++) {
		int fd = open_entry(&ending->left.entries[i]);
		gone = fd < 0 && errno == ESRCH;
		if (fd >= 0) {
			watched[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
		}
	}
	int64_t left_ms = (deadline_ns - clock_now_ns() + ES_NS_PER_MS - 1) / ES_NS_PER_MS;
	if (!gone && left_ms > 0) {
		// without a single fd to spare there is nothing to sleep on
		poll(watched, n, n > 0 ? (int)left_ms : 10);
	}
	for (nfds_t i = 0; i < n; i++) {
		fd_close(&watched[i].fd);
	}
}

// True when none is left.
static bool end_until(struct ending *ending, int signal, int64_t deadline_ns) {
	for (;;) {
		if (!take_snapshot(&ending->left, ending->keep, ending->n_keep)) {
			es_log(ES_LOG_WARN, "cannot list processes, some may stay behind");
		}
		signal_left(ending, signal);
		if (ending->left.n == 0) {
			return true;
		}
		if (clock_now_ns() >= deadline_ns) {
			return false;
		}
		wait_for_one(ending, deadline_ns);
	}
}

void process_end_descendants(int grace_ms, const pid_t *keep, size_t n_keep) {
	struct ending ending = {.keep = keep, .n_keep = n_keep};
	int64_t deadline_ns = clock_now_ns() + grace_ms * ES_NS_PER_MS;
	bool ended = grace_ms > 0 && end_until(&ending, SIGTERM, deadline_ns);
	if (!ended) {
		deadline_ns = clock_now_ns() + KILL_PATIENCE_MS * ES_NS_PER_MS;
		ended = end_until(&ending, SIGKILL, deadline_ns);
	}
	if (!ended) {
		es_log(ES_LOG_WARN, "%zu killed processes hang in the kernel, leaving them", ending.left.n);
	}
	reap(&ending);
	free(ending.left.entries);
	free(ending.signalled.entries);
}
