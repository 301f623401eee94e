// What the kernel has for taking rights from our own processes.
#pragma once

struct es_findings;

void doctor_check_confine(struct es_findings *findings);
