#include "encode/nvenc_input.h"

#define PITCH_ALIGN UINT32_C(512)

static bool share_buffer(
		struct es_nvenc_input *input, const struct es_vulkan_gpu *gpu, const struct es_cuda *cuda) {
	VkMemoryGetFdInfoKHR info = {
			.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
			.memory = input->buffer.memory,
			.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	int fd;
	return gpu->vk.GetMemoryFdKHR(gpu->device, &info, &fd) == VK_SUCCESS &&
			cuda_import_memory(cuda, fd, input->buffer.size, &input->memory);
}

static bool create_timeline(struct es_nvenc_input *input, const struct es_vulkan_gpu *gpu) {
	VkExportSemaphoreCreateInfo export = {
			.sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
			.handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	VkSemaphoreTypeCreateInfo type = {
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
			.pNext = &export,
			.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	VkSemaphoreCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
			.pNext = &type,
	};
	return gpu->vk.CreateSemaphore(gpu->device, &info, NULL, &input->written) == VK_SUCCESS;
}

static bool share_timeline(
		struct es_nvenc_input *input, const struct es_vulkan_gpu *gpu, const struct es_cuda *cuda) {
	VkSemaphoreGetFdInfoKHR info = {
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
			.semaphore = input->written,
			.handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	int fd;
	if (gpu->vk.GetSemaphoreFdKHR == NULL ||
			gpu->vk.GetSemaphoreFdKHR(gpu->device, &info, &fd) != VK_SUCCESS) {
		return false;
	}
	input->written_in_cuda = cuda_import_timeline(cuda, fd);
	return input->written_in_cuda != NULL;
}

bool nvenc_input_init(struct es_nvenc_input *input, const struct es_vulkan_gpu *gpu,
		const struct es_cuda *cuda, const struct es_mode *mode, const struct es_colour *colour) {
	*input = (struct es_nvenc_input){0};
	if (!gpu->exports_memory) {
		return false;
	}
	uint32_t width = (mode->width + 1) & ~UINT32_C(1), sample = colour->depth > 8 ? 2 : 1;
	input->rows = (mode->height + 1) & ~UINT32_C(1);
	input->pitch = (width * sample + PITCH_ALIGN - 1) & ~(PITCH_ALIGN - 1);
	VkDeviceSize size = (VkDeviceSize)input->pitch * (input->rows + input->rows / 2);
	return vulkan_buffer_init(gpu, &input->buffer, size, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
				   ES_VULKAN_EXPORTED) &&
			share_buffer(input, gpu, cuda) && create_timeline(input, gpu) &&
			share_timeline(input, gpu, cuda);
}

void nvenc_input_finish(
		struct es_nvenc_input *input, const struct es_vulkan_gpu *gpu, const struct es_cuda *cuda) {
	cuda_drop_semaphore(cuda, input->written_in_cuda);
	cuda_drop_memory(cuda, &input->memory);
	// What a lost GPU might still be using, goes with the process.
	if (!gpu->lost) {
		gpu->vk.DestroySemaphore(gpu->device, input->written, NULL);
		vulkan_buffer_finish(gpu, &input->buffer);
	}
	*input = (struct es_nvenc_input){0};
}

bool nvenc_input_write(struct es_nvenc_input *input, struct es_vulkan_converter *converter,
		const struct es_cuda *cuda, const struct es_cursor_view *cursor) {
	struct es_vulkan_target target = {
			.buffer = input->buffer.buffer,
			.offset = {0, (VkDeviceSize)input->pitch * input->rows},
			.pitch = input->pitch,
	};
	struct es_vulkan_order order = {
			.signal = {{input->written, input->n_written + 1}},
			.n_signal = 1,
	};
	return vulkan_converter_write(converter, cursor, &target, &order) &&
			cuda_wait_for(cuda, input->written_in_cuda, ++input->n_written);
}
