// The summary of a run as JSON (design: stages and statistics).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/run_summary.h"

// The JSON text, ended by a newline; the caller frees it. NULL: out of memory.
char *stats_json_text(const struct es_run_summary *summary, size_t *size);

// Whether the file can be written at the end: false after a logged error.
bool stats_json_check(const char *path);

// Writes it: whole or not at all (a temporary name, then a rename), straight into what is no
// regular file; "-" is standard output. False after a logged error.
bool stats_json_write(const char *path, const struct es_run_summary *summary);
