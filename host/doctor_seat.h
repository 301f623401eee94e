// Who hands out the devices of this machine, for `local-devices`.
#pragma once

struct es_findings;

void doctor_check_seat(struct es_findings *findings);
