// What somebody with the hardware can send us: versions, GPUs and what came of trying every encoder on
// them with every kind of buffer. Nothing of the person: no names of user or machine, no paths of theirs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "host/ladder.h"

// One JSON object. False: could not be written. Takes up to some seconds for each encoder and GPU.
bool doctor_report(struct es_ladder_facts *facts, FILE *out);

// Copies the text without what is listed: each of the words, ended by NULL, becomes "(hidden)". Words
// shorter than three bytes say nothing and stay.
void doctor_report_hide(char *out, size_t cap, const char *text, const char *const *words);
