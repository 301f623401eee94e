// How many file descriptors this process has open.
#pragma once

#include <stddef.h>

size_t count_fds(void);
