#include "encode/vulkan_memory.h"

bool vulkan_memory_type(const struct es_vulkan_gpu *gpu, uint32_t bits, VkMemoryPropertyFlags flags,
		uint32_t *type) {
	for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++) {
		if ((bits >> i & 1) != 0 && (gpu->memory.memoryTypes[i].propertyFlags & flags) == flags) {
			*type = i;
			return true;
		}
	}
	return false;
}

static bool allocate(const struct es_vulkan_gpu *gpu, const VkMemoryRequirements *needs,
		VkMemoryPropertyFlags flags, const void *next, VkDeviceMemory *memory) {
	VkMemoryAllocateInfo info = {
			.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
			.pNext = next,
			.allocationSize = needs->size,
	};
	if (!vulkan_memory_type(gpu, needs->memoryTypeBits, flags, &info.memoryTypeIndex) ||
			gpu->vk.AllocateMemory(gpu->device, &info, NULL, memory) != VK_SUCCESS) {
		*memory = VK_NULL_HANDLE;
		return false;
	}
	return true;
}

bool vulkan_image_view(const struct es_vulkan_gpu *gpu, struct es_vulkan_image *image) {
	VkImageViewCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
			.image = image->image,
			.viewType = VK_IMAGE_VIEW_TYPE_2D,
			.format = image->format,
			.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
	};
	if (gpu->vk.CreateImageView(gpu->device, &info, NULL, &image->view) != VK_SUCCESS) {
		image->view = VK_NULL_HANDLE;
		return false;
	}
	return true;
}

bool vulkan_image_init(const struct es_vulkan_gpu *gpu, struct es_vulkan_image *image,
		VkFormat format, uint32_t width, uint32_t height, VkImageUsageFlags usage) {
	*image = (struct es_vulkan_image){.format = format, .width = width, .height = height};
	VkImageCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
			.imageType = VK_IMAGE_TYPE_2D,
			.format = format,
			.extent = {width, height, 1},
			.mipLevels = 1,
			.arrayLayers = 1,
			.samples = VK_SAMPLE_COUNT_1_BIT,
			.tiling = VK_IMAGE_TILING_OPTIMAL,
			.usage = usage,
			.sharingMode = VK_SHARING_MODE_EXCLUSIVE,
			.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
	};
	if (gpu->vk.CreateImage(gpu->device, &info, NULL, &image->image) != VK_SUCCESS) {
		image->image = VK_NULL_HANDLE;
		return false;
	}
	VkMemoryRequirements needs;
	gpu->vk.GetImageMemoryRequirements(gpu->device, image->image, &needs);
	return allocate(gpu, &needs, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, NULL, &image->memory) &&
			gpu->vk.BindImageMemory(gpu->device, image->image, image->memory, 0) == VK_SUCCESS &&
			vulkan_image_view(gpu, image);
}

void vulkan_image_finish(const struct es_vulkan_gpu *gpu, struct es_vulkan_image *image) {
	gpu->vk.DestroyImageView(gpu->device, image->view, NULL);
	gpu->vk.DestroyImage(gpu->device, image->image, NULL);
	gpu->vk.FreeMemory(gpu->device, image->memory, NULL);
	*image = (struct es_vulkan_image){0};
}

static bool allocate_buffer(const struct es_vulkan_gpu *gpu, struct es_vulkan_buffer *buffer,
		enum es_vulkan_where where) {
	VkMemoryRequirements needs;
	gpu->vk.GetBufferMemoryRequirements(gpu->device, buffer->buffer, &needs);
	buffer->size = needs.size;
	VkMemoryDedicatedAllocateInfo dedicated = {
			.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
			.buffer = buffer->buffer,
	};
	VkExportMemoryAllocateInfo export = {
			.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
			.pNext = &dedicated,
			.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	if (where == ES_VULKAN_EXPORTED) {
		return allocate(gpu, &needs, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, &export, &buffer->memory);
	}
	VkMemoryPropertyFlags mapped =
			VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	return allocate(gpu, &needs, mapped, NULL, &buffer->memory);
}

bool vulkan_buffer_init(const struct es_vulkan_gpu *gpu, struct es_vulkan_buffer *buffer,
		VkDeviceSize size, VkBufferUsageFlags usage, enum es_vulkan_where where) {
	*buffer = (struct es_vulkan_buffer){0};
	VkExternalMemoryBufferCreateInfo external = {
			.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
			.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	VkBufferCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
			.pNext = where == ES_VULKAN_EXPORTED ? &external : NULL,
			.size = size,
			.usage = usage,
			.sharingMode = VK_SHARING_MODE_EXCLUSIVE,
	};
	if (gpu->vk.CreateBuffer(gpu->device, &info, NULL, &buffer->buffer) != VK_SUCCESS) {
		buffer->buffer = VK_NULL_HANDLE;
		return false;
	}
	return allocate_buffer(gpu, buffer, where) &&
			gpu->vk.BindBufferMemory(gpu->device, buffer->buffer, buffer->memory, 0) ==
			VK_SUCCESS &&
			(where != ES_VULKAN_MAPPED ||
					gpu->vk.MapMemory(gpu->device, buffer->memory, 0, VK_WHOLE_SIZE, 0,
							&buffer->map) == VK_SUCCESS);
}

void vulkan_buffer_finish(const struct es_vulkan_gpu *gpu, struct es_vulkan_buffer *buffer) {
	gpu->vk.DestroyBuffer(gpu->device, buffer->buffer, NULL);
	gpu->vk.FreeMemory(gpu->device, buffer->memory, NULL);
	*buffer = (struct es_vulkan_buffer){0};
}
