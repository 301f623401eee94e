// Does what an encoder returned begin as an access unit must? Finds drivers that return noise, nothing or
// the wrong kind of picture; of what the picture shows it knows nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

// `idr`: what the encoder says it is. NULL: it does; else a reason (a constant). Looks at headers only.
const char *unit_check(enum es_codec codec, const uint8_t *data, size_t size, bool idr);
