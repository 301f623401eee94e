// One of our programs, run to its end on the event loop for what it prints.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "host/children.h"
#include "host/proofs.h"

struct es_probe_process;

struct es_probe_start {
	sd_event *event; // borrowed, as children
	struct es_children *children;
	const char *program; // its path
	char *const *argv;
	int limit_ms; // then it is killed
	// From the event loop, once; the process may be destroyed there. One that cannot be killed is given
	// up after another second, and left to whoever reaps.
	void (*ended)(void *data, const struct es_trial *trial);
	void *data;
};

// NULL with errno.
struct es_probe_process *probe_process_start(const struct es_probe_start *start);
// Kills it; `ended` is not called any more. NULL is fine.
void probe_process_destroy(struct es_probe_process *process);
// `ended` follows.
void probe_process_kill(struct es_probe_process *process);
