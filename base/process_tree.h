// The descendants of the calling process, as /proc shows them at one moment.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct es_process {
	pid_t pid, parent, group;
	unsigned long long start; // together with the pid: which process it is
	bool zombie;
	bool kept, descendant;
	bool group_shared; // a process that is kept or no descendant is in its group
};

struct es_process_tree {
	struct es_process *processes; // owned
	size_t n, cap;
};

// Reads all descendants, zombies too, but the pids in `keep` and what descends from them.
// False if the list may be incomplete. *tree is zeroed at first, then used again.
bool process_tree_read(struct es_process_tree *tree, const pid_t *keep, size_t n_keep);
void process_tree_finish(struct es_process_tree *tree);

bool process_tree_add(struct es_process_tree *tree, struct es_process process);
// NULL if there is none with this pid.
const struct es_process *process_tree_find(const struct es_process_tree *tree, pid_t pid);

// A pidfd for exactly this process; -1 with errno, ESRCH if it is gone (its pid may be
// another's by now). The caller owns it.
int process_tree_open(const struct es_process *process);
