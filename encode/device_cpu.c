// The CPU: maps buffers, converts and encodes in memory.
#include <stdlib.h>

#include <drm_fourcc.h>

#include "encode/encoder_impls.h"
#include "encode/map_linear.h"

static struct es_device *cpu_create(const char *node, char *why, size_t cap) {
	struct es_device *device = calloc(1, sizeof(*device));
	if (device != NULL) {
		device->impl = &device_cpu;
	}
	return device;
}

static void cpu_destroy(struct es_device *device) {
	free(device);
}

// None for direct scan-out: a GPU's memory is slow to read for a CPU.
static size_t cpu_formats(struct es_device *device, struct es_frame_format *out, size_t cap) {
	return 0;
}

static bool cpu_import(
		struct es_device *device, const int *fds, struct es_import *import, const char **why) {
	if (import->buffer.modifier != DRM_FORMAT_MOD_LINEAR) {
		*why = "its layout is not linear";
		return false;
	}
	return map_linear(fds, import, why);
}

static void cpu_drop(struct es_device *device, struct es_import *import) {
	map_linear_undo(import);
}

const struct es_device_impl device_cpu = {
		.name = "CPU",
		.maps = true,
		.blends_cursor = true,
		.create = cpu_create,
		.destroy = cpu_destroy,
		.formats = cpu_formats,
		.import = cpu_import,
		.drop = cpu_drop,
};
