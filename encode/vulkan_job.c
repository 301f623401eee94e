#include "encode/vulkan_job.h"

bool vulkan_job_begin(struct es_vulkan_gpu *gpu, struct es_vulkan_job *job) {
	const struct es_vulkan_api *vk = &gpu->vk;
	VkCommandBufferBeginInfo info = {
			.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
			.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};
	return (job->submission == 0 || vulkan_gpu_wait(gpu, job->submission)) &&
			vk->ResetCommandBuffer(job->commands, 0) == VK_SUCCESS &&
			vk->BeginCommandBuffer(job->commands, &info) == VK_SUCCESS;
}

bool vulkan_job_end(
		struct es_vulkan_gpu *gpu, struct es_vulkan_job *job, const struct es_vulkan_order *order) {
	if (gpu->vk.EndCommandBuffer(job->commands) != VK_SUCCESS) {
		return false;
	}
	job->submission = vulkan_gpu_submit(gpu, job->commands, order);
	return job->submission != 0;
}

void vulkan_job_barriers(const struct es_vulkan_gpu *gpu, VkCommandBuffer commands,
		const VkMemoryBarrier2 *memory, const VkImageMemoryBarrier2 *images, uint32_t n_images) {
	VkDependencyInfo info = {
			.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
			.memoryBarrierCount = memory != NULL ? 1 : 0,
			.pMemoryBarriers = memory,
			.imageMemoryBarrierCount = n_images,
			.pImageMemoryBarriers = images,
	};
	gpu->vk.CmdPipelineBarrier2(commands, &info);
}

VkImageMemoryBarrier2 vulkan_image_barrier(VkImage image, VkImageAspectFlags aspect) {
	return (VkImageMemoryBarrier2){
			.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
			.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
			.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
			.image = image,
			.subresourceRange = {aspect, 0, 1, 0, 1},
	};
}

void vulkan_job_turn(const struct es_vulkan_gpu *gpu, VkCommandBuffer commands) {
	VkMemoryBarrier2 barrier = {
			.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
			.srcStageMask =
					VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_TRANSFER_BIT,
			.srcAccessMask = VK_ACCESS_2_SHADER_WRITE_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT,
			.dstStageMask =
					VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_TRANSFER_BIT,
			.dstAccessMask = VK_ACCESS_2_SHADER_READ_BIT | VK_ACCESS_2_SHADER_WRITE_BIT |
					VK_ACCESS_2_TRANSFER_READ_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT,
	};
	vulkan_job_barriers(gpu, commands, &barrier, NULL, 0);
}
