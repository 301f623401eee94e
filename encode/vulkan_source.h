// What is converted: an app's buffer as an image of the GPU, or an image that memory is copied to.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/convert.h"
#include "encode/vulkan_memory.h"

struct es_vulkan_source {
	struct es_vulkan_image image;
	struct es_vulkan_buffer
			staging; // its pixels, rows without padding; no buffer: they are an app's
	uint64_t used; // by this submission, last
};

// DRM_FORMAT_*, ended by 0.
extern const uint32_t vulkan_source_fourccs[];
VkFormat vulkan_source_format(uint32_t fourcc); // VK_FORMAT_UNDEFINED: none of these

// For pixels in memory, of 4 bytes each. False, with the reason (a constant).
bool vulkan_source_init_staged(const struct es_vulkan_gpu *gpu, struct es_vulkan_source *source,
		uint32_t fourcc, uint32_t width, uint32_t height, const char **why);
// Waits until the GPU has read it last.
void vulkan_source_finish(struct es_vulkan_gpu *gpu, struct es_vulkan_source *source);

// Takes the pixels, of the source's size, for the next conversion; not while the one before is under
// way (used). Reads `pixels` only; a fault there may be left by siglongjmp.
void vulkan_source_fill(struct es_vulkan_source *source, const struct es_pixels *pixels);
