// The functions of Vulkan that are used here, by table: the library is loaded when a GPU is wanted, and
// its absence is not an error.
#pragma once

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

// clang-format off
#define VULKAN_INSTANCE_FUNCTIONS(X) \
	X(GetDeviceProcAddr) \
	X(GetPhysicalDeviceExternalSemaphoreProperties) \
	X(GetPhysicalDeviceFormatProperties2) \
	X(GetPhysicalDeviceImageFormatProperties2) \
	X(GetPhysicalDeviceMemoryProperties) \
	X(GetPhysicalDeviceProperties2)

#define VULKAN_DEVICE_FUNCTIONS(X) \
	X(AllocateCommandBuffers) \
	X(AllocateDescriptorSets) \
	X(AllocateMemory) \
	X(BeginCommandBuffer) \
	X(BindBufferMemory) \
	X(BindImageMemory) \
	X(CmdBindDescriptorSets) \
	X(CmdBindPipeline) \
	X(CmdCopyBufferToImage) \
	X(CmdCopyImage) \
	X(CmdCopyImageToBuffer) \
	X(CmdDispatch) \
	X(CmdPipelineBarrier2) \
	X(CmdPushConstants) \
	X(CreateBuffer) \
	X(CreateCommandPool) \
	X(CreateComputePipelines) \
	X(CreateDescriptorPool) \
	X(CreateDescriptorSetLayout) \
	X(CreateImage) \
	X(CreateImageView) \
	X(CreatePipelineLayout) \
	X(CreateSemaphore) \
	X(CreateShaderModule) \
	X(DestroyBuffer) \
	X(DestroyCommandPool) \
	X(DestroyDescriptorPool) \
	X(DestroyDescriptorSetLayout) \
	X(DestroyImage) \
	X(DestroyImageView) \
	X(DestroyPipeline) \
	X(DestroyPipelineLayout) \
	X(DestroySemaphore) \
	X(DestroyShaderModule) \
	X(EndCommandBuffer) \
	X(FreeMemory) \
	X(GetBufferMemoryRequirements) \
	X(GetDeviceQueue) \
	X(GetImageMemoryRequirements) \
	X(MapMemory) \
	X(QueueSubmit2) \
	X(ResetCommandBuffer) \
	X(UpdateDescriptorSets) \
	X(WaitSemaphores)

// NULL without their extension
#define VULKAN_OPTIONAL_FUNCTIONS(X) \
	X(GetMemoryFdKHR) \
	X(GetMemoryFdPropertiesKHR) \
	X(GetSemaphoreFdKHR) \
	X(ImportSemaphoreFdKHR)
// clang-format on

struct es_vulkan_api {
#define X(name) PFN_vk##name name;
	VULKAN_INSTANCE_FUNCTIONS(X)
	VULKAN_DEVICE_FUNCTIONS(X)
	VULKAN_OPTIONAL_FUNCTIONS(X)
#undef X
};
