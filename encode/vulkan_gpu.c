#include "encode/vulkan_gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/dict.h>
#include <libavutil/hwcontext.h>
#include <libavutil/hwcontext_vulkan.h>
#include <libavutil/log.h>

#include "encode/vulkan_find.h"

static const AVVulkanDeviceContext *av_context(const struct es_vulkan_gpu *gpu) {
	return ((const AVHWDeviceContext *)(const void *)gpu->av->data)->hwctx;
}

bool vulkan_gpu_has(const struct es_vulkan_gpu *gpu, const char *extension) {
	const AVVulkanDeviceContext *context = av_context(gpu);
	for (int i = 0; i < context->nb_enabled_dev_extensions; i++) {
		if (strcmp(context->enabled_dev_extensions[i], extension) == 0) {
			return true;
		}
	}
	return false;
}

static bool open_av(struct es_vulkan_gpu *gpu, const struct es_vulkan_found *found) {
	char index[16];
	snprintf(index, sizeof(index), "%u", found->index);
	AVDictionary *options = NULL;
	if (found->foreign_queue) {
		av_dict_set(&options, "device_extensions", VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME, 0);
	}
	int level = av_log_get_level();
	av_log_set_level(AV_LOG_QUIET); // absence is not an error
	int result = av_hwdevice_ctx_create(&gpu->av, AV_HWDEVICE_TYPE_VULKAN, index, options, 0);
	av_log_set_level(level);
	av_dict_free(&options);
	return result == 0;
}

static bool load_functions(struct es_vulkan_gpu *gpu) {
	PFN_vkGetInstanceProcAddr get = av_context(gpu)->get_proc_addr;
	struct es_vulkan_api *vk = &gpu->vk;
	bool all = true;
#define X(name) \
	vk->name = (PFN_vk##name)get(gpu->instance, "vk" #name); \
	all = all && vk->name != NULL;
	VULKAN_INSTANCE_FUNCTIONS(X)
#undef X
	if (!all) {
		return false;
	}
#define X(name) \
	vk->name = (PFN_vk##name)vk->GetDeviceProcAddr(gpu->device, "vk" #name); \
	all = all && vk->name != NULL;
	VULKAN_DEVICE_FUNCTIONS(X)
#undef X
#define X(name) vk->name = (PFN_vk##name)vk->GetDeviceProcAddr(gpu->device, "vk" #name);
	VULKAN_OPTIONAL_FUNCTIONS(X)
#undef X
	return all;
}

// One that does not draw, where there is one: what the app draws then goes on beside it.
static bool find_queue(struct es_vulkan_gpu *gpu) {
	const AVVulkanDeviceContext *context = av_context(gpu);
	int best = -1;
	for (int i = 0; i < context->nb_qf; i++) {
		VkQueueFlags flags = (VkQueueFlags)context->qf[i].flags;
		bool computes = (flags & VK_QUEUE_COMPUTE_BIT) != 0 && context->qf[i].num > 0;
		if (computes && (best < 0 || (flags & VK_QUEUE_GRAPHICS_BIT) == 0)) {
			best = i;
		}
	}
	if (best < 0) {
		return false;
	}
	gpu->family = (uint32_t)context->qf[best].idx;
	gpu->vk.GetDeviceQueue(gpu->device, gpu->family, 0, &gpu->queue);
	return true;
}

static void find_fences(struct es_vulkan_gpu *gpu) {
	if (!vulkan_gpu_has(gpu, VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME)) {
		return;
	}
	VkPhysicalDeviceExternalSemaphoreInfo info = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
			.handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
	};
	VkExternalSemaphoreProperties properties = {
			.sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
	};
	gpu->vk.GetPhysicalDeviceExternalSemaphoreProperties(gpu->physical, &info, &properties);
	VkExternalSemaphoreFeatureFlags features = properties.externalSemaphoreFeatures;
	gpu->imports_fences = gpu->vk.ImportSemaphoreFdKHR != NULL &&
			(features & VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT) != 0;
	gpu->exports_fences = gpu->vk.GetSemaphoreFdKHR != NULL &&
			(features & VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT) != 0;
}

// The library may list its devices in another order next time.
static bool is_found(struct es_vulkan_gpu *gpu, const struct es_vulkan_found *found) {
	VkPhysicalDeviceIDProperties id = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 properties = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
			.pNext = &id,
	};
	gpu->vk.GetPhysicalDeviceProperties2(gpu->physical, &properties);
	memcpy(gpu->uuid, id.deviceUUID, sizeof(gpu->uuid));
	snprintf(gpu->name, sizeof(gpu->name), "%s", properties.properties.deviceName);
	return memcmp(gpu->uuid, found->uuid, sizeof(gpu->uuid)) == 0;
}

static bool create_timeline(struct es_vulkan_gpu *gpu) {
	VkSemaphoreTypeCreateInfo type = {
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
			.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	VkSemaphoreCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
			.pNext = &type,
	};
	return gpu->vk.CreateSemaphore(gpu->device, &info, NULL, &gpu->timeline) == VK_SUCCESS;
}

static bool set_up(
		struct es_vulkan_gpu *gpu, const struct es_vulkan_found *found, char *why, size_t cap) {
	const AVVulkanDeviceContext *context = av_context(gpu);
	gpu->instance = context->inst;
	gpu->physical = context->phys_dev;
	gpu->device = context->act_dev;
	if (!load_functions(gpu)) {
		snprintf(why, cap, "the driver of %s lacks functions of Vulkan 1.3", found->name);
		return false;
	}
	if (!is_found(gpu, found)) {
		snprintf(why, cap, "the devices of Vulkan changed while %s was opened", found->name);
		return false;
	}
	if (!find_queue(gpu) || !create_timeline(gpu) ||
			!context->device_features.features.shaderStorageImageWriteWithoutFormat) {
		snprintf(why, cap, "%s does not compute as the conversion needs it", found->name);
		return false;
	}
	gpu->vk.GetPhysicalDeviceMemoryProperties(gpu->physical, &gpu->memory);
	gpu->foreign_family = vulkan_gpu_has(gpu, VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME)
			? VK_QUEUE_FAMILY_FOREIGN_EXT
			: VK_QUEUE_FAMILY_EXTERNAL;
	gpu->exports_memory = gpu->vk.GetMemoryFdKHR != NULL &&
			vulkan_gpu_has(gpu, VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME);
	gpu->imports_dmabufs = gpu->vk.GetMemoryFdPropertiesKHR != NULL &&
			vulkan_gpu_has(gpu, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME) &&
			vulkan_gpu_has(gpu, VK_EXT_IMAGE_DRM_FORMAT_MODIFIER_EXTENSION_NAME);
	find_fences(gpu);
	return true;
}

// Some drivers list their encoders only when asked to. What the user has set stays.
static void ask_for_encoders(void) {
	setenv("RADV_EXPERIMENTAL", "video_encode", 0); // of Mesa before 26: RADV_PERFTEST
	setenv("ANV_DEBUG", "video-encode", 0);
}

struct es_vulkan_gpu *vulkan_gpu_open(const char *node, bool software, char *why, size_t cap) {
	struct es_vulkan_found found;
	ask_for_encoders();
	if (!vulkan_find(node, software, &found, why, cap)) {
		return NULL;
	}
	struct es_vulkan_gpu *gpu = calloc(1, sizeof(*gpu));
	if (gpu == NULL) {
		snprintf(why, cap, "out of memory");
		return NULL;
	}
	if (!open_av(gpu, &found)) {
		snprintf(why, cap, "libavutil cannot open %s", found.name);
		goto fail;
	}
	if (!set_up(gpu, &found, why, cap)) {
		goto fail;
	}
	return gpu;

fail:
	vulkan_gpu_close(gpu);
	return NULL;
}

void vulkan_gpu_close(struct es_vulkan_gpu *gpu) {
	if (gpu == NULL) {
		return;
	}
	if (gpu->timeline != VK_NULL_HANDLE) {
		vulkan_gpu_wait(gpu, gpu->submitted);
		gpu->vk.DestroySemaphore(gpu->device, gpu->timeline, NULL);
	}
	av_buffer_unref(&gpu->av);
	free(gpu);
}

static VkSemaphoreSubmitInfo submit_info(const struct es_vulkan_semaphore *semaphore) {
	return (VkSemaphoreSubmitInfo){
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
			.semaphore = semaphore->semaphore,
			.value = semaphore->value,
			.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
	};
}

uint64_t vulkan_gpu_submit(
		struct es_vulkan_gpu *gpu, VkCommandBuffer commands, const struct es_vulkan_order *order) {
	static const struct es_vulkan_order none;
	order = order != NULL ? order : &none;
	VkSemaphoreSubmitInfo wait[ES_VULKAN_MAX_SEMAPHORES], signal[ES_VULKAN_MAX_SEMAPHORES + 1];
	for (uint32_t i = 0; i < order->n_wait; i++) {
		wait[i] = submit_info(&order->wait[i]);
	}
	for (uint32_t i = 0; i < order->n_signal; i++) {
		signal[i] = submit_info(&order->signal[i]);
	}
	signal[order->n_signal] =
			submit_info(&(struct es_vulkan_semaphore){gpu->timeline, gpu->submitted + 1});
	VkCommandBufferSubmitInfo buffer = {
			.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
			.commandBuffer = commands,
	};
	VkSubmitInfo2 info = {
			.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
			.waitSemaphoreInfoCount = order->n_wait,
			.pWaitSemaphoreInfos = wait,
			.commandBufferInfoCount = 1,
			.pCommandBufferInfos = &buffer,
			.signalSemaphoreInfoCount = order->n_signal + 1,
			.pSignalSemaphoreInfos = signal,
	};
	if (gpu->lost || gpu->vk.QueueSubmit2(gpu->queue, 1, &info, VK_NULL_HANDLE) != VK_SUCCESS) {
		gpu->lost = true;
		return 0;
	}
	return ++gpu->submitted;
}

bool vulkan_gpu_wait(struct es_vulkan_gpu *gpu, uint64_t number) {
	VkSemaphoreWaitInfo info = {
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
			.semaphoreCount = 1,
			.pSemaphores = &gpu->timeline,
			.pValues = &number,
	};
	if (gpu->lost || gpu->vk.WaitSemaphores(gpu->device, &info, ES_VULKAN_WAIT_NS) != VK_SUCCESS) {
		gpu->lost = true;
	}
	return !gpu->lost;
}
