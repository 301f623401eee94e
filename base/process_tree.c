#define _GNU_SOURCE // pidfd
#include "base/process_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/fd.h"

static bool read_process(pid_t pid, struct es_process *process) {
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
	int parent, group;
	long threads;
	unsigned long long start;
	static const char format[] = ") %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
								 "%*d %ld %*d %llu";
	if (rest == NULL || sscanf(rest, format, &state, &parent, &group, &threads, &start) != 5) {
		return false;
	}
	*process = (struct es_process){
			.pid = pid,
			.parent = parent,
			.group = group,
			.start = start,
			// a zombie with threads has only lost its first one
			.zombie = (state == 'Z' && threads <= 1) || state == 'X',
	};
	return true;
}

bool process_tree_add(struct es_process_tree *tree, struct es_process process) {
	if (tree->n == tree->cap) {
		size_t cap = tree->cap == 0 ? 256 : tree->cap * 2;
		struct es_process *processes = realloc(tree->processes, cap * sizeof(*processes));
		if (processes == NULL) {
			return false;
		}
		tree->processes = processes;
		tree->cap = cap;
	}
	tree->processes[tree->n++] = process;
	return true;
}

const struct es_process *process_tree_find(const struct es_process_tree *tree, pid_t pid) {
	for (size_t i = 0; i < tree->n; i++) {
		if (tree->processes[i].pid == pid) {
			return &tree->processes[i];
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
static void mark_descendants(struct es_process_tree *tree) {
	pid_t self = getpid();
	bool changed = true;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < tree->n; i++) {
			struct es_process *process = &tree->processes[i];
			if (process->descendant || process->kept) {
				continue;
			}
			const struct es_process *parent = process_tree_find(tree, process->parent);
			if (process->parent == self || (parent != NULL && parent->descendant)) {
				process->descendant = true;
				changed = true;
			}
		}
	}
}

static bool group_is_shared(const struct es_process_tree *tree, pid_t group) {
	for (size_t i = 0; i < tree->n; i++) {
		if (tree->processes[i].group == group && !tree->processes[i].descendant) {
			return true;
		}
	}
	return false;
}

static void drop_others(struct es_process_tree *tree) {
	for (size_t i = 0; i < tree->n; i++) {
		struct es_process *process = &tree->processes[i];
		process->group_shared = process->descendant && group_is_shared(tree, process->group);
	}
	size_t n = 0;
	for (size_t i = 0; i < tree->n; i++) {
		if (tree->processes[i].descendant) {
			tree->processes[n++] = tree->processes[i];
		}
	}
	tree->n = n;
}

bool process_tree_read(struct es_process_tree *tree, const pid_t *keep, size_t n_keep) {
	tree->n = 0;
	DIR *dir = opendir("/proc");
	if (dir == NULL) {
		return false;
	}
	bool ok = true;
	struct dirent *item;
	while (ok && (item = readdir(dir)) != NULL) {
		char *end;
		long pid = strtol(item->d_name, &end, 10);
		struct es_process process;
		if (pid <= 0 || *end != '\0' || !read_process((pid_t)pid, &process)) {
			continue;
		}
		process.kept = contains(keep, n_keep, process.pid);
		ok = process_tree_add(tree, process);
	}
	closedir(dir);
	mark_descendants(tree);
	drop_others(tree);
	return ok;
}

void process_tree_finish(struct es_process_tree *tree) {
	free(tree->processes);
	*tree = (struct es_process_tree){0};
}

int process_tree_open(const struct es_process *process) {
	int fd = pidfd_open(process->pid, 0);
	struct es_process now;
	if (fd >= 0 && (!read_process(process->pid, &now) || now.start != process->start)) {
		fd_close(&fd);
		errno = ESRCH;
	}
	return fd;
}
