// What the display may do: all that a desktop does, but no network, and no programs (see spawner.h).
#pragma once

#include "base/confine.h"

extern const struct es_confinement display_rights;
