#include <string.h>

#include "encode/vulkan_converter.h"

// The part of the picture that the cursor is in; width 0: none.
static struct es_rect cursor_box(
		const struct es_vulkan_converter *converter, const struct es_cursor_view *cursor) {
	if (cursor->argb == NULL) {
		return (struct es_rect){0};
	}
	int64_t left = (int64_t)cursor->x & ~INT64_C(1), top = (int64_t)cursor->y & ~INT64_C(1);
	int64_t right = (((int64_t)cursor->x + cursor->width) & ~INT64_C(1)) + 2;
	int64_t bottom = ((int64_t)cursor->y + cursor->height + 1) & ~INT64_C(1);
	left = left > 0 ? left : 0;
	top = top > 0 ? top : 0;
	right = right < converter->width ? right : converter->width;
	bottom = bottom < converter->height ? bottom : converter->height;
	if (right <= left || bottom <= top) {
		return (struct es_rect){0};
	}
	return (struct es_rect){
			(uint32_t)left, (uint32_t)top, (uint32_t)(right - left), (uint32_t)(bottom - top)};
}

static void record_cursor(struct es_vulkan_converter *converter,
		const struct es_cursor_view *cursor, const struct es_rect *box) {
	const struct es_yuv_matrix *matrix = &converter->matrix;
	struct es_cursor_parameters p = {
			.origin = {(int32_t)box->x, (int32_t)box->y},
			.size = {(int32_t)box->width, (int32_t)box->height},
			.place = {cursor->x, cursor->y},
			.cursor_size = {(int32_t)cursor->width, (int32_t)cursor->height},
			.screen = {(int32_t)converter->mode.width, (int32_t)converter->mode.height},
			.max_code = matrix->max_code,
			.shift = matrix->shift,
			.pq = converter->pq,
	};
	memcpy(p.y, matrix->y, sizeof(p.y));
	memcpy(p.u, matrix->u, sizeof(p.u));
	memcpy(p.v, matrix->v, sizeof(p.v));
	if (cursor->serial != converter->cursor_serial) {
		memcpy(converter->cursor.map, cursor->argb,
				sizeof(uint32_t) * cursor->width * cursor->height);
		converter->cursor_serial = cursor->serial;
	}
	vulkan_pipeline_record(converter->gpu, &converter->cursor_shader, converter->write.commands, &p,
			box->width, box->height);
}

// A part of one plane, in its own samples.
struct part {
	const struct es_vulkan_image *from;
	uint32_t plane;
	uint32_t x, y, width, height; // in the target
};

static void record_copy(struct es_vulkan_converter *converter,
		const struct es_vulkan_target *target, const struct part *part) {
	const struct es_vulkan_gpu *gpu = converter->gpu;
	VkCommandBuffer commands = converter->write.commands;
	VkImageSubresourceLayers from = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
	VkExtent3D extent = {part->width, part->height, 1};
	if (target->buffer == VK_NULL_HANDLE) {
		VkImageCopy copy = {
				.srcSubresource = from,
				.dstSubresource = {target->aspect[part->plane], 0, 0, 1},
				.dstOffset = {(int32_t)part->x, (int32_t)part->y, 0},
				.extent = extent,
		};
		gpu->vk.CmdCopyImage(commands, part->from->image, VK_IMAGE_LAYOUT_GENERAL,
				target->image[part->plane], VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
		return;
	}
	uint32_t sample = (converter->matrix.max_code > 255 ? 2 : 1) << part->plane;
	VkBufferImageCopy copy = {
			.bufferOffset = target->offset[part->plane] + (VkDeviceSize)part->y * target->pitch +
					(VkDeviceSize)part->x * sample,
			.bufferRowLength = target->pitch / sample,
			.imageSubresource = from,
			.imageExtent = extent,
	};
	gpu->vk.CmdCopyImageToBuffer(
			commands, part->from->image, VK_IMAGE_LAYOUT_GENERAL, target->buffer, 1, &copy);
}

static void record_copies(struct es_vulkan_converter *converter,
		const struct es_vulkan_target *target, const struct es_vulkan_image *from,
		const struct es_rect *where) {
	for (uint32_t i = 0; i < 2; i++) {
		struct part part = {
				&from[i], i, where->x >> i, where->y >> i, where->width >> i, where->height >> i};
		record_copy(converter, target, &part);
	}
}

static void record_target(
		struct es_vulkan_converter *converter, const struct es_vulkan_target *target) {
	if (target->buffer != VK_NULL_HANDLE) {
		return; // waited for and signalled by semaphores alone
	}
	bool one = target->image[0] == target->image[1];
	VkImageMemoryBarrier2 barriers[2];
	for (uint32_t i = 0; i < (one ? 1 : 2); i++) {
		// All of it is written, whatever it was before, and whosever.
		barriers[i] = vulkan_image_barrier(target->image[i], VK_IMAGE_ASPECT_COLOR_BIT);
		barriers[i].newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
		barriers[i].srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
		barriers[i].dstStageMask = VK_PIPELINE_STAGE_2_TRANSFER_BIT;
		barriers[i].dstAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT;
	}
	vulkan_job_barriers(converter->gpu, converter->write.commands, NULL, barriers, one ? 1 : 2);
}

bool vulkan_converter_write(struct es_vulkan_converter *converter,
		const struct es_cursor_view *cursor, const struct es_vulkan_target *target,
		const struct es_vulkan_order *order) {
	struct es_rect all = {0, 0, converter->width, converter->height};
	struct es_rect box = cursor_box(converter, cursor);
	if (!vulkan_job_begin(converter->gpu, &converter->write)) {
		return false;
	}
	vulkan_job_turn(converter->gpu, converter->write.commands);
	if (box.width != 0) {
		record_cursor(converter, cursor, &box);
	}
	record_target(converter, target);
	record_copies(converter, target, converter->plane, &all);
	if (box.width != 0) {
		vulkan_job_turn(converter->gpu, converter->write.commands);
		record_copies(converter, target, converter->patch, &box);
	}
	return vulkan_job_end(converter->gpu, &converter->write, order);
}
