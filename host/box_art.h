// The picture of an app that has none of its own, compiled in.
#pragma once

#include <stddef.h>

extern const unsigned char box_art_png[]; // 600x800
extern const size_t box_art_png_size;
