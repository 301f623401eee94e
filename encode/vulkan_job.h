// What a converter records again and again, each time when the submission before is done. All on the
// encode thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/vulkan_gpu.h"

struct es_vulkan_job {
	VkCommandBuffer commands; // its owner's
	uint64_t submission; // 0: none yet
};

// Waits for the submission before, and begins to record. False: the GPU is lost.
bool vulkan_job_begin(struct es_vulkan_gpu *gpu, struct es_vulkan_job *job);
// Submits what was recorded. order may be NULL. False: the GPU is lost.
bool vulkan_job_end(
		struct es_vulkan_gpu *gpu, struct es_vulkan_job *job, const struct es_vulkan_order *order);

// Of the whole image, with nothing to wait for and out of VK_IMAGE_LAYOUT_UNDEFINED until told.
VkImageMemoryBarrier2 vulkan_image_barrier(VkImage image, VkImageAspectFlags aspect);
// memory: NULL: none.
void vulkan_job_barriers(const struct es_vulkan_gpu *gpu, VkCommandBuffer commands,
		const VkMemoryBarrier2 *memory, const VkImageMemoryBarrier2 *images, uint32_t n_images);
// Of our own images, which the GPU uses in turn: what is done before is there for what comes.
void vulkan_job_turn(const struct es_vulkan_gpu *gpu, VkCommandBuffer commands);
