// A GPU through Vulkan: the device that libavutil opens, with what its encoders need, and one queue of
// it for our own work. Everything on the encode thread; libavcodec uses the same queues from there.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/vulkan_api.h"

// Nothing on a GPU that is well takes longer.
#define ES_VULKAN_WAIT_NS UINT64_C(1000000000)

struct AVBufferRef;

struct es_vulkan_gpu {
	struct AVBufferRef *av; // owned: AVHWDeviceContext, which owns instance and device
	VkInstance instance;
	VkPhysicalDevice physical;
	VkDevice device;
	VkQueue queue; // computes and copies
	uint32_t family;
	// Whom images belong to while others use them.
	uint32_t foreign_family;
	VkPhysicalDeviceMemoryProperties memory;
	char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
	uint8_t uuid[VK_UUID_SIZE]; // the same in other interfaces to it
	bool imports_dmabufs; // with their modifiers
	bool exports_memory; // as opaque fds
	bool imports_fences, exports_fences; // as sync_files
	VkSemaphore timeline; // owned: how many submissions are done
	uint64_t submitted;
	bool lost; // nothing works any more
	struct es_vulkan_api vk;
};

// `node`: path of a render node; "": the first GPU. NULL with the reason in `why`; quiet. A device of
// the CPU is only opened as `software`, which is for tests.
struct es_vulkan_gpu *vulkan_gpu_open(const char *node, bool software, char *why, size_t cap);
void vulkan_gpu_close(struct es_vulkan_gpu *gpu); // NULL is fine

struct es_vulkan_semaphore {
	VkSemaphore semaphore;
	uint64_t value; // only of a timeline
};

// For a submission: what it waits for before it begins, and what it signals when it is done.
#define ES_VULKAN_MAX_SEMAPHORES 2
struct es_vulkan_order {
	struct es_vulkan_semaphore wait[ES_VULKAN_MAX_SEMAPHORES], signal[ES_VULKAN_MAX_SEMAPHORES];
	uint32_t n_wait, n_signal;
};

// Queues what was recorded. `order` may be NULL. The submission's number, ascending from 1; 0: the GPU
// is lost.
uint64_t vulkan_gpu_submit(
		struct es_vulkan_gpu *gpu, VkCommandBuffer commands, const struct es_vulkan_order *order);
// Until that submission is done. False after ES_VULKAN_WAIT_NS: the GPU is lost.
bool vulkan_gpu_wait(struct es_vulkan_gpu *gpu, uint64_t number);

// Whether an extension of the device is enabled.
bool vulkan_gpu_has(const struct es_vulkan_gpu *gpu, const char *extension);
