// One compute shader with what it is bound to.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/vulkan_gpu.h"

#define ES_VULKAN_MAX_BINDINGS 5

struct es_vulkan_pipeline {
	VkDescriptorSetLayout set_layout;
	VkPipelineLayout layout;
	VkPipeline pipeline;
	VkDescriptorPool pool;
	VkDescriptorSet set;
	VkDescriptorType type[ES_VULKAN_MAX_BINDINGS];
	uint32_t n_bindings;
	uint32_t parameters_size;
};

// `type` and n_bindings are read from *pipeline, with parameters_size. False without memory; finish is
// legal then too.
bool vulkan_pipeline_init(const struct es_vulkan_gpu *gpu, struct es_vulkan_pipeline *pipeline,
		const uint32_t *code, size_t code_size);
void vulkan_pipeline_finish(const struct es_vulkan_gpu *gpu, struct es_vulkan_pipeline *pipeline);

// Not while a submission that uses it is under way.
void vulkan_pipeline_bind_image(const struct es_vulkan_gpu *gpu,
		struct es_vulkan_pipeline *pipeline, uint32_t binding, VkImageView view,
		VkImageLayout layout);
void vulkan_pipeline_bind_buffer(const struct es_vulkan_gpu *gpu,
		struct es_vulkan_pipeline *pipeline, uint32_t binding, VkBuffer buffer);

// One invocation for each 2x2 block of width x height.
void vulkan_pipeline_record(const struct es_vulkan_gpu *gpu,
		const struct es_vulkan_pipeline *pipeline, VkCommandBuffer commands, const void *parameters,
		uint32_t width, uint32_t height);
