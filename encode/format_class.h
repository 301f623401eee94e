// Formats by what an import of them has in common: the pixels, and how they lie in memory. As a word:
// "XR24:linear", "XR24:invalid" (as the driver likes), "XR24:tiled" (all other modifiers).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "protocol/frame_msg.h"

#define ES_FORMAT_CLASS_MAX 16 // a word with its end

void format_class_name(const struct es_frame_format *format, char out[ES_FORMAT_CLASS_MAX]);
// Whether the format is of one of these classes: words with spaces between.
bool format_class_in(const struct es_frame_format *format, const char *words);
