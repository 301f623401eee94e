// Names everything that decides whether an encoder works: what was proved under one key counts only
// under the same.
#pragma once

#include <stddef.h>

#include "host/gpu.h"

#define ES_DRIVER_KEY_SIZE 17 // 16 hexadecimal digits and NUL
#define ES_BOOT_ID_SIZE 40

// Our version and build, the kernel, and for a GPU its ids, its driver's modules, the libraries that
// drive it (by place, time and size, without opening them) and the environment that they heed. NULL:
// for encoders that need no GPU. `root` as in gpus_find.
void driver_key_make(char out[ES_DRIVER_KEY_SIZE], const struct es_gpu *gpu, const char *root);

// Of this boot of the machine; "" if it cannot be told.
void driver_key_boot(char out[ES_BOOT_ID_SIZE]);
