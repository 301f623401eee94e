// Proves an encoder on this machine: a known pattern goes the very way of a session's frames
// (buffer, import, conversion, cursor-less pipeline, encoder) and is decoded and compared: a black, green,
// shifted or wrongly coloured answer fails.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/encoder.h"
#include "protocol/session_msg.h"

struct es_self_test_request {
	const struct es_encoder_impl *impl;
	struct es_mode mode;
	struct es_colour colour;
	const char *node; // render node; "": the first that does
	// Of the buffers; 0: any, and memory will do where there is nothing else. A rung that is asked for a
	// format is shown DMA-BUFs of it.
	uint32_t fourcc;
	uint64_t modifier;
	// How far from its colour a cell may be, in codes of eight bits; 0: as far as what tells right from
	// wrong at any quality.
	uint32_t tolerance;
	// Of the kind; NULL: one is made.
	struct es_device *device;
	uint32_t n_frames; // 0: as many as it takes
};

struct es_self_test_result {
	bool passed;
	bool unavailable; // there is nothing to test or to test with
	double fps; // pictures converted and encoded per second
	char reason[200]; // why not
	// Passed: classes of formats (format_class.h) that it offers and gets wrong. What cannot be tried is
	// not among them.
	char without[ES_SESSION_MAX_FORMATS];
};

// Takes a second or two. sigbus_guard_install must have been called.
struct es_self_test_result self_test_run(const struct es_self_test_request *request);
