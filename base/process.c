#define _GNU_SOURCE // NSIG
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

// What process_raise_nofile found; a child is given it back. Written once, at the start.
static struct rlimit nofile_before;
static bool nofile_raised;

// /proc/self/status where it is kept open, else -1. Written once, at the start.
static int usage_fd = -1;

bool process_become_subreaper(void) {
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

// exec keeps ignored signals ignored. SIGHUP stays as it is found: that is how nohup reaches
// through a program to its children.
static void restore_signals(void) {
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;
		if (number == SIGHUP || sigaction(number, NULL, &action) != 0 ||
				action.sa_handler != SIG_IGN) {
			continue;
		}
		action.sa_handler = SIG_DFL;
		action.sa_flags = 0;
		sigaction(number, &action, NULL);
	}
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void process_prepare_child(int death_signal) {
	restore_signals();
	if (nofile_raised) {
		setrlimit(RLIMIT_NOFILE, &nofile_before);
	}
	if (death_signal != 0) {
		prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0);
	}
}

int process_exit_code(int status) {
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const char *process_describe_status(int status, char *out, size_t cap) {
	if (WIFSIGNALED(status)) {
		snprintf(out, cap, "was killed by signal %d (%s)", WTERMSIG(status),
				strsignal(WTERMSIG(status)));
	} else {
		snprintf(out, cap, "exited with status %d", WEXITSTATUS(status));
	}
	return out;
}

// getrusage's peak counts what ran in this process before exec, so the peak of the memory that
// belongs to this program is asked for first. 0 if the kernel does not say.
static long read_peak_rss_kib(void) {
	char text[4096];
	int fd = usage_fd >= 0 ? usage_fd : open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;
	if (fd != usage_fd) {
		fd_close(&fd);
	}
	if (size <= 0) {
		return 0;
	}
	text[size] = '\0';
	const char *found = strstr(text, "VmHWM:");
	return found != NULL ? strtol(found + strlen("VmHWM:"), NULL, 10) : 0;
}

void process_keep_usage(void) {
	usage_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

struct es_process_usage process_usage(void) {
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	long peak_rss_kib = read_peak_rss_kib();
	return (struct es_process_usage){
			.cpu_us = ((long long)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
					usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
			.peak_rss_kib = peak_rss_kib > 0 ? peak_rss_kib : usage.ru_maxrss,
	};
}

void process_raise_nofile(void) {
	struct rlimit limit;
	if (nofile_raised || getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
			limit.rlim_cur >= limit.rlim_max) {
		return;
	}
	struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
	nofile_before = limit; // before the limit changes, so that a child never finds less
	nofile_raised = setrlimit(RLIMIT_NOFILE, &raised) == 0;
}
