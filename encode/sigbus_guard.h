// Reading memory that another process may truncate: a fault ends the reading, not us.
#pragma once

#include <stdbool.h>

// Installs the handler. Once per process, before the first sigbus_guard_run; false with errno.
bool sigbus_guard_install(void);

// Runs read(data). False if it touched memory that is not there: it was left in the middle (with
// siglongjmp), so it must own nothing that needs freeing and must only read foreign memory.
// Any thread; does not nest.
bool sigbus_guard_run(void (*read)(void *data), void *data);
