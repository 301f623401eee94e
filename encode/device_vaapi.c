// A GPU through VA-API. Imports the buffers of apps; pixels in memory are copied to it.
#include "encode/device_vaapi.h"

#include <stdio.h>
#include <stdlib.h>

#include "encode/encoder_impls.h"
#include "encode/map_linear.h"
#include "encode/vaapi_surface.h"
#include "encode/vaapi_trial.h"

struct vaapi_device {
	struct es_device base;
	struct es_vaapi *vaapi; // owned
};

struct es_vaapi *device_vaapi_of(struct es_device *device) {
	return ((struct vaapi_device *)device)->vaapi;
}

static struct es_device *vaapi_create(const char *node, char *why, size_t cap) {
	struct vaapi_device *device = calloc(1, sizeof(*device));
	if (device == NULL) {
		snprintf(why, cap, "out of memory");
		return NULL;
	}
	device->base.impl = &device_vaapi;
	device->vaapi = vaapi_open(node, why, cap);
	if (device->vaapi == NULL) {
		free(device);
		return NULL;
	}
	return &device->base;
}

static void vaapi_destroy(struct es_device *base) {
	struct vaapi_device *device = (struct vaapi_device *)base;
	vaapi_close(device->vaapi);
	free(device);
}

static size_t vaapi_device_formats(
		struct es_device *base, struct es_frame_format *out, size_t cap) {
	return vaapi_trial_formats(device_vaapi_of(base), out, cap);
}

static bool import_memory(struct es_vaapi *vaapi, const int *fds, struct es_import *import,
		struct es_vaapi_surface *surface, const char **why) {
	if (!map_linear(fds, import, why)) {
		return false;
	}
	if (!vaapi_surface_init_staged(vaapi, surface, &import->buffer, why)) {
		map_linear_undo(import);
		return false;
	}
	return true;
}

static bool vaapi_import(
		struct es_device *base, const int *fds, struct es_import *import, const char **why) {
	struct es_vaapi *vaapi = device_vaapi_of(base);
	struct es_vaapi_surface *surface = calloc(1, sizeof(*surface));
	if (surface == NULL) {
		*why = "out of memory";
		return false;
	}
	bool ok = import->buffer.kind == ES_BUFFER_MEMORY
			? import_memory(vaapi, fds, import, surface, why)
			: vaapi_surface_import(vaapi, surface, &import->buffer, fds, why);
	if (!ok) {
		free(surface);
		return false;
	}
	import->handle = surface;
	return true;
}

static void vaapi_drop(struct es_device *base, struct es_import *import) {
	if (import->handle != NULL) {
		vaapi_surface_finish(device_vaapi_of(base), import->handle);
		free(import->handle);
		import->handle = NULL;
	}
	map_linear_undo(import);
}

// The cursor is the display's: whether drivers blend one over NV12 is not known.
const struct es_device_impl device_vaapi = {
		.name = "VA-API",
		.takes_fences = true,
		.create = vaapi_create,
		.destroy = vaapi_destroy,
		.formats = vaapi_device_formats,
		.import = vaapi_import,
		.drop = vaapi_drop,
};
