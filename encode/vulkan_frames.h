// Frames of libavutil that its encoders read, written by the conversion.
#pragma once

#include <stdbool.h>

#include <libavutil/buffer.h>
#include <libavutil/frame.h>

#include "encode/vulkan_convert.h"

// A pool of frames for pictures as the converter of that mode and colour makes them, in NV12 or P010;
// `usage` beside what the conversion needs. NULL if the GPU refuses. Caller unrefs it.
AVBufferRef *vulkan_frames_create(const struct es_vulkan_gpu *gpu, const struct es_mode *mode,
		const struct es_colour *colour, VkImageUsageFlags usage);

// The picture with the cursor into a frame of the pool. Queued: whoever reads the frame waits for its
// semaphores. False: the GPU is lost.
bool vulkan_frames_write(struct es_vulkan_converter *converter, const struct es_cursor_view *cursor,
		const AVFrame *frame);
