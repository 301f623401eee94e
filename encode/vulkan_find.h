// Which of Vulkan's devices a render node is.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/vulkan_api.h"

struct es_vulkan_found {
	uint32_t index; // in the order in which the library lists them
	uint8_t uuid[VK_UUID_SIZE];
	char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
	bool foreign_queue; // VK_EXT_queue_family_foreign is there
};

// `node`: path of a render node; "": the first GPU, or, as `software`, the first device of the CPU.
// False with the reason in `why`.
bool vulkan_find(
		const char *node, bool software, struct es_vulkan_found *found, char *why, size_t cap);
