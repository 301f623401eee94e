#include "encode/vulkan_source.h"

#include <string.h>

#include <drm_fourcc.h>

#define BYTES_PER_PIXEL 4

const uint32_t vulkan_source_fourccs[] = {
		DRM_FORMAT_XRGB8888,
		DRM_FORMAT_ARGB8888,
		DRM_FORMAT_XBGR8888,
		DRM_FORMAT_ABGR8888,
		DRM_FORMAT_XRGB2101010,
		DRM_FORMAT_ARGB2101010,
		DRM_FORMAT_XBGR2101010,
		DRM_FORMAT_ABGR2101010,
		0,
};

VkFormat vulkan_source_format(uint32_t fourcc) {
	switch (fourcc) {
	case DRM_FORMAT_XRGB8888:
	case DRM_FORMAT_ARGB8888:
		return VK_FORMAT_B8G8R8A8_UNORM;
	case DRM_FORMAT_XBGR8888:
	case DRM_FORMAT_ABGR8888:
		return VK_FORMAT_R8G8B8A8_UNORM;
	case DRM_FORMAT_XRGB2101010:
	case DRM_FORMAT_ARGB2101010:
		return VK_FORMAT_A2R10G10B10_UNORM_PACK32;
	case DRM_FORMAT_XBGR2101010:
	case DRM_FORMAT_ABGR2101010:
		return VK_FORMAT_A2B10G10R10_UNORM_PACK32;
	default:
		return VK_FORMAT_UNDEFINED;
	}
}

bool vulkan_source_init_staged(const struct es_vulkan_gpu *gpu, struct es_vulkan_source *source,
		uint32_t fourcc, uint32_t width, uint32_t height, const char **why) {
	*source = (struct es_vulkan_source){0};
	VkFormat format = vulkan_source_format(fourcc);
	if (format == VK_FORMAT_UNDEFINED) {
		*why = "its pixel format cannot be converted";
		return false;
	}
	if (!vulkan_image_init(gpu, &source->image, format, width, height,
				VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT) ||
			!vulkan_buffer_init(gpu, &source->staging,
					(VkDeviceSize)width * height * BYTES_PER_PIXEL,
					VK_BUFFER_USAGE_TRANSFER_SRC_BIT, ES_VULKAN_MAPPED)) {
		vulkan_buffer_finish(gpu, &source->staging);
		vulkan_image_finish(gpu, &source->image);
		*why = "the GPU has no room for it";
		return false;
	}
	return true;
}

void vulkan_source_finish(struct es_vulkan_gpu *gpu, struct es_vulkan_source *source) {
	// What a lost GPU might still be using, goes with the process.
	if (vulkan_gpu_wait(gpu, source->used)) {
		vulkan_buffer_finish(gpu, &source->staging);
		vulkan_image_finish(gpu, &source->image);
	}
}

void vulkan_source_fill(struct es_vulkan_source *source, const struct es_pixels *pixels) {
	size_t row = (size_t)source->image.width * BYTES_PER_PIXEL;
	for (uint32_t y = 0; y < source->image.height; y++) {
		memcpy((uint8_t *)source->staging.map + y * row, pixels->data + (size_t)y * pixels->stride,
				row);
	}
}
