// The picture that NVENC reads: memory of Vulkan, which CUDA sees too.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/cuda_bridge.h"
#include "encode/vulkan_convert.h"

struct es_nvenc_input {
	struct es_vulkan_buffer buffer; // owned
	VkSemaphore written; // owned: a timeline
	uint64_t n_written;
	struct es_cuda_memory memory; // owned: the same
	CUexternalSemaphore written_in_cuda; // owned: the same
	uint32_t pitch; // bytes
	uint32_t rows; // of luma; those of chroma follow
};

// For pictures as a converter of that mode and colour makes them. Inside cuda_enter. False if the GPU
// does not share it; finish is legal then too, and after all zeros.
bool nvenc_input_init(struct es_nvenc_input *input, const struct es_vulkan_gpu *gpu,
		const struct es_cuda *cuda, const struct es_mode *mode, const struct es_colour *colour);
// Inside cuda_enter.
void nvenc_input_finish(
		struct es_nvenc_input *input, const struct es_vulkan_gpu *gpu, const struct es_cuda *cuda);

// Queues the copy of the picture; what comes after it in CUDA's stream waits for it. Inside
// cuda_enter, and not while the picture before is still read.
bool nvenc_input_write(struct es_nvenc_input *input, struct es_vulkan_converter *converter,
		const struct es_cuda *cuda, const struct es_cursor_view *cursor);
