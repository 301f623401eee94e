#include "host/children.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process.h"
#include "base/process_tree.h"

struct child {
	pid_t pid;
	void (*ended)(void *data, pid_t pid, int status);
	void *data;
};

struct es_children {
	sd_event_source *source;
	struct child *items; // in no order
	size_t n, cap;
};

static struct child *find(struct es_children *children, pid_t pid) {
	for (size_t i = 0; i < children->n; i++) {
		if (children->items[i].pid == pid) {
			return &children->items[i];
		}
	}
	return NULL;
}

static int handle_sigchld(
		sd_event_source *source, const struct signalfd_siginfo *info, void *data) {
	struct es_children *children = data;
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *found = find(children, pid);
		if (found != NULL) {
			struct child child = *found;
			children_forget(children, pid); // before the call, which may watch others
			child.ended(child.data, pid, status);
		}
	}
	return 0;
}

struct es_children *children_create(sd_event *event) {
	struct es_children *children = calloc(1, sizeof(*children));
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	int result = -ENOMEM;
	if (children == NULL || sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
			!process_become_subreaper() ||
			(result = sd_event_add_signal(
					 event, &children->source, SIGCHLD, handle_sigchld, children)) < 0) {
		es_log(ES_LOG_ERROR, "cannot watch over child processes: %s", strerror(-result));
		children_destroy(children);
		return NULL;
	}
	return children;
}

void children_destroy(struct es_children *children) {
	if (children == NULL) {
		return;
	}
	sd_event_source_disable_unref(children->source);
	while (waitpid(-1, NULL, WNOHANG) > 0) {
	}
	free(children->items);
	free(children);
}

bool children_watch(struct es_children *children, pid_t pid,
		void (*ended)(void *data, pid_t pid, int status), void *data) {
	if (children->n == children->cap) {
		size_t cap = children->cap > 0 ? 2 * children->cap : 16;
		struct child *items = realloc(children->items, cap * sizeof(*items));
		if (items == NULL) {
			es_log(ES_LOG_ERROR, "cannot watch process %d: out of memory", (int)pid);
			return false;
		}
		children->items = items;
		children->cap = cap;
	}
	children->items[children->n++] = (struct child){.pid = pid, .ended = ended, .data = data};
	return true;
}

void children_forget(struct es_children *children, pid_t pid) {
	struct child *found = find(children, pid);
	if (found != NULL) {
		*found = children->items[--children->n];
	}
}

static void ignore_end(void *data, pid_t pid, int status) {
}

void children_adopt_strangers(struct es_children *children) {
	struct es_process_tree tree = {0};
	process_tree_read(&tree, NULL, 0);
	for (size_t i = 0; i < tree.n; i++) {
		const struct es_process *process = &tree.processes[i];
		if (process->parent == getpid() && !process->zombie &&
				find(children, process->pid) == NULL) {
			children_watch(children, process->pid, ignore_end, NULL);
		}
	}
	process_tree_finish(&tree);
}

static pid_t *list_watched(const struct es_children *children) {
	pid_t *pids = calloc(children->n + 1, sizeof(*pids));
	for (size_t i = 0; pids != NULL && i < children->n; i++) {
		pids[i] = children->items[i].pid;
	}
	return pids;
}

size_t children_signal_strangers(const struct es_children *children, int signal) {
	pid_t *keep = list_watched(children);
	if (keep == NULL) {
		return 0; // without the list, other sessions would be hit
	}
	size_t n = process_signal_descendants(signal, keep, children->n);
	free(keep);
	return n;
}

void children_kill_strangers(const struct es_children *children) {
	pid_t *keep = list_watched(children);
	if (keep != NULL) {
		process_end_descendants(0, keep, children->n);
	}
	free(keep);
}
