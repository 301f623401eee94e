// The client's side of pairing.
#pragma once

#include <stdbool.h>

#include "tests/clients/moon/web.h"

// Goes through the phases in the given order ("12345" is the legal one) and says how each went
// ("phase" lines), and in the end "paired" with the outcome: "paired", "wrong PIN", or what failed.
// An order that is not the legal one goes on with made-up values where the right ones are missing.
// True: paired, and the host's certificate is kept.
bool pair_with_host(struct es_moon_web *web, struct es_moon_identity *identity, const char *pin,
		const char *device_name, const char *order);
