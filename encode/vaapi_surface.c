#define _GNU_SOURCE
#include "encode/vaapi_surface.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drm_fourcc.h>

#include "encode/sigbus_guard.h"

#define FORMATS(opaque_, alpha_, va, rt) \
	{opaque_, opaque_, va, rt}, { \
		alpha_, opaque_, va, rt \
	}

const struct es_vaapi_format vaapi_formats[] = {
		FORMATS(DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888, VA_FOURCC_BGRX, VA_RT_FORMAT_RGB32),
		FORMATS(DRM_FORMAT_XBGR8888, DRM_FORMAT_ABGR8888, VA_FOURCC_RGBX, VA_RT_FORMAT_RGB32),
		FORMATS(DRM_FORMAT_XRGB2101010, DRM_FORMAT_ARGB2101010, VA_FOURCC_X2R10G10B10,
				VA_RT_FORMAT_RGB32_10),
		FORMATS(DRM_FORMAT_XBGR2101010, DRM_FORMAT_ABGR2101010, VA_FOURCC_X2B10G10R10,
				VA_RT_FORMAT_RGB32_10),
};
const size_t n_vaapi_formats = sizeof(vaapi_formats) / sizeof(vaapi_formats[0]);

const struct es_vaapi_format *vaapi_find_format(uint32_t fourcc) {
	for (size_t i = 0; i < n_vaapi_formats; i++) {
		if (vaapi_formats[i].fourcc == fourcc) {
			return &vaapi_formats[i];
		}
	}
	return NULL;
}

// --- what the driver is told

static uint32_t find_object(
		const struct es_vaapi_objects *objects, const struct stat *all, const struct stat *st) {
	uint32_t i = 0;
	while (i < objects->n && (all[i].st_dev != st->st_dev || all[i].st_ino != st->st_ino)) {
		i++;
	}
	return i;
}

bool vaapi_find_objects(
		struct es_vaapi_objects *objects, const int *fds, uint32_t n_planes, const char **why) {
	struct stat all[ES_FRAME_MAX_PLANES], st;
	*objects = (struct es_vaapi_objects){0};
	for (uint32_t plane = 0; plane < n_planes && plane < ES_FRAME_MAX_PLANES; plane++) {
		off_t size = lseek(fds[plane], 0, SEEK_END);
		if (size <= 0 || fstat(fds[plane], &st) != 0) {
			*why = "a plane is no memory";
			return false;
		}
		uint32_t i = find_object(objects, all, &st);
		if (i == objects->n) {
			all[i] = st;
			objects->fds[i] = fds[plane];
			objects->sizes[i] = (uint64_t)size;
			objects->n++;
		}
		objects->of_plane[plane] = i;
	}
	return true;
}

bool vaapi_describe(VADRMPRIMESurfaceDescriptor *out, const struct es_frame_buffer *buffer,
		const struct es_vaapi_format *format, const struct es_vaapi_objects *objects,
		const char **why) {
	*out = (VADRMPRIMESurfaceDescriptor){
			.fourcc = format->va_fourcc,
			.width = buffer->width,
			.height = buffer->height,
			.num_objects = objects->n,
			.num_layers = 1,
			.layers[0] = {.drm_format = format->opaque, .num_planes = buffer->n_planes},
	};
	for (uint32_t i = 0; i < objects->n; i++) {
		if (objects->sizes[i] > UINT32_MAX) {
			*why = "it is larger than VA-API can say";
			return false;
		}
		out->objects[i].fd = objects->fds[i];
		out->objects[i].size = (uint32_t)objects->sizes[i];
		out->objects[i].drm_format_modifier = buffer->modifier;
	}
	for (uint32_t plane = 0; plane < buffer->n_planes; plane++) {
		uint32_t object = objects->of_plane[plane];
		if (buffer->offset[plane] >= objects->sizes[object]) {
			*why = "a plane lies outside its memory";
			return false;
		}
		out->layers[0].object_index[plane] = object;
		out->layers[0].offset[plane] = buffer->offset[plane];
		out->layers[0].pitch[plane] = buffer->stride[plane];
	}
	return true;
}

// Rows of the linear layout are ours to check; what tiles need the driver knows.
static bool rows_fit(const struct es_frame_buffer *buffer, const struct es_vaapi_objects *objects) {
	uint64_t row = (uint64_t)buffer->width * 4;
	uint64_t end = buffer->offset[0] + (uint64_t)buffer->stride[0] * (buffer->height - 1) + row;
	return buffer->modifier != DRM_FORMAT_MOD_LINEAR ||
			(buffer->stride[0] >= row && end <= objects->sizes[objects->of_plane[0]]);
}

// --- surfaces

bool vaapi_surface_import(struct es_vaapi *vaapi, struct es_vaapi_surface *surface,
		const struct es_frame_buffer *buffer, const int *fds, const char **why) {
	const struct es_vaapi_format *format = vaapi_find_format(buffer->fourcc);
	struct es_vaapi_objects objects;
	VADRMPRIMESurfaceDescriptor descriptor;
	surface->id = VA_INVALID_SURFACE;
	surface->image.image_id = VA_INVALID_ID;
	if (format == NULL) {
		*why = "its pixel format cannot be converted";
		return false;
	}
	if (!vaapi_find_objects(&objects, fds, buffer->n_planes, why) ||
			!vaapi_describe(&descriptor, buffer, format, &objects, why)) {
		return false;
	}
	if (!rows_fit(buffer, &objects)) {
		*why = "its memory is smaller than its size and stride say";
		return false;
	}
	VASurfaceAttrib attributes[2] = {
			{.type = VASurfaceAttribMemoryType,
					.flags = VA_SURFACE_ATTRIB_SETTABLE,
					.value = {.type = VAGenericValueTypeInteger,
							.value.i = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2}},
			{.type = VASurfaceAttribExternalBufferDescriptor,
					.flags = VA_SURFACE_ATTRIB_SETTABLE,
					.value = {.type = VAGenericValueTypePointer, .value.p = &descriptor}},
	};
	// Never again without the modifier: a tiled buffer would be read as rows.
	if (vaCreateSurfaces(vaapi->display, format->rt_format, buffer->width, buffer->height,
				&surface->id, 1, attributes, 2) != VA_STATUS_SUCCESS) {
		surface->id = VA_INVALID_SURFACE;
		*why = "the driver does not import its format, modifier or planes";
		return false;
	}
	return true;
}

static bool find_image_format(struct es_vaapi *vaapi, uint32_t va_fourcc, VAImageFormat *out) {
	int n = vaMaxNumImageFormats(vaapi->display);
	VAImageFormat *all = n > 0 ? calloc((size_t)n, sizeof(*all)) : NULL;
	bool found = false;
	if (all != NULL && vaQueryImageFormats(vaapi->display, all, &n) == VA_STATUS_SUCCESS) {
		for (int i = 0; i < n && !found; i++) {
			found = all[i].fourcc == va_fourcc;
			*out = all[i];
		}
	}
	free(all);
	return found;
}

bool vaapi_surface_init_staged(struct es_vaapi *vaapi, struct es_vaapi_surface *surface,
		const struct es_frame_buffer *buffer, const char **why) {
	const struct es_vaapi_format *format = vaapi_find_format(buffer->fourcc);
	VAImageFormat image_format;
	*surface = (struct es_vaapi_surface){.id = VA_INVALID_SURFACE, .image.image_id = VA_INVALID_ID};
	if (format == NULL || !find_image_format(vaapi, format->va_fourcc, &image_format)) {
		*why = "its pixel format cannot be copied to the GPU";
		return false;
	}
	VASurfaceAttrib attribute = {.type = VASurfaceAttribPixelFormat,
			.flags = VA_SURFACE_ATTRIB_SETTABLE,
			.value = {.type = VAGenericValueTypeInteger, .value.i = (int)format->va_fourcc}};
	if (vaCreateSurfaces(vaapi->display, format->rt_format, buffer->width, buffer->height,
				&surface->id, 1, &attribute, 1) != VA_STATUS_SUCCESS) {
		surface->id = VA_INVALID_SURFACE;
		*why = "the driver has no surface for its pixel format";
		return false;
	}
	if (vaCreateImage(vaapi->display, &image_format, (int)buffer->width, (int)buffer->height,
				&surface->image) != VA_STATUS_SUCCESS) {
		surface->image.image_id = VA_INVALID_ID;
		vaapi_surface_finish(vaapi, surface);
		*why = "the driver has no image for its pixel format";
		return false;
	}
	return true;
}

void vaapi_surface_finish(struct es_vaapi *vaapi, struct es_vaapi_surface *surface) {
	if (surface->image.image_id != VA_INVALID_ID) {
		vaDestroyImage(vaapi->display, surface->image.image_id);
		surface->image.image_id = VA_INVALID_ID;
	}
	if (surface->id != VA_INVALID_SURFACE) {
		vaDestroySurfaces(vaapi->display, &surface->id, 1);
		surface->id = VA_INVALID_SURFACE;
	}
}

struct copy_job {
	uint8_t *to;
	uint32_t stride;
	const struct es_pixels *pixels;
};

// Under the SIGBUS guard.
static void copy_rows(void *data) {
	const struct copy_job *job = data;
	const struct es_pixels *pixels = job->pixels;
	for (uint32_t y = 0; y < pixels->height; y++) {
		memcpy(job->to + (size_t)y * job->stride, pixels->data + (size_t)y * pixels->stride,
				(size_t)pixels->width * 4);
	}
}

bool vaapi_surface_fill(struct es_vaapi *vaapi, struct es_vaapi_surface *surface,
		const struct es_import *import, const char **why) {
	const struct es_pixels *pixels = &import->pixels;
	void *map;
	*why = "it cannot be copied to the GPU";
	if (vaMapBuffer(vaapi->display, surface->image.buf, &map) != VA_STATUS_SUCCESS) {
		return false;
	}
	struct copy_job job = {
			(uint8_t *)map + surface->image.offsets[0], surface->image.pitches[0], pixels};
	bool read = device_begin_read(import) && sigbus_guard_run(copy_rows, &job);
	device_end_read(import);
	vaUnmapBuffer(vaapi->display, surface->image.buf);
	if (!read) {
		*why = "its memory was taken away";
		return false;
	}
	return vaPutImage(vaapi->display, surface->id, surface->image.image_id, 0, 0, pixels->width,
				   pixels->height, 0, 0, pixels->width, pixels->height) == VA_STATUS_SUCCESS;
}
