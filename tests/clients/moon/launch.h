// /launch and /resume.
#pragma once

#include "tests/clients/moon/play.h"

// sessionUrl0 into url[cap], the key used into key and its id. False after a "launched" line that says
// why not.
bool launch_app(
		struct es_moon_options *options, char *url, size_t cap, uint8_t key[16], int32_t *key_id);
