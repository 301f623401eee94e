// Text as Unicode allows it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Whole characters and no NUL: no overlong forms, surrogates or code points past U+10FFFF.
bool utf8_valid(const char *text, size_t size);
