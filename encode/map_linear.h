// Maps linear pixels of memory or of a DMA-BUF for reading.
#pragma once

#include <stdbool.h>

#include "encode/device.h"

// Fills map and pixels of an import that brings its buffer. `fds` stay the caller's; of a DMA-BUF there
// is one for each plane. False, with a reason (a constant), if the memory is smaller than its
// description says, or the pixels are of a format that cannot be converted. The modifier is for the
// caller to check.
bool map_linear(const int *fds, struct es_import *import, const char **why);
void map_linear_undo(struct es_import *import); // also of one that was never mapped
