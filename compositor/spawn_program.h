// The programs of a display, in the process that is to become one of them.
#pragma once

#include <stddef.h>

#include "compositor/spawner.h"

struct es_spawn_request {
	enum es_program program;
	const char *texts[ES_SPAWN_MAX_TEXTS + 1]; // NULL at the end
	size_t n_texts;
	int fds[8];
	size_t n_fds;
};

// The app's own process group tells its processes from ours, see app.c.
// Returns only if it fails: the errno.
int spawn_program(const struct es_spawn_request *request, char *const app_argv[]);
