// Pictures of apps: PNG or JPEG, by what they begin with.
#pragma once

#include <stddef.h>

// "image/png", "image/jpeg", or NULL: it is neither.
const char *app_image_type(const void *data, size_t size);
// The file's bytes, the caller's to free, and their type; NULL if it is no such picture of a sensible
// size.
void *app_image_read(const char *path, size_t *size, const char **type);
