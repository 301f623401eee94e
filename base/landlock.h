// Landlock: what a process gives up of files, TCP and other processes, as far as the kernel knows it.
#pragma once

#include <stdbool.h>

// The kernel's version of it; 0: it has none, or it is switched off.
int landlock_abi(void);

#define ES_LANDLOCK_ABI_NET 4 // TCP
#define ES_LANDLOCK_ABI_SCOPE 6 // abstract sockets and signals

struct es_landlock {
	bool any_file; // files are not restricted
	// Paths at or below which files may be read, and such that may be written and used as devices,
	// too. Each list ends with NULL, NULL: none. What does not exist is left out.
	const char *const *readable;
	const char *const *devices;
};

// The calling thread, and those that it starts, may from now on open no other files, use no TCP port,
// and reach no abstract socket and no process from before: signals, ptrace, what /proc hides from
// others. Needs no_new_privs. Returns the version it was done with; 0 with errno: nothing was done.
int landlock_apply(const struct es_landlock *rights);
