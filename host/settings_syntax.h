// Where the words, quotes and braces of a settings file do not fit together; libscfg itself tells it
// to standard error only.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// False with the line (1..) and what to do about it (a constant).
bool settings_syntax(const char *text, size_t size, int *line, const char **why);
