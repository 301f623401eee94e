#include "encode/vulkan_convert.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "convert_spv.h"
#include "cursor_spv.h"
#include "encode/vulkan_converter.h"

#define TRANSFER_PQ 16
// The cursor's box aligned out to even pixels, and the chroma that its last column reaches.
#define MAX_PATCH (ES_CURSOR_MAX_SIZE + 4)
// An app's fence that takes longer costs it the frame.
#define ACQUIRE_MS 500

// As in convert.comp.
struct convert_parameters {
	float y[4], u[4], v[4];
	float map[4];
	int32_t shown[4], dst[4];
	int32_t screen[2];
	int32_t max_code, shift;
};

static const VkFormat plane_format[2][2] = {
		{VK_FORMAT_R8_UINT, VK_FORMAT_R8G8_UINT},
		{VK_FORMAT_R16_UINT, VK_FORMAT_R16G16_UINT},
};

static const VkFormat *plane_formats(const struct es_colour *colour) {
	return plane_format[colour->depth > 8];
}

bool vulkan_converter_can(const struct es_vulkan_gpu *gpu, const struct es_colour *colour) {
	VkFormatFeatureFlags2 needed = VK_FORMAT_FEATURE_2_STORAGE_IMAGE_BIT |
			VK_FORMAT_FEATURE_2_STORAGE_WRITE_WITHOUT_FORMAT_BIT |
			VK_FORMAT_FEATURE_2_SAMPLED_IMAGE_BIT | VK_FORMAT_FEATURE_2_TRANSFER_SRC_BIT;
	for (int i = 0; i < 2; i++) {
		VkFormatProperties3 formats = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3};
		VkFormatProperties2 properties = {
				.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
				.pNext = &formats,
		};
		gpu->vk.GetPhysicalDeviceFormatProperties2(
				gpu->physical, plane_formats(colour)[i], &properties);
		if ((formats.optimalTilingFeatures & needed) != needed) {
			return false;
		}
	}
	return !colour->yuv444;
}

// --- set-up

static bool create_planes(struct es_vulkan_converter *converter, const struct es_colour *colour) {
	VkImageUsageFlags usage = VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_SAMPLED_BIT |
			VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
	for (uint32_t i = 0; i < 2; i++) {
		VkFormat format = plane_formats(colour)[i];
		if (!vulkan_image_init(converter->gpu, &converter->plane[i], format, converter->width >> i,
					converter->height >> i, usage) ||
				!vulkan_image_init(converter->gpu, &converter->patch[i], format, MAX_PATCH >> i,
						MAX_PATCH >> i, usage)) {
			return false;
		}
	}
	return vulkan_buffer_init(converter->gpu, &converter->cursor,
			sizeof(uint32_t) * ES_CURSOR_MAX_SIZE * ES_CURSOR_MAX_SIZE,
			VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, ES_VULKAN_MAPPED);
}

static bool create_shaders(struct es_vulkan_converter *converter) {
	const struct es_vulkan_gpu *gpu = converter->gpu;
	converter->convert_shader = (struct es_vulkan_pipeline){
			.type = {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE,
					VK_DESCRIPTOR_TYPE_STORAGE_IMAGE},
			.n_bindings = 3,
			.parameters_size = sizeof(struct convert_parameters),
	};
	converter->cursor_shader = (struct es_vulkan_pipeline){
			.type = {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE,
					VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE,
					VK_DESCRIPTOR_TYPE_STORAGE_BUFFER},
			.n_bindings = 5,
			.parameters_size = sizeof(struct es_cursor_parameters),
	};
	if (!vulkan_pipeline_init(gpu, &converter->convert_shader, convert_spv, sizeof(convert_spv)) ||
			!vulkan_pipeline_init(gpu, &converter->cursor_shader, cursor_spv, sizeof(cursor_spv))) {
		return false;
	}
	for (uint32_t i = 0; i < 2; i++) {
		VkImageView plane = converter->plane[i].view, patch = converter->patch[i].view;
		VkImageLayout layout = VK_IMAGE_LAYOUT_GENERAL;
		vulkan_pipeline_bind_image(gpu, &converter->convert_shader, 1 + i, plane, layout);
		vulkan_pipeline_bind_image(gpu, &converter->cursor_shader, i, plane, layout);
		vulkan_pipeline_bind_image(gpu, &converter->cursor_shader, 2 + i, patch, layout);
	}
	vulkan_pipeline_bind_buffer(gpu, &converter->cursor_shader, 4, converter->cursor.buffer);
	return true;
}

static bool create_commands(struct es_vulkan_converter *converter) {
	const struct es_vulkan_gpu *gpu = converter->gpu;
	VkCommandPoolCreateInfo pool = {
			.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
			.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
			.queueFamilyIndex = gpu->family,
	};
	if (gpu->vk.CreateCommandPool(gpu->device, &pool, NULL, &converter->pool) != VK_SUCCESS) {
		return false;
	}
	VkCommandBufferAllocateInfo info = {
			.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
			.commandPool = converter->pool,
			.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
			.commandBufferCount = 2,
	};
	VkCommandBuffer buffers[2];
	if (gpu->vk.AllocateCommandBuffers(gpu->device, &info, buffers) != VK_SUCCESS) {
		return false;
	}
	converter->convert.commands = buffers[0];
	converter->write.commands = buffers[1];
	return true;
}

static bool create_semaphores(struct es_vulkan_converter *converter) {
	const struct es_vulkan_gpu *gpu = converter->gpu;
	VkExportSemaphoreCreateInfo export = {
			.sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
			.handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
	};
	VkSemaphoreCreateInfo plain = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
	VkSemaphoreCreateInfo exported = {
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
			.pNext = gpu->exports_fences ? &export : NULL,
	};
	return gpu->vk.CreateSemaphore(gpu->device, &plain, NULL, &converter->acquire) == VK_SUCCESS &&
			gpu->vk.CreateSemaphore(gpu->device, &exported, NULL, &converter->release) ==
			VK_SUCCESS;
}

// --- recording

// Once, out of the layout that images begin in.
static bool prepare_images(struct es_vulkan_converter *converter) {
	struct es_vulkan_job *job = &converter->convert;
	if (!vulkan_job_begin(converter->gpu, job)) {
		return false;
	}
	VkImageMemoryBarrier2 barriers[4];
	for (int i = 0; i < 4; i++) {
		const struct es_vulkan_image *image =
				i < 2 ? &converter->plane[i] : &converter->patch[i - 2];
		barriers[i] = vulkan_image_barrier(image->image, VK_IMAGE_ASPECT_COLOR_BIT);
		barriers[i].newLayout = VK_IMAGE_LAYOUT_GENERAL;
		barriers[i].dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
		barriers[i].dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT;
	}
	vulkan_job_barriers(converter->gpu, job->commands, NULL, barriers, 4);
	return vulkan_job_end(converter->gpu, job, NULL);
}

struct es_vulkan_converter *vulkan_converter_create(struct es_vulkan_gpu *gpu,
		const struct es_mode *mode, const struct es_colour *colour, const char **why) {
	struct es_vulkan_converter *converter = calloc(1, sizeof(*converter));
	if (converter == NULL) {
		*why = "out of memory";
		return NULL;
	}
	converter->gpu = gpu;
	converter->mode = *mode;
	converter->matrix = yuv_matrix(colour);
	converter->pq = colour->transfer == TRANSFER_PQ;
	converter->width = (mode->width + 1) & ~UINT32_C(1);
	converter->height = (mode->height + 1) & ~UINT32_C(1);
	if (!vulkan_converter_can(gpu, colour)) {
		*why = "the GPU does not write pictures of that colour";
		goto fail;
	}
	if (!create_planes(converter, colour) || !create_shaders(converter) ||
			!create_commands(converter) || !create_semaphores(converter) ||
			!prepare_images(converter)) {
		*why = "the GPU has no room for the pictures, or is lost";
		goto fail;
	}
	return converter;

fail:
	vulkan_converter_destroy(converter);
	return NULL;
}

void vulkan_converter_destroy(struct es_vulkan_converter *converter) {
	if (converter == NULL) {
		return;
	}
	struct es_vulkan_gpu *gpu = converter->gpu;
	// What a lost GPU might still be using, goes with the process.
	if (vulkan_gpu_wait(gpu, gpu->submitted)) {
		gpu->vk.DestroySemaphore(gpu->device, converter->acquire, NULL);
		gpu->vk.DestroySemaphore(gpu->device, converter->release, NULL);
		gpu->vk.DestroyCommandPool(gpu->device, converter->pool, NULL);
		vulkan_pipeline_finish(gpu, &converter->convert_shader);
		vulkan_pipeline_finish(gpu, &converter->cursor_shader);
		vulkan_buffer_finish(gpu, &converter->cursor);
		for (int i = 0; i < 2; i++) {
			vulkan_image_finish(gpu, &converter->plane[i]);
			vulkan_image_finish(gpu, &converter->patch[i]);
		}
	}
	free(converter);
}

// --- conversion

static struct es_box shown_box(
		const struct es_vulkan_source *source, const struct es_vulkan_view *view) {
	if (view->src.width != 0) {
		return view->src;
	}
	return (struct es_box){.width = source->image.width * ES_BOX_UNIT,
			.height = source->image.height * ES_BOX_UNIT};
}

static struct convert_parameters convert_parameters(const struct es_vulkan_converter *converter,
		const struct es_vulkan_source *source, const struct es_vulkan_view *view) {
	const struct es_yuv_matrix *matrix = &converter->matrix;
	struct es_box src = shown_box(source, view);
	struct es_rect dst = view->dst;
	if (dst.width == 0) {
		dst = (struct es_rect){0, 0, converter->mode.width, converter->mode.height};
	}
	float unit = ES_BOX_UNIT;
	struct convert_parameters p = {
			.map = {(float)src.width / unit / (float)dst.width,
					(float)src.height / unit / (float)dst.height, (float)src.x / unit,
					(float)src.y / unit},
			.shown = {(int32_t)(src.x / ES_BOX_UNIT), (int32_t)(src.y / ES_BOX_UNIT),
					(int32_t)((src.x + src.width + ES_BOX_UNIT - 1) / ES_BOX_UNIT) - 1,
					(int32_t)((src.y + src.height + ES_BOX_UNIT - 1) / ES_BOX_UNIT) - 1},
			.dst = {(int32_t)dst.x, (int32_t)dst.y, (int32_t)(dst.x + dst.width),
					(int32_t)(dst.y + dst.height)},
			.screen = {(int32_t)converter->mode.width, (int32_t)converter->mode.height},
			.max_code = matrix->max_code,
			.shift = matrix->shift,
	};
	memcpy(p.y, matrix->y, sizeof(p.y));
	memcpy(p.u, matrix->u, sizeof(p.u));
	memcpy(p.v, matrix->v, sizeof(p.v));
	return p;
}

static bool view_fits(const struct es_vulkan_converter *converter,
		const struct es_vulkan_source *source, const struct es_vulkan_view *view) {
	const struct es_box *src = &view->src;
	const struct es_rect *dst = &view->dst;
	uint64_t right = (uint64_t)src->x + src->width, bottom = (uint64_t)src->y + src->height;
	return right <= (uint64_t)source->image.width * ES_BOX_UNIT &&
			bottom <= (uint64_t)source->image.height * ES_BOX_UNIT &&
			(src->width == 0) == (src->height == 0) &&
			(uint64_t)dst->x + dst->width <= converter->mode.width &&
			(uint64_t)dst->y + dst->height <= converter->mode.height &&
			(dst->width == 0) == (dst->height == 0);
}

// An app's buffer comes to us, and goes back.
static void record_ownership(const struct es_vulkan_converter *converter, VkCommandBuffer commands,
		const struct es_vulkan_source *source, bool back) {
	uint32_t ours = converter->gpu->family, theirs = converter->gpu->foreign_family;
	VkImageMemoryBarrier2 barrier =
			vulkan_image_barrier(source->image.image, VK_IMAGE_ASPECT_COLOR_BIT);
	barrier.oldLayout = back ? VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL : VK_IMAGE_LAYOUT_GENERAL;
	barrier.newLayout = back ? VK_IMAGE_LAYOUT_GENERAL : VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
	barrier.srcQueueFamilyIndex = back ? ours : theirs;
	barrier.dstQueueFamilyIndex = back ? theirs : ours;
	if (back) {
		barrier.srcStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
		barrier.dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
	} else {
		barrier.srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
		barrier.dstStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
		barrier.dstAccessMask = VK_ACCESS_2_SHADER_READ_BIT;
	}
	vulkan_job_barriers(converter->gpu, commands, NULL, &barrier, 1);
}

static void record_upload(const struct es_vulkan_converter *converter, VkCommandBuffer commands,
		const struct es_vulkan_source *source) {
	VkImageMemoryBarrier2 barrier =
			vulkan_image_barrier(source->image.image, VK_IMAGE_ASPECT_COLOR_BIT);
	barrier.newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
	barrier.srcStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
	barrier.dstStageMask = VK_PIPELINE_STAGE_2_TRANSFER_BIT;
	barrier.dstAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT;
	vulkan_job_barriers(converter->gpu, commands, NULL, &barrier, 1);
	VkBufferImageCopy copy = {
			.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
			.imageExtent = {source->image.width, source->image.height, 1},
	};
	converter->gpu->vk.CmdCopyBufferToImage(commands, source->staging.buffer, source->image.image,
			VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
	barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
	barrier.newLayout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
	barrier.srcStageMask = VK_PIPELINE_STAGE_2_TRANSFER_BIT;
	barrier.srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT;
	barrier.dstStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
	barrier.dstAccessMask = VK_ACCESS_2_SHADER_READ_BIT;
	vulkan_job_barriers(converter->gpu, commands, NULL, &barrier, 1);
}

// On the CPU: what an app never signals must not hold up a queue that libavcodec uses too.
static bool await_signal(int fd) {
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int result;
	do {
		result = poll(&ready, 1, ACQUIRE_MS);
	} while (result < 0 && errno == EINTR);
	return result > 0 && (ready.revents & POLLIN) != 0;
}

// The semaphore then makes what was written visible.
static bool take_fence(struct es_vulkan_converter *converter, int fd, struct es_vulkan_order *order,
		const char **why) {
	const struct es_vulkan_gpu *gpu = converter->gpu;
	if (fd < 0) {
		return true;
	}
	if (!await_signal(fd)) {
		*why = "its fence did not signal in time";
		return false;
	}
	if (!gpu->imports_fences) {
		return true;
	}
	VkImportSemaphoreFdInfoKHR info = {
			.sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,
			.semaphore = converter->acquire,
			.flags = VK_SEMAPHORE_IMPORT_TEMPORARY_BIT,
			.handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
			.fd = fd_dup(fd),
	};
	if (info.fd < 0 || gpu->vk.ImportSemaphoreFdKHR(gpu->device, &info) != VK_SUCCESS) {
		fd_close(&info.fd);
		*why = "its fence is none that the GPU can wait for";
		return false;
	}
	order->wait[order->n_wait++].semaphore = converter->acquire;
	return true;
}

// What becomes readable when the source has been read; else waits for that.
static bool give_release(struct es_vulkan_converter *converter, int *release_fd) {
	struct es_vulkan_gpu *gpu = converter->gpu;
	VkSemaphoreGetFdInfoKHR info = {
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
			.semaphore = converter->release,
			.handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
	};
	*release_fd = -1;
	if (gpu->exports_fences) {
		gpu->lost = gpu->vk.GetSemaphoreFdKHR(gpu->device, &info, release_fd) != VK_SUCCESS;
		return !gpu->lost;
	}
	return vulkan_gpu_wait(gpu, converter->convert.submission);
}

static void record_convert(struct es_vulkan_converter *converter, struct es_vulkan_source *source,
		const struct es_vulkan_view *view) {
	VkCommandBuffer commands = converter->convert.commands;
	struct convert_parameters parameters = convert_parameters(converter, source, view);
	bool foreign = source->staging.buffer == VK_NULL_HANDLE;
	vulkan_pipeline_bind_image(converter->gpu, &converter->convert_shader, 0, source->image.view,
			VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
	vulkan_job_turn(converter->gpu, commands);
	if (foreign) {
		record_ownership(converter, commands, source, false);
	} else {
		record_upload(converter, commands, source);
	}
	vulkan_pipeline_record(converter->gpu, &converter->convert_shader, commands, &parameters,
			converter->width, converter->height);
	if (foreign) {
		record_ownership(converter, commands, source, true);
	}
}

bool vulkan_converter_convert(struct es_vulkan_converter *converter,
		struct es_vulkan_source *source, const struct es_vulkan_view *view, int acquire_fd,
		int *release_fd, const char **why) {
	struct es_vulkan_order order = {0};
	*release_fd = -1;
	if (!view_fits(converter, source, view)) {
		*why = "more than itself shall be shown of it";
		return false;
	}
	*why = "the GPU is lost";
	if (!vulkan_job_begin(converter->gpu, &converter->convert) ||
			!take_fence(converter, acquire_fd, &order, why)) {
		return false;
	}
	record_convert(converter, source, view);
	if (converter->gpu->exports_fences) {
		order.signal[order.n_signal++].semaphore = converter->release;
	}
	if (!vulkan_job_end(converter->gpu, &converter->convert, &order)) {
		return false;
	}
	source->used = converter->convert.submission;
	return give_release(converter, release_fd);
}

uint32_t vulkan_converter_family(const struct es_vulkan_converter *converter) {
	return converter->gpu->family;
}
