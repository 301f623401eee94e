// Typed text for apps that speak text-input-v3: whole strings, whatever the keyboard layout.
#pragma once

#include <stdbool.h>

struct es_seat;
struct es_text_input;

// NULL: out of memory. Needs seat->wlr_seat.
struct es_text_input *text_input_create(struct es_seat *seat);
// Before the seat.
void text_input_destroy(struct es_text_input *text_input);

// Commits UTF-8 text to the focused app. False if it has not asked for text.
bool text_input_commit(struct es_text_input *text_input, const char *utf8);
