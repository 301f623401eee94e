// A GPU through Vulkan. Imports the buffers of apps; pixels in memory are copied to it.
#include "encode/device_vulkan.h"

#include <stdio.h>
#include <stdlib.h>

#include "encode/encoder_impls.h"
#include "encode/map_linear.h"
#include "encode/vulkan_import.h"

struct vulkan_device {
	struct es_device base;
	struct es_vulkan_gpu *gpu; // owned
};

struct es_vulkan_gpu *device_vulkan_gpu(struct es_device *device) {
	return ((struct vulkan_device *)device)->gpu;
}

static void vulkan_destroy(struct es_device *base) {
	struct vulkan_device *device = (struct vulkan_device *)base;
	vulkan_gpu_close(device->gpu);
	free(device);
}

static struct es_device *vulkan_create(const char *node, char *why, size_t cap) {
	struct vulkan_device *device = calloc(1, sizeof(*device));
	if (device == NULL) {
		snprintf(why, cap, "out of memory");
		return NULL;
	}
	device->base.impl = &device_vulkan;
	device->gpu = vulkan_gpu_open(node, false, why, cap);
	if (device->gpu == NULL) {
		free(device);
		return NULL;
	}
	return &device->base;
}

static size_t vulkan_formats(struct es_device *base, struct es_frame_format *out, size_t cap) {
	return vulkan_import_formats(device_vulkan_gpu(base), out, cap);
}

static bool import_memory(struct es_vulkan_gpu *gpu, const int *fds, struct es_import *import,
		struct es_vulkan_source *source, const char **why) {
	const struct es_frame_buffer *buffer = &import->buffer;
	if (vulkan_source_format(buffer->fourcc) == VK_FORMAT_UNDEFINED) {
		*why = "its pixel format cannot be converted";
		return false;
	}
	if (!map_linear(fds, import, why)) {
		return false;
	}
	if (!vulkan_source_init_staged(
				gpu, source, buffer->fourcc, buffer->width, buffer->height, why)) {
		map_linear_undo(import);
		return false;
	}
	return true;
}

static bool vulkan_import_buffer(
		struct es_device *base, const int *fds, struct es_import *import, const char **why) {
	struct es_vulkan_gpu *gpu = device_vulkan_gpu(base);
	struct es_vulkan_source *source = calloc(1, sizeof(*source));
	if (source == NULL) {
		*why = "out of memory";
		return false;
	}
	bool ok = import->buffer.kind == ES_BUFFER_MEMORY
			? import_memory(gpu, fds, import, source, why)
			: vulkan_import(gpu, &import->buffer, fds, source, why);
	if (!ok) {
		free(source);
		return false;
	}
	import->handle = source;
	return true;
}

static void vulkan_drop(struct es_device *base, struct es_import *import) {
	if (import->handle != NULL) {
		vulkan_source_finish(device_vulkan_gpu(base), import->handle);
		free(import->handle);
		import->handle = NULL;
	}
	map_linear_undo(import);
}

const struct es_device_impl device_vulkan = {
		.name = "Vulkan",
		.blends_cursor = true,
		.scales = true,
		.takes_fences = true,
		.create = vulkan_create,
		.destroy = vulkan_destroy,
		.formats = vulkan_formats,
		.import = vulkan_import_buffer,
		.drop = vulkan_drop,
};
