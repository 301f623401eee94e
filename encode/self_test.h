// Does an encoder really encode? A known picture goes the very way of a session's (memory buffer, import,
// conversion, encoder), is decoded back and compared: a black, green, shifted or wrongly coloured
// answer fails.
#pragma once

#include <stdbool.h>

#include "encode/encoder.h"

struct es_self_test_result {
	bool passed;
	double fps; // pictures converted and encoded per second
	char reason[160]; // why not
};

// Takes a second or two. sigbus_guard_install must have been called.
struct es_self_test_result self_test_run(
		const struct es_encoder_impl *impl, const struct es_mode *mode);
