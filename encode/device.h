// What buffers of the display are imported on: the CPU, which maps them, or a GPU through one of its
// interfaces. One per encoder process; encoders of the same family share it.
//
// Implementations are tables of functions, one file per family; all calls on the encode thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/convert.h"
#include "protocol/frame_msg.h"

// A buffer as the device knows it, imported once for all its frames.
struct es_import {
	uint64_t id;
	struct es_frame_buffer buffer; // as announced
	int fd; // of plane 0, owned, to fence reads; -1 for memory
	uint64_t last_used;
	// The device's own. `map` and `pixels` are for devices that map: read only under
	// sigbus_guard_run, between device_begin_read and device_end_read.
	struct es_pixels pixels;
	void *map;
	size_t map_size;
	void *handle; // surface, image, ...
};

struct es_device;

struct es_device_impl {
	const char *name; // as in messages: "CPU", "VA-API", "Vulkan"
	bool maps; // imports have pixels, pictures are converted on the CPU
	bool blends_cursor, scales, takes_fences; // as in ES_FRAME_FORMATS
	// `node`: path of a render node, "": the first that does. NULL, with the reason in `why`: not
	// available here (no driver, no library, no such device). Quiet: absence is not an error.
	struct es_device *(*create)(const char *node, char *why, size_t cap);
	void (*destroy)(struct es_device *device);
	// What may be scanned out directly; at most `cap` entries. 0: memory only.
	size_t (*formats)(struct es_device *device, struct es_frame_format *out, size_t cap);
	// Fills pixels or handle from a buffer that is valid in itself; `fds` stay the caller's. False,
	// with a reason (a constant), for what cannot be read: never guesses a layout.
	bool (*import)(
			struct es_device *device, const int *fds, struct es_import *import, const char **why);
	void (*drop)(struct es_device *device, struct es_import *import);
};

// First member of every implementation's struct.
struct es_device {
	const struct es_device_impl *impl;
	bool no_cursor, no_scaling, no_fences; // what this one lacks of what its family can
	const char *
			without; // classes of formats (format_class.h) that it gets wrong, borrowed; NULL: none
};

struct es_device *device_create(
		const struct es_device_impl *impl, const char *node, char *why, size_t cap);
void device_destroy(struct es_device *device); // NULL is fine
bool device_maps(const struct es_device *device);
bool device_blends_cursor(const struct es_device *device);
bool device_scales(const struct es_device *device);
bool device_takes_fences(const struct es_device *device);
// All but those of `without`.
size_t device_formats(struct es_device *device, struct es_frame_format *out, size_t cap);
// `import` brings id, buffer and fd; what the device keeps is given back by device_drop.
bool device_import(
		struct es_device *device, const int *fds, struct es_import *import, const char **why);
void device_drop(struct es_device *device, struct es_import *import);

// Around reading mapped pixels: waits for the writer, and for its caches where the kernel asks for it.
bool device_begin_read(const struct es_import *import);
void device_end_read(const struct es_import *import);
