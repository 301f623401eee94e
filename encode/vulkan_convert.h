// Colour conversion on a GPU: an image of RGB into the planes of a picture, which stay, without cursor,
// until the next conversion; and from there, with the cursor, to where the encoder reads.
//
// Nothing waits longer than ES_VULKAN_WAIT_NS.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/cursor_blend.h"
#include "encode/vulkan_source.h"
#include "protocol/frame_msg.h"
#include "protocol/mode.h"

struct es_vulkan_converter;

// What of the source is shown where; all 0 as in struct es_convert_request.
struct es_vulkan_view {
	struct es_box src;
	struct es_rect dst;
};

// Where a picture goes: NV12, or P010 with 10 bits.
struct es_vulkan_target {
	// Images of both planes, or the same one twice, with `aspect` for each of them; or a buffer.
	VkImage image[2];
	VkImageAspectFlags aspect[2];
	VkBuffer buffer;
	VkDeviceSize offset[2];
	uint32_t pitch; // bytes, of both planes
};

// For pictures of the mode's size made even, 4:2:0 with 8 or 10 bits. NULL with the reason, a constant.
struct es_vulkan_converter *vulkan_converter_create(struct es_vulkan_gpu *gpu,
		const struct es_mode *mode, const struct es_colour *colour, const char **why);
void vulkan_converter_destroy(struct es_vulkan_converter *converter); // NULL is fine

// Whether the GPU has the formats for that.
bool vulkan_converter_can(const struct es_vulkan_gpu *gpu, const struct es_colour *colour);

// `acquire_fd`, borrowed: a sync_file to wait for, or -1. *release_fd: as struct es_encoder_impl's
// convert has it. False with the reason, a constant: the planes are as before, or the GPU is lost and
// every later call fails.
bool vulkan_converter_convert(struct es_vulkan_converter *converter,
		struct es_vulkan_source *source, const struct es_vulkan_view *view, int acquire_fd,
		int *release_fd, const char **why);

// Queues the copy of the picture; `cursor` may be hidden. Afterwards images are in
// VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL and belong to the family of the GPU's queue, if not to all. False:
// the GPU is lost.
bool vulkan_converter_write(struct es_vulkan_converter *converter,
		const struct es_cursor_view *cursor, const struct es_vulkan_target *target,
		const struct es_vulkan_order *order);

// Of the queue that writes.
uint32_t vulkan_converter_family(const struct es_vulkan_converter *converter);
