// What the threads of a process have had of the processors, and waited for.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct es_run_time {
	int64_t cpu_ns; // of all its threads, so far
	int64_t wait_ns; // ready to run, while others had the processors; without a wait that lasts still
	unsigned n_ready; // threads that run, or would
};

// As the kernel counts it now. False: there is no such process, or the kernel does not count.
bool run_time_read(pid_t pid, struct es_run_time *out);
