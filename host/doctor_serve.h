// What `earthshine serve` needs beyond what `run` needs: settings, ports, firewall, Avahi, state.
#pragma once

#include "host/findings.h"

// Blocks for a second at most, when the system bus hangs.
void doctor_check_serve(struct es_findings *findings);
