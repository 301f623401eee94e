// Buffers of apps as images of the GPU.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "encode/vulkan_source.h"
#include "protocol/frame_msg.h"

// What can be imported; at most `cap` entries.
size_t vulkan_import_formats(
		const struct es_vulkan_gpu *gpu, struct es_frame_format *out, size_t cap);

// One fd for each plane, which stay the caller's. False, with the reason (a constant), for what the
// GPU would not read as it is meant.
bool vulkan_import(const struct es_vulkan_gpu *gpu, const struct es_frame_buffer *buffer,
		const int *fds, struct es_vulkan_source *source, const char **why);
