#include "encode/vulkan_frames.h"

#include <libavutil/hwcontext.h>
#include <libavutil/hwcontext_vulkan.h>

AVBufferRef *vulkan_frames_create(const struct es_vulkan_gpu *gpu, const struct es_mode *mode,
		const struct es_colour *colour, VkImageUsageFlags usage) {
	AVBufferRef *ref = av_hwframe_ctx_alloc(gpu->av);
	if (ref == NULL) {
		return NULL;
	}
	AVHWFramesContext *frames = (void *)ref->data;
	AVVulkanFramesContext *vulkan = frames->hwctx;
	frames->format = AV_PIX_FMT_VULKAN;
	frames->sw_format = colour->depth > 8 ? AV_PIX_FMT_P010 : AV_PIX_FMT_NV12;
	frames->width = (int)((mode->width + 1) & ~UINT32_C(1));
	frames->height = (int)((mode->height + 1) & ~UINT32_C(1));
	vulkan->tiling = VK_IMAGE_TILING_OPTIMAL;
	vulkan->usage = (VkImageUsageFlagBits)(usage | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
	if (av_hwframe_ctx_init(ref) != 0) {
		av_buffer_unref(&ref);
	}
	return ref;
}

// One image with both planes, or one for each.
static uint32_t count_images(const AVVkFrame *frame) {
	return frame->img[1] != VK_NULL_HANDLE ? 2 : 1;
}

static struct es_vulkan_target make_target(const AVVkFrame *frame) {
	if (count_images(frame) == 2) {
		return (struct es_vulkan_target){
				.image = {frame->img[0], frame->img[1]},
				.aspect = {VK_IMAGE_ASPECT_COLOR_BIT, VK_IMAGE_ASPECT_COLOR_BIT},
		};
	}
	return (struct es_vulkan_target){
			.image = {frame->img[0], frame->img[0]},
			.aspect = {VK_IMAGE_ASPECT_PLANE_0_BIT, VK_IMAGE_ASPECT_PLANE_1_BIT},
	};
}

static struct es_vulkan_order make_order(const AVVkFrame *frame) {
	uint32_t n = count_images(frame);
	struct es_vulkan_order order = {.n_wait = n, .n_signal = n};
	for (uint32_t i = 0; i < n; i++) {
		order.wait[i] = (struct es_vulkan_semaphore){frame->sem[i], frame->sem_value[i]};
		order.signal[i] = (struct es_vulkan_semaphore){frame->sem[i], frame->sem_value[i] + 1};
	}
	return order;
}

static void update(AVVkFrame *frame, uint32_t family) {
	for (uint32_t i = 0; i < count_images(frame); i++) {
		frame->sem_value[i]++;
		frame->layout[i] = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
		frame->access[i] = VK_ACCESS_2_TRANSFER_WRITE_BIT;
		if (frame->queue_family[i] != VK_QUEUE_FAMILY_IGNORED) {
			frame->queue_family[i] = family;
		}
	}
}

bool vulkan_frames_write(struct es_vulkan_converter *converter, const struct es_cursor_view *cursor,
		const AVFrame *frame) {
	AVHWFramesContext *frames = (void *)frame->hw_frames_ctx->data;
	AVVulkanFramesContext *vulkan = frames->hwctx;
	AVVkFrame *vk_frame = (void *)frame->data[0];
	vulkan->lock_frame(frames, vk_frame);
	struct es_vulkan_target target = make_target(vk_frame);
	struct es_vulkan_order order = make_order(vk_frame);
	bool ok = vulkan_converter_write(converter, cursor, &target, &order);
	if (ok) {
		update(vk_frame, vulkan_converter_family(converter));
	}
	vulkan->unlock_frame(frames, vk_frame);
	return ok;
}
