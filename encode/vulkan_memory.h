// Images and buffers of a GPU, each with its own memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/vulkan_gpu.h"

struct es_vulkan_image {
	VkImage image;
	VkDeviceMemory memory;
	VkImageView view;
	VkFormat format;
	uint32_t width, height;
};

struct es_vulkan_buffer {
	VkBuffer buffer;
	VkDeviceMemory memory;
	void *map; // NULL: only the GPU reads and writes it
	VkDeviceSize size; // of the memory, at least what was asked for
};

enum es_vulkan_where {
	ES_VULKAN_MAPPED, // the CPU reads and writes it
	ES_VULKAN_EXPORTED, // on the GPU, for other interfaces to it
};

// All: false without memory; finish is legal then too, and after all zeros.
bool vulkan_image_init(const struct es_vulkan_gpu *gpu, struct es_vulkan_image *image,
		VkFormat format, uint32_t width, uint32_t height, VkImageUsageFlags usage);
// The view of an image that has its memory.
bool vulkan_image_view(const struct es_vulkan_gpu *gpu, struct es_vulkan_image *image);
void vulkan_image_finish(const struct es_vulkan_gpu *gpu, struct es_vulkan_image *image);

bool vulkan_buffer_init(const struct es_vulkan_gpu *gpu, struct es_vulkan_buffer *buffer,
		VkDeviceSize size, VkBufferUsageFlags usage, enum es_vulkan_where where);
void vulkan_buffer_finish(const struct es_vulkan_gpu *gpu, struct es_vulkan_buffer *buffer);

// Of the memory types in `bits`, the first that has all `flags`; false: none.
bool vulkan_memory_type(const struct es_vulkan_gpu *gpu, uint32_t bits, VkMemoryPropertyFlags flags,
		uint32_t *type);
