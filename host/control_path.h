// Where the host and its operator's commands meet: $XDG_RUNTIME_DIR/earthshine/control. Without that
// variable both take /run/user/UID, and where there is none either /tmp/earthshine-UID.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// False if it is too long for a socket's name; the reason is in error[cap] then.
bool control_path(char *path, size_t path_cap, char *error, size_t cap);

// For the host: makes the folders (0700), refuses those of others, and sets XDG_RUNTIME_DIR for all
// that is started later if it is not set. Returns the folder that holds the socket, open, or -1 with
// the reason in error[cap].
int control_path_settle(char *error, size_t cap);
