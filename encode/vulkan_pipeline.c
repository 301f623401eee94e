#include "encode/vulkan_pipeline.h"

// Pixels of one workgroup's blocks, as the shaders have it.
#define GROUP_PIXELS 16

static bool create_layouts(const struct es_vulkan_gpu *gpu, struct es_vulkan_pipeline *pipeline) {
	VkDescriptorSetLayoutBinding bindings[ES_VULKAN_MAX_BINDINGS] = {0};
	for (uint32_t i = 0; i < pipeline->n_bindings; i++) {
		bindings[i] = (VkDescriptorSetLayoutBinding){
				.binding = i,
				.descriptorType = pipeline->type[i],
				.descriptorCount = 1,
				.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		};
	}
	VkDescriptorSetLayoutCreateInfo set = {
			.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
			.bindingCount = pipeline->n_bindings,
			.pBindings = bindings,
	};
	VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, pipeline->parameters_size};
	VkPipelineLayoutCreateInfo layout = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
			.setLayoutCount = 1,
			.pSetLayouts = &pipeline->set_layout,
			.pushConstantRangeCount = 1,
			.pPushConstantRanges = &range,
	};
	return gpu->vk.CreateDescriptorSetLayout(gpu->device, &set, NULL, &pipeline->set_layout) ==
			VK_SUCCESS &&
			gpu->vk.CreatePipelineLayout(gpu->device, &layout, NULL, &pipeline->layout) ==
			VK_SUCCESS;
}

static bool create_set(const struct es_vulkan_gpu *gpu, struct es_vulkan_pipeline *pipeline) {
	VkDescriptorPoolSize sizes[ES_VULKAN_MAX_BINDINGS];
	for (uint32_t i = 0; i < pipeline->n_bindings; i++) {
		sizes[i] = (VkDescriptorPoolSize){pipeline->type[i], 1};
	}
	VkDescriptorPoolCreateInfo pool = {
			.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
			.maxSets = 1,
			.poolSizeCount = pipeline->n_bindings,
			.pPoolSizes = sizes,
	};
	if (gpu->vk.CreateDescriptorPool(gpu->device, &pool, NULL, &pipeline->pool) != VK_SUCCESS) {
		return false;
	}
	VkDescriptorSetAllocateInfo set = {
			.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
			.descriptorPool = pipeline->pool,
			.descriptorSetCount = 1,
			.pSetLayouts = &pipeline->set_layout,
	};
	return gpu->vk.AllocateDescriptorSets(gpu->device, &set, &pipeline->set) == VK_SUCCESS;
}

static bool create_pipeline(const struct es_vulkan_gpu *gpu, struct es_vulkan_pipeline *pipeline,
		const uint32_t *code, size_t code_size) {
	VkShaderModuleCreateInfo module_info = {
			.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
			.codeSize = code_size,
			.pCode = code,
	};
	VkShaderModule module;
	if (gpu->vk.CreateShaderModule(gpu->device, &module_info, NULL, &module) != VK_SUCCESS) {
		return false;
	}
	VkComputePipelineCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
			.stage =
					{
							.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
							.stage = VK_SHADER_STAGE_COMPUTE_BIT,
							.module = module,
							.pName = "main",
					},
			.layout = pipeline->layout,
	};
	VkResult result = gpu->vk.CreateComputePipelines(
			gpu->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline->pipeline);
	gpu->vk.DestroyShaderModule(gpu->device, module, NULL);
	return result == VK_SUCCESS;
}

bool vulkan_pipeline_init(const struct es_vulkan_gpu *gpu, struct es_vulkan_pipeline *pipeline,
		const uint32_t *code, size_t code_size) {
	return create_layouts(gpu, pipeline) && create_set(gpu, pipeline) &&
			create_pipeline(gpu, pipeline, code, code_size);
}

void vulkan_pipeline_finish(const struct es_vulkan_gpu *gpu, struct es_vulkan_pipeline *pipeline) {
	gpu->vk.DestroyPipeline(gpu->device, pipeline->pipeline, NULL);
	gpu->vk.DestroyDescriptorPool(gpu->device, pipeline->pool, NULL);
	gpu->vk.DestroyPipelineLayout(gpu->device, pipeline->layout, NULL);
	gpu->vk.DestroyDescriptorSetLayout(gpu->device, pipeline->set_layout, NULL);
	*pipeline = (struct es_vulkan_pipeline){0};
}

static void bind(const struct es_vulkan_gpu *gpu, struct es_vulkan_pipeline *pipeline,
		uint32_t binding, const VkDescriptorImageInfo *image,
		const VkDescriptorBufferInfo *buffer) {
	VkWriteDescriptorSet write = {
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstSet = pipeline->set,
			.dstBinding = binding,
			.descriptorCount = 1,
			.descriptorType = pipeline->type[binding],
			.pImageInfo = image,
			.pBufferInfo = buffer,
	};
	gpu->vk.UpdateDescriptorSets(gpu->device, 1, &write, 0, NULL);
}

void vulkan_pipeline_bind_image(const struct es_vulkan_gpu *gpu,
		struct es_vulkan_pipeline *pipeline, uint32_t binding, VkImageView view,
		VkImageLayout layout) {
	bind(gpu, pipeline, binding, &(VkDescriptorImageInfo){.imageView = view, .imageLayout = layout},
			NULL);
}

void vulkan_pipeline_bind_buffer(const struct es_vulkan_gpu *gpu,
		struct es_vulkan_pipeline *pipeline, uint32_t binding, VkBuffer buffer) {
	bind(gpu, pipeline, binding, NULL,
			&(VkDescriptorBufferInfo){.buffer = buffer, .range = VK_WHOLE_SIZE});
}

void vulkan_pipeline_record(const struct es_vulkan_gpu *gpu,
		const struct es_vulkan_pipeline *pipeline, VkCommandBuffer commands, const void *parameters,
		uint32_t width, uint32_t height) {
	gpu->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->pipeline);
	gpu->vk.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->layout, 0, 1,
			&pipeline->set, 0, NULL);
	gpu->vk.CmdPushConstants(commands, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
			pipeline->parameters_size, parameters);
	gpu->vk.CmdDispatch(commands, (width + GROUP_PIXELS - 1) / GROUP_PIXELS,
			(height + GROUP_PIXELS - 1) / GROUP_PIXELS, 1);
}
