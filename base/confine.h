// A process gives up for good what its work does not need: once, after its set-up and before it reads
// what a peer sends. Each room states its needs in a table; this is the mechanism.
//
// What is applied: no new privileges by exec; no capabilities; system calls by groups (seccomp); files,
// TCP, abstract sockets and other processes (Landlock, where the kernel has it); memory that nobody
// may look into, and no core dumps, for who holds keys. The files that are open stay usable.
#pragma once

#include <stdbool.h>

// Beyond what everybody may: compute, start threads, use the fds that it has, make memfds and pipes.
enum es_right {
	ES_RIGHT_READ_FILES = 1 << 0, // open for reading, where Landlock lets it
	ES_RIGHT_DEVICES = 1 << 1, // open devices for writing, too, and drive them by ioctl
	ES_RIGHT_LOAD_CODE = 1 << 2, // shared libraries, code made at run time
	// A desktop's: all but the network, other programs, and what of the kernel only administrators use.
	// Files and other processes as well, and it may have threads already. Alone, without the others.
	ES_RIGHT_DESKTOP = 1 << 3,
};

struct es_confinement {
	unsigned rights; // of enum es_right
	// For Landlock, see base/landlock.h.
	const char *const *readable;
	const char *const *devices;
	bool holds_keys;
};

// Applies it to the calling thread and to all that it starts: to be called before other threads are, but
// for a desktop.
// What the kernel lacks is logged and done without. The environment may say otherwise, for those who
// look for an error: EARTHSHINE_CONFINE=off does nothing of it, =kill ends the process at a system call
// that it may not make, where otherwise that call fails (never one with devices).
void confine(const struct es_confinement *needs);
