// Whether apps of sessions can be contained, and which are not.
#pragma once

#include "host/findings.h"
#include "host/settings.h"

// Starts bubblewrap for a moment. settings: NULL: unreadable.
void doctor_check_contain(struct es_findings *findings, const struct es_settings *settings);
