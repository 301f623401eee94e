#include "encode/test_buffer_gbm.h"

#include <fcntl.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <gbm.h>

#include "base/fd.h"

// An implicit modifier is the driver's own choice, as an app has it that does not ask.
static struct gbm_bo *create_bo(
		struct gbm_device *gbm, const struct es_test_buffer_request *request) {
	if (request->modifier == DRM_FORMAT_MOD_INVALID) {
		return gbm_bo_create(
				gbm, request->width, request->height, request->fourcc, GBM_BO_USE_RENDERING);
	}
	struct gbm_bo *bo = gbm_bo_create_with_modifiers2(gbm, request->width, request->height,
			request->fourcc, &request->modifier, 1, GBM_BO_USE_RENDERING);
	if (bo == NULL && request->modifier == DRM_FORMAT_MOD_LINEAR) {
		bo = gbm_bo_create(gbm, request->width, request->height, request->fourcc,
				GBM_BO_USE_RENDERING | GBM_BO_USE_LINEAR);
	}
	return bo;
}

static bool describe(struct es_test_buffer *buffer, const struct es_test_buffer_request *request) {
	int n = gbm_bo_get_plane_count(buffer->bo);
	if (n < 1 || n > ES_FRAME_MAX_PLANES) {
		return false;
	}
	buffer->description = (struct es_frame_buffer){
			.kind = ES_BUFFER_DMABUF,
			.width = request->width,
			.height = request->height,
			.fourcc = request->fourcc,
			.modifier = request->modifier,
			.n_planes = (uint32_t)n,
	};
	for (int i = 0; i < n; i++) {
		buffer->fds[i] = gbm_bo_get_fd_for_plane(buffer->bo, i);
		buffer->description.offset[i] = gbm_bo_get_offset(buffer->bo, i);
		buffer->description.stride[i] = gbm_bo_get_stride_for_plane(buffer->bo, i);
		if (buffer->fds[i] < 0) {
			return false;
		}
	}
	return true;
}

bool test_buffer_gbm_init(struct es_test_buffer *buffer,
		const struct es_test_buffer_request *request, const char **why) {
	buffer->node_fd = open(request->node, O_RDWR | O_CLOEXEC);
	if (buffer->node_fd < 0) {
		*why = "the render node cannot be opened";
		return false;
	}
	buffer->gbm = gbm_create_device(buffer->node_fd);
	if (buffer->gbm == NULL) {
		*why = "there is no GBM driver for the render node";
		return false;
	}
	buffer->bo = create_bo(buffer->gbm, request);
	if (buffer->bo == NULL || !describe(buffer, request)) {
		*why = "the GPU makes no buffer of that format and modifier";
		return false;
	}
	return true;
}

void test_buffer_gbm_finish(struct es_test_buffer *buffer) {
	if (buffer->bo != NULL) {
		gbm_bo_destroy(buffer->bo);
	}
	if (buffer->gbm != NULL) {
		gbm_device_destroy(buffer->gbm);
	}
	buffer->bo = buffer->gbm = NULL;
	fd_close(&buffer->node_fd);
}

bool test_buffer_gbm_begin(struct es_test_buffer *buffer) {
	const struct es_frame_buffer *description = &buffer->description;
	buffer->bo_map = NULL;
	buffer->pixels = gbm_bo_map(buffer->bo, 0, 0, description->width, description->height,
			GBM_BO_TRANSFER_WRITE, &buffer->pixel_stride, &buffer->bo_map);
	return buffer->pixels != NULL;
}

void test_buffer_gbm_end(struct es_test_buffer *buffer) {
	gbm_bo_unmap(buffer->bo, buffer->bo_map);
	buffer->pixels = NULL;
}
