// A converter as the files see it that make it up: vulkan_convert.c (set-up, and from an app's buffer
// into the clean picture) and vulkan_write.c (from there, with the cursor, to the encoder).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/vulkan_convert.h"
#include "encode/vulkan_job.h"
#include "encode/vulkan_memory.h"
#include "encode/vulkan_pipeline.h"
#include "encode/yuv_matrix.h"

// As in cursor.comp.
struct es_cursor_parameters {
	float y[4], u[4], v[4];
	int32_t origin[2], size[2], place[2], cursor_size[2], screen[2];
	int32_t max_code, shift, pq;
};

struct es_vulkan_converter {
	struct es_vulkan_gpu *gpu; // borrowed
	struct es_mode mode;
	struct es_yuv_matrix matrix;
	bool pq;
	uint32_t width, height; // even

	// Always in VK_IMAGE_LAYOUT_GENERAL.
	struct es_vulkan_image plane[2]; // the clean picture
	struct es_vulkan_image patch[2]; // a part of it, with the cursor

	struct es_vulkan_buffer cursor; // its image
	uint64_t cursor_serial; // of the image in there; 0: none

	struct es_vulkan_pipeline convert_shader, cursor_shader;
	VkCommandPool pool;
	struct es_vulkan_job convert, write;
	VkSemaphore acquire, release;
};
