// How fast is an encoder here? Moving pictures go the very way of a session's, one after the other, for
// about a second.
#pragma once

#include "encode/encoder.h"

// Pictures per second; 0 after a logged error. sigbus_guard_install must have been called. Uses all the
// threads that a session of this mode would.
double speed_test_run(const struct es_encoder_impl *impl, const struct es_mode *mode);
