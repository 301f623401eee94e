// Child processes: started clean, watched, and ended with all their descendants.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Makes the calling process the reaper of orphaned descendants, so that a
// daemonising child cannot escape (PR_SET_CHILD_SUBREAPER).
bool process_become_subreaper(void);

// Restores in a forked child what the parent changed for itself: signal mask, ignored signals
// (but SIGHUP: nohup reaches through), limit of open files; and asks for `death_signal` when
// the thread that forked ends (0 = none). A parent that died before this call is not noticed:
// compare getppid() afterwards where it matters.
// Async-signal-safe; call between fork and exec.
void process_prepare_child(int death_signal);

// Sends `signal` to every living descendant of the calling process except the pids in `keep`
// (they and their descendants are spared). Returns how many were there. Never blocks.
size_t process_signal_descendants(int signal, const pid_t *keep, size_t n_keep);

// Ends every descendant (but `keep`): TERM, waits up to grace_ms for them to go, then KILL
// (at once if grace_ms is 0). Reaps the children that end meanwhile, so that their status is
// lost; those that had ended before stay for whoever waits for them. Returns when none is left
// but those that cannot be signalled (another user's) or killed within 5 s (hanging in the
// kernel), which it logs. Blocks; sleeps on pidfds.
void process_end_descendants(int grace_ms, const pid_t *keep, size_t n_keep);

// The shell's convention: exit code, or 128 + signal number. `status` from waitpid.
int process_exit_code(int status);
// "was killed by signal 9 (Killed)", "exited with status 1"; returns out. `status` from waitpid.
const char *process_describe_status(int status, char *out, size_t cap);

struct es_process_usage {
	long long cpu_us; // user + system
	long peak_rss_kib;
};
// Of the calling process alone, without its children.
struct es_process_usage process_usage(void);
// To be called before the process gives up opening files: process_usage then reads one that stays open.
void process_keep_usage(void);

// Raises the soft limit of open files to the hard one. Keeps the old limit for children:
// process_prepare_child puts it back.
void process_raise_nofile(void);
