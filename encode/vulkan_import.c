#include "encode/vulkan_import.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drm_fourcc.h>

#include "base/fd.h"

#define MAX_MODIFIERS 128
#define BYTES_PER_PIXEL 4 // of all formats

// Their last plane is a colour that whole parts of the picture have: readers that pass it by show what
// lay in the memory before.
static bool has_clear_colour(uint64_t modifier) {
	return modifier == I915_FORMAT_MOD_Y_TILED_GEN12_RC_CCS_CC ||
			modifier == I915_FORMAT_MOD_4_TILED_DG2_RC_CCS_CC ||
			modifier == I915_FORMAT_MOD_4_TILED_MTL_RC_CCS_CC;
}

// As the GPU knows the modifier with that format: planes of memory; 0: it cannot be sampled.
static uint32_t count_planes(
		uint64_t modifier, const VkDrmFormatModifierPropertiesEXT *list, uint32_t n) {
	for (uint32_t i = 0; i < n; i++) {
		if (list[i].drmFormatModifier == modifier) {
			VkFormatFeatureFlags features = list[i].drmFormatModifierTilingFeatures;
			return (features & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT) != 0
					? list[i].drmFormatModifierPlaneCount
					: 0;
		}
	}
	return 0;
}

static uint32_t list_modifiers(const struct es_vulkan_gpu *gpu, VkFormat format,
		VkDrmFormatModifierPropertiesEXT list[MAX_MODIFIERS]) {
	VkDrmFormatModifierPropertiesListEXT modifiers = {
			.sType = VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT,
			.drmFormatModifierCount = MAX_MODIFIERS,
			.pDrmFormatModifierProperties = list,
	};
	VkFormatProperties2 properties = {
			.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
			.pNext = &modifiers,
	};
	gpu->vk.GetPhysicalDeviceFormatProperties2(gpu->physical, format, &properties);
	return modifiers.drmFormatModifierCount;
}

// Whether images of that size can be imported and sampled.
static bool can_import(const struct es_vulkan_gpu *gpu, VkFormat format, uint64_t modifier,
		uint32_t width, uint32_t height) {
	VkPhysicalDeviceImageDrmFormatModifierInfoEXT drm = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT,
			.drmFormatModifier = modifier,
			.sharingMode = VK_SHARING_MODE_EXCLUSIVE,
	};
	VkPhysicalDeviceExternalImageFormatInfo external = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
			.pNext = &drm,
			.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
	};
	VkPhysicalDeviceImageFormatInfo2 info = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
			.pNext = &external,
			.format = format,
			.type = VK_IMAGE_TYPE_2D,
			.tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
			.usage = VK_IMAGE_USAGE_SAMPLED_BIT,
	};
	VkExternalImageFormatProperties imported = {
			.sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
	};
	VkImageFormatProperties2 properties = {
			.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
			.pNext = &imported,
	};
	if (gpu->vk.GetPhysicalDeviceImageFormatProperties2(gpu->physical, &info, &properties) !=
			VK_SUCCESS) {
		return false;
	}
	VkExtent3D most = properties.imageFormatProperties.maxExtent;
	return (imported.externalMemoryProperties.externalMemoryFeatures &
				   VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0 &&
			width <= most.width && height <= most.height;
}

// Of one format: the linear layout, or all others. How many were added to out[n..cap).
static size_t add_modifiers(const struct es_vulkan_gpu *gpu, uint32_t fourcc, bool linear,
		struct es_frame_format *out, size_t n, size_t cap) {
	VkDrmFormatModifierPropertiesEXT list[MAX_MODIFIERS];
	VkFormat format = vulkan_source_format(fourcc);
	uint32_t n_modifiers = list_modifiers(gpu, format, list);
	size_t added = 0;
	for (uint32_t k = 0; k < n_modifiers && n + added < cap; k++) {
		uint64_t modifier = list[k].drmFormatModifier;
		uint32_t planes = count_planes(modifier, list, n_modifiers);
		if ((modifier == DRM_FORMAT_MOD_LINEAR) == linear && planes >= 1 &&
				planes <= ES_FRAME_MAX_PLANES && !has_clear_colour(modifier) &&
				can_import(gpu, format, modifier, 1, 1)) {
			out[n + added++] = (struct es_frame_format){fourcc, modifier};
		}
	}
	return added;
}

// First what everybody can allocate, so that it is there however many others there are.
size_t vulkan_import_formats(
		const struct es_vulkan_gpu *gpu, struct es_frame_format *out, size_t cap) {
	size_t n = 0;
	for (int pass = 0; pass < 2 && gpu->imports_dmabufs; pass++) {
		for (size_t i = 0; vulkan_source_fourccs[i] != 0; i++) {
			n += add_modifiers(gpu, vulkan_source_fourccs[i], pass == 0, out, n, cap);
		}
	}
	return n;
}

// All planes lie in the same memory, whatever the fds' numbers.
static bool is_one_object(const int *fds, uint32_t n) {
	struct stat first, other;
	if (fstat(fds[0], &first) != 0) {
		return false;
	}
	for (uint32_t i = 1; i < n; i++) {
		if (fstat(fds[i], &other) != 0 || other.st_dev != first.st_dev ||
				other.st_ino != first.st_ino) {
			return false;
		}
	}
	return true;
}

// Of a layout that is the driver's own, only it knows what there must be.
static bool is_large_enough(const struct es_frame_buffer *buffer, int fd) {
	off_t end = lseek(fd, 0, SEEK_END);
	uint64_t size = end > 0 ? (uint64_t)end : 0;
	for (uint32_t i = 0; i < buffer->n_planes; i++) {
		if (buffer->offset[i] >= size) {
			return false;
		}
	}
	return buffer->modifier != DRM_FORMAT_MOD_LINEAR ||
			buffer->offset[0] + (uint64_t)buffer->stride[0] * (buffer->height - 1) +
					(uint64_t)buffer->width * BYTES_PER_PIXEL <=
			size;
}

static bool check_buffer(const struct es_vulkan_gpu *gpu, const struct es_frame_buffer *buffer,
		const int *fds, VkFormat format, const char **why) {
	VkDrmFormatModifierPropertiesEXT list[MAX_MODIFIERS];
	if (buffer->kind != ES_BUFFER_DMABUF || !gpu->imports_dmabufs) {
		*why = "the GPU imports DMA-BUFs only, or none at all";
		return false;
	}
	if (format == VK_FORMAT_UNDEFINED || has_clear_colour(buffer->modifier)) {
		*why = "its format or modifier is none that was offered";
		return false;
	}
	uint32_t n = list_modifiers(gpu, format, list);
	uint32_t planes = count_planes(buffer->modifier, list, n);
	if (planes == 0 || !can_import(gpu, format, buffer->modifier, buffer->width, buffer->height)) {
		*why = "its format or modifier is none that was offered";
		return false;
	}
	if (planes != buffer->n_planes) {
		*why = "it has another number of planes than its modifier";
		return false;
	}
	if (!is_one_object(fds, buffer->n_planes)) {
		*why = "its planes lie in different memory";
		return false;
	}
	if (!is_large_enough(buffer, fds[0])) {
		*why = "its memory is too small";
		return false;
	}
	if (buffer->modifier == DRM_FORMAT_MOD_LINEAR &&
			buffer->stride[0] < buffer->width * BYTES_PER_PIXEL) {
		*why = "its stride is out of range";
		return false;
	}
	return true;
}

static bool create_image(const struct es_vulkan_gpu *gpu, const struct es_frame_buffer *buffer,
		struct es_vulkan_image *image) {
	VkSubresourceLayout layouts[ES_FRAME_MAX_PLANES] = {0};
	for (uint32_t i = 0; i < buffer->n_planes; i++) {
		layouts[i].offset = buffer->offset[i];
		layouts[i].rowPitch = buffer->stride[i];
	}
	VkImageDrmFormatModifierExplicitCreateInfoEXT drm = {
			.sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT,
			.drmFormatModifier = buffer->modifier,
			.drmFormatModifierPlaneCount = buffer->n_planes,
			.pPlaneLayouts = layouts,
	};
	VkExternalMemoryImageCreateInfo external = {
			.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
			.pNext = &drm,
			.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
	};
	VkImageCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
			.pNext = &external,
			.imageType = VK_IMAGE_TYPE_2D,
			.format = image->format,
			.extent = {buffer->width, buffer->height, 1},
			.mipLevels = 1,
			.arrayLayers = 1,
			.samples = VK_SAMPLE_COUNT_1_BIT,
			.tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
			.usage = VK_IMAGE_USAGE_SAMPLED_BIT,
			.sharingMode = VK_SHARING_MODE_EXCLUSIVE,
			.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
	};
	if (gpu->vk.CreateImage(gpu->device, &info, NULL, &image->image) != VK_SUCCESS) {
		image->image = VK_NULL_HANDLE;
		return false;
	}
	return true;
}

static bool import_memory(
		const struct es_vulkan_gpu *gpu, int dmabuf, struct es_vulkan_image *image) {
	VkMemoryFdPropertiesKHR properties = {.sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR};
	VkMemoryRequirements needs;
	gpu->vk.GetImageMemoryRequirements(gpu->device, image->image, &needs);
	VkExternalMemoryHandleTypeFlagBits type = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
	VkMemoryDedicatedAllocateInfo dedicated = {
			.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
			.image = image->image,
	};
	VkImportMemoryFdInfoKHR import = {
			.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
			.pNext = &dedicated,
			.handleType = type,
			.fd = -1,
	};
	VkMemoryAllocateInfo info = {
			.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
			.pNext = &import,
			.allocationSize = needs.size,
	};
	if (gpu->vk.GetMemoryFdPropertiesKHR(gpu->device, type, dmabuf, &properties) != VK_SUCCESS ||
			!vulkan_memory_type(gpu, properties.memoryTypeBits & needs.memoryTypeBits, 0,
					&info.memoryTypeIndex)) {
		return false;
	}
	import.fd = fd_dup(dmabuf);
	if (import.fd < 0 ||
			gpu->vk.AllocateMemory(gpu->device, &info, NULL, &image->memory) != VK_SUCCESS) {
		image->memory = VK_NULL_HANDLE;
		fd_close(&import.fd); // the driver's only if it took it
		return false;
	}
	return gpu->vk.BindImageMemory(gpu->device, image->image, image->memory, 0) == VK_SUCCESS;
}

bool vulkan_import(const struct es_vulkan_gpu *gpu, const struct es_frame_buffer *buffer,
		const int *fds, struct es_vulkan_source *source, const char **why) {
	*source = (struct es_vulkan_source){
			.image =
					{
							.format = vulkan_source_format(buffer->fourcc),
							.width = buffer->width,
							.height = buffer->height,
					},
	};
	struct es_vulkan_image *image = &source->image;
	if (!check_buffer(gpu, buffer, fds, image->format, why)) {
		return false;
	}
	if (!create_image(gpu, buffer, image) || !import_memory(gpu, fds[0], image) ||
			!vulkan_image_view(gpu, image)) {
		vulkan_image_finish(gpu, image);
		*why = "the GPU's driver refuses it";
		return false;
	}
	return true;
}
