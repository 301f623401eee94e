// What the streamer may do: nothing but its work on what it was handed.
#pragma once

#include "base/confine.h"

// No files, no sockets, no programs; it holds the keys of its client.
extern const struct es_confinement stream_rights;
