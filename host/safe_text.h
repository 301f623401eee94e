// Texts from the network, made fit for terminals, logs and lists.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Copies UTF-8 text; what is not valid, controls something (a terminal, the direction of writing) or
// is the backslash itself becomes \xNN byte by byte. Cut at a whole character if it does not fit.
void safe_text(char *out, size_t cap, const char *text);
// Valid UTF-8, whatever it does.
bool safe_text_is_utf8(const char *text);
// Valid UTF-8 without any such character.
bool safe_text_is(const char *text);
