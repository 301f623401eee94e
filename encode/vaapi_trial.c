#include "encode/vaapi_trial.h"

#include <drm_fourcc.h>
#include <gbm.h>

#include "base/fd.h"
#include "base/log.h"
#include "encode/vaapi_surface.h"

#define WIDTH 256
#define HEIGHT 256

bool vaapi_has_clear_colour(uint64_t modifier) {
	switch (modifier) {
#ifdef I915_FORMAT_MOD_4_TILED_DG2_RC_CCS_CC
	case I915_FORMAT_MOD_4_TILED_DG2_RC_CCS_CC:
#endif
#ifdef I915_FORMAT_MOD_4_TILED_MTL_RC_CCS_CC
	case I915_FORMAT_MOD_4_TILED_MTL_RC_CCS_CC:
#endif
	case I915_FORMAT_MOD_Y_TILED_GEN12_RC_CCS_CC:
		return true;
	default:
		return false;
	}
}

static bool describe(struct gbm_bo *bo, uint32_t fourcc, struct es_frame_buffer *buffer, int *fds) {
	int n = gbm_bo_get_plane_count(bo);
	if (n < 1 || n > ES_FRAME_MAX_PLANES) {
		return false;
	}
	*buffer = (struct es_frame_buffer){
			.id = 1,
			.kind = ES_BUFFER_DMABUF,
			.width = WIDTH,
			.height = HEIGHT,
			.fourcc = fourcc,
			.modifier = gbm_bo_get_modifier(bo),
			.n_planes = (uint32_t)n,
	};
	for (int i = 0; i < n; i++) {
		fds[i] = gbm_bo_get_fd_for_plane(bo, i);
		buffer->offset[i] = gbm_bo_get_offset(bo, i);
		buffer->stride[i] = gbm_bo_get_stride_for_plane(bo, i);
		if (fds[i] < 0) {
			return false;
		}
	}
	return true;
}

// True, and which modifier it was, if a buffer that the driver makes for this use is imported.
static bool try_one(struct es_vaapi *vaapi, struct gbm_device *gbm, uint32_t fourcc, uint32_t use,
		uint64_t *modifier) {
	struct gbm_bo *bo = gbm_bo_create(gbm, WIDTH, HEIGHT, fourcc, use);
	int fds[ES_FRAME_MAX_PLANES] = {-1, -1, -1, -1};
	struct es_frame_buffer buffer;
	struct es_vaapi_surface surface;
	const char *why = "the driver makes none";
	bool ok = bo != NULL && describe(bo, fourcc, &buffer, fds) &&
			!vaapi_has_clear_colour(buffer.modifier) &&
			vaapi_surface_import(vaapi, &surface, &buffer, fds, &why);
	if (ok) {
		*modifier = buffer.modifier;
		vaapi_surface_finish(vaapi, &surface);
	} else {
		es_log(ES_LOG_DEBUG, "no import of %.4s for use 0x%x: %s", (const char *)&fourcc, use, why);
	}
	for (int i = 0; i < ES_FRAME_MAX_PLANES; i++) {
		fd_close(&fds[i]);
	}
	if (bo != NULL) {
		gbm_bo_destroy(bo);
	}
	return ok;
}

static size_t add(
		struct es_frame_format *out, size_t n, size_t cap, uint32_t fourcc, uint64_t modifier) {
	for (size_t i = 0; i < n; i++) {
		if (out[i].fourcc == fourcc && out[i].modifier == modifier) {
			return n;
		}
	}
	if (n < cap) {
		out[n++] = (struct es_frame_format){fourcc, modifier};
	}
	return n;
}

size_t vaapi_trial_formats(struct es_vaapi *vaapi, struct es_frame_format *out, size_t cap) {
	static const uint32_t uses[] = {GBM_BO_USE_RENDERING, GBM_BO_USE_RENDERING | GBM_BO_USE_LINEAR};
	struct gbm_device *gbm = gbm_create_device(vaapi->fd);
	size_t n = 0;
	for (size_t i = 0; gbm != NULL && i < n_vaapi_formats; i++) {
		for (size_t use = 0; use < sizeof(uses) / sizeof(uses[0]); use++) {
			uint64_t modifier;
			if (try_one(vaapi, gbm, vaapi_formats[i].fourcc, uses[use], &modifier)) {
				n = add(out, n, cap, vaapi_formats[i].fourcc, modifier);
			}
		}
	}
	if (gbm != NULL) {
		gbm_device_destroy(gbm);
	}
	return n;
}
