#include "compositor/rights.h"

const struct es_confinement display_rights = {.rights = ES_RIGHT_DESKTOP};
