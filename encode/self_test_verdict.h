// Whether a decoded picture of the self-test is what was drawn, and if not, in words, what became of it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/decode_back.h"
#include "protocol/mode.h"

// False with the reason in why[cap].
bool verdict_of(const struct es_decoded *picture, const struct es_mode *mode,
		const struct es_colour *colour, uint32_t frame, char *why, size_t cap);
