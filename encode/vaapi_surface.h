// Buffers of the display as surfaces of VA-API, imported once; pixels in memory are copied into one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <va/va.h>
#include <va/va_drmcommon.h>

#include "encode/device.h"
#include "encode/vaapi.h"

struct es_vaapi_format {
	uint32_t fourcc; // DRM
	uint32_t opaque; // the same without alpha: what is on the screen has none
	uint32_t va_fourcc; // of that
	uint32_t rt_format;
};

extern const struct es_vaapi_format vaapi_formats[];
extern const size_t n_vaapi_formats;
const struct es_vaapi_format *vaapi_find_format(uint32_t fourcc); // NULL: not convertible

// The memory objects that a buffer's planes lie in: each once, however many fds speak of it.
struct es_vaapi_objects {
	uint32_t n;
	int fds[ES_FRAME_MAX_PLANES]; // borrowed
	uint64_t sizes[ES_FRAME_MAX_PLANES];
	uint32_t of_plane[ES_FRAME_MAX_PLANES]; // index
};
// False with a reason: an fd is no memory.
bool vaapi_find_objects(
		struct es_vaapi_objects *objects, const int *fds, uint32_t n_planes, const char **why);
// What the driver is told. False with a reason: a plane does not lie in its object.
bool vaapi_describe(VADRMPRIMESurfaceDescriptor *out, const struct es_frame_buffer *buffer,
		const struct es_vaapi_format *format, const struct es_vaapi_objects *objects,
		const char **why);

struct es_vaapi_surface {
	VASurfaceID id;
	VAImage image; // memory only: through which pixels get there; image_id VA_INVALID_ID: none
};
// False with a reason. `fds` stay the caller's; VA-API keeps none.
bool vaapi_surface_import(struct es_vaapi *vaapi, struct es_vaapi_surface *surface,
		const struct es_frame_buffer *buffer, const int *fds, const char **why);
// For pixels in memory, to be filled before each use.
bool vaapi_surface_init_staged(struct es_vaapi *vaapi, struct es_vaapi_surface *surface,
		const struct es_frame_buffer *buffer, const char **why);
void vaapi_surface_finish(struct es_vaapi *vaapi, struct es_vaapi_surface *surface);
// Copies the import's pixels. False with a reason.
bool vaapi_surface_fill(struct es_vaapi *vaapi, struct es_vaapi_surface *surface,
		const struct es_import *import, const char **why);
