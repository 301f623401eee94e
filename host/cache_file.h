// Files under $XDG_CACHE_HOME/earthshine: small, replaced whole, never needed.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ES_CACHE_FILE_MAX 65536

// False: there is no place for it (neither XDG_CACHE_HOME nor HOME).
bool cache_file_path(const char *name, char *out, size_t cap);
// All of it, with a NUL after it; the caller frees. NULL: none, or longer than ES_CACHE_FILE_MAX.
char *cache_file_read(const char *path, size_t *size);
// Replaces the file atomically, making its folder and the one above. False with errno.
bool cache_file_write(const char *path, const char *text, size_t size);
