#include "encode/vulkan_take.h"

#include "encode/sigbus_guard.h"

struct fill_job {
	struct es_vulkan_source *source;
	const struct es_pixels *pixels;
};

// Under the SIGBUS guard.
static void fill(void *data) {
	const struct fill_job *job = data;
	vulkan_source_fill(job->source, job->pixels);
}

// Pixels in memory are read here and now.
static bool read_memory(struct es_vulkan_gpu *gpu, struct es_vulkan_source *source,
		const struct es_import *import, const char **why) {
	struct fill_job job = {source, &import->pixels};
	if (!vulkan_gpu_wait(gpu, source->used)) {
		*why = "the GPU is lost";
		return false;
	}
	bool read = device_begin_read(import) && sigbus_guard_run(fill, &job);
	device_end_read(import);
	if (!read) {
		*why = "its memory was taken away";
	}
	return read;
}

bool vulkan_take(struct es_vulkan_gpu *gpu, struct es_vulkan_converter *converter,
		const struct es_convert_request *request, int *release_fd, const char **why) {
	struct es_vulkan_source *source = request->import->handle;
	struct es_vulkan_view view = {request->src, request->dst};
	*release_fd = -1;
	if (source->staging.buffer != VK_NULL_HANDLE &&
			!read_memory(gpu, source, request->import, why)) {
		return false;
	}
	return vulkan_converter_convert(converter, source, &view, request->acquire_fd, release_fd, why);
}

struct es_cursor_view vulkan_take_cursor(const struct es_encode_request *request) {
	return request->cursor != NULL ? cursor_blend_view(request->cursor)
								   : (struct es_cursor_view){0};
}
