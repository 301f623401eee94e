// The part of doctor that looks at the encoders: every rung of the ladder, tried here and now, with its
// reason where it cannot be used. What it finds out about hardware is what sessions go by from then on.
#pragma once

#include <stdbool.h>

#include "host/findings.h"
#include "host/ladder.h"

// True if there is one that works.
bool doctor_check_encoders(struct es_findings *findings, struct es_ladder_facts *facts);
