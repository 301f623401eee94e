// Whether a decoded picture of the self-test is what was drawn, and if not, in words, what became of it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/decode_back.h"
#include "protocol/mode.h"

struct es_verdict_request {
	const struct es_mode *mode;
	const struct es_colour *colour;
	uint32_t frame;
	uint32_t tolerance; // in codes of eight bits; 0: the usual one
};

// False with the reason in why[cap].
bool verdict_of(const struct es_decoded *picture, const struct es_verdict_request *request,
		char *why, size_t cap);
