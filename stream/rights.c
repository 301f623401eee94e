#include "stream/rights.h"

const struct es_confinement stream_rights = {.holds_keys = true};
