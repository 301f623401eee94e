// File descriptors: -1 when unset, always close-on-exec, dup when kept.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Closes *fd if it is set and sets it to -1.
void fd_close(int *fd);

// A close-on-exec duplicate, or -1 with errno.
int fd_dup(int fd);

bool fd_set_cloexec(int fd, bool cloexec);
bool fd_set_nonblock(int fd, bool nonblock);

// A memfd of `size` bytes whose size is sealed (no shrink, no grow), named for
// /proc; or -1 with errno. The caller owns it.
int fd_create_sealed_memfd(const char *name, size_t size);

// Writes all of `size` bytes, going on after partial writes and EINTR.
// False with errno on the first failure (bytes before it are written).
bool fd_write_all(int fd, const void *data, size_t size);
