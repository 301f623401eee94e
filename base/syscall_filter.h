// Which system calls a process may make: the seccomp filter.
#pragma once

#include <stdbool.h>

// Whether the kernel has filters.
bool syscall_filter_available(void);

// From now on the calling thread, and those that it starts, may make the calls that everybody needs, and
// those of `rights` (enum es_right, base/confine.h). Others fail, or end the process (`kill`); those that
// libraries try and do without fail in any case. Needs no_new_privs. False with errno.
bool syscall_filter_apply(unsigned rights, bool kill);
