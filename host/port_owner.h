// Who listens on a TCP port of this machine, as far as /proc lets us see.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// "sunshine (pid 123)" into out[cap]. False: nobody, or a process of another user.
bool port_owner(uint16_t port, char *out, size_t cap);
