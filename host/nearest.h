// The nearest valid word to one that was mistyped.
#pragma once

#include <stddef.h>

// Of the n words the one that takes the fewest edits to get from `text`, or NULL if all are too far
// off to be what was meant. Borrowed from `words`.
const char *nearest_word(const char *text, const char *const *words, size_t n);
