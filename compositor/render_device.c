#include "compositor/render_device.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <wlr/config.h>
#include <wlr/render/allocator.h>
#include <wlr/render/pixman.h>
#include <wlr/render/wlr_renderer.h>
#include <wlr/util/log.h>
#include <xf86drm.h>
#if WLR_HAS_GLES2_RENDERER
#include <wlr/render/gles2.h>
#endif
#if WLR_HAS_VULKAN_RENDERER
#include <wlr/render/vulkan.h>
#endif

#include "base/fd.h"
#include "base/log.h"
#include "compositor/udmabuf_allocator.h"
#include "compositor/virtual_output.h"

struct es_maker {
	struct es_virtual_output *output;
	struct wlr_renderer **renderer;
	struct wlr_allocator **allocator;
};

static void discard(struct es_maker *maker) {
	wlr_allocator_destroy(*maker->allocator);
	*maker->allocator = NULL;
	wlr_renderer_destroy(*maker->renderer);
	*maker->renderer = NULL;
	maker->output->backend.features.timeline = false;
	fd_close(&maker->output->drm_fd);
}

static bool connect(struct es_maker *maker, struct wlr_allocator *allocator) {
	*maker->allocator = allocator;
	if (allocator != NULL &&
			virtual_output_init_render(maker->output, *maker->renderer, allocator)) {
		return true;
	}
	wlr_allocator_destroy(allocator);
	*maker->allocator = NULL;
	return false;
}

// The kernel's stand-in for a GPU, for tests: its node imports buffers and hands none out.
static bool is_test_device(int drm_fd) {
	drmVersion *version = drmGetVersion(drm_fd);
	bool is = version != NULL && strcmp(version->name, "vgem") == 0;
	drmFreeVersion(version);
	return is;
}

// Explicit sync takes all three: the GPU, what draws on it, and the output.
static bool has_timelines(const struct es_maker *maker) {
	uint64_t has = 0;
	return (*maker->renderer)->features.timeline &&
			drmGetCap(maker->output->drm_fd, DRM_CAP_SYNCOBJ_TIMELINE, &has) == 0 && has != 0;
}

static bool try_node(struct es_maker *maker, const char *path, bool asked) {
	struct es_virtual_output *output = maker->output;
	output->drm_fd = open(path, O_RDWR | O_CLOEXEC);
	if (output->drm_fd < 0) {
		es_log(asked ? ES_LOG_WARN : ES_LOG_INFO, "cannot use the GPU %s: %s", path,
				strerror(errno));
		return false;
	}
	*maker->renderer = wlr_renderer_autocreate(&output->backend);
	if (*maker->renderer == NULL || wlr_renderer_is_pixman(*maker->renderer)) {
		discard(maker);
		return false;
	}
	// Not for others, unless they are asked for: what software GL draws into memory of any size may lie
	// beyond its end.
	bool udmabuf = asked || is_test_device(output->drm_fd);
	if (connect(maker, wlr_allocator_autocreate(&output->backend, *maker->renderer)) ||
			(udmabuf && connect(maker, udmabuf_allocator_create()))) {
		output->backend.features.timeline = has_timelines(maker);
		return true;
	}
	es_log(asked ? ES_LOG_WARN : ES_LOG_INFO, "the GPU %s has no usable buffers here", path);
	discard(maker);
	return false;
}

// Without a device the search for one would only log errors that mean nothing.
static bool try_nodes(struct es_maker *maker) {
	const char *asked = getenv("WLR_RENDER_DRM_DEVICE"), *renderer = getenv("WLR_RENDERER");
	if (renderer != NULL && strcmp(renderer, "pixman") == 0) {
		return false;
	}
	if (asked != NULL) {
		return try_node(maker, asked, true);
	}
	glob_t found;
	if (glob("/dev/dri/renderD*", 0, NULL, &found) != 0) {
		return false;
	}
	bool ok = false;
	for (size_t i = 0; i < found.gl_pathc && !ok; i++) {
		ok = try_node(maker, found.gl_pathv[i], false);
	}
	globfree(&found);
	return ok;
}

bool render_device_create(struct es_virtual_output *output, struct wlr_renderer **renderer,
		struct wlr_allocator **allocator) {
	struct es_maker maker = {.output = output, .renderer = renderer, .allocator = allocator};
	if (try_nodes(&maker)) {
		return true;
	}
	*renderer = wlr_pixman_renderer_create();
	if (*renderer != NULL &&
			connect(&maker, wlr_allocator_autocreate(&output->backend, *renderer))) {
		return true;
	}
	discard(&maker);
	es_log(ES_LOG_ERROR, "cannot compose frames, not even on the CPU: is there memory left?");
	return false;
}

const char *render_device_name(struct wlr_renderer *renderer) {
	if (wlr_renderer_is_pixman(renderer)) {
		return "pixman";
	}
#if WLR_HAS_GLES2_RENDERER
	if (wlr_renderer_is_gles2(renderer)) {
		return "gles2";
	}
#endif
#if WLR_HAS_VULKAN_RENDERER
	if (wlr_renderer_is_vk(renderer)) {
		return "vulkan";
	}
#endif
	return "other";
}

// Much of what wlroots calls an error is an app's mistake or a driver that is not there.
static void forward_log(enum wlr_log_importance importance, const char *format, va_list args) {
	es_vlog(importance == WLR_ERROR ? ES_LOG_INFO : ES_LOG_DEBUG, format, args);
}

void render_device_init_log(void) {
	wlr_log_init(log_enabled(ES_LOG_DEBUG)	   ? WLR_DEBUG
					: log_enabled(ES_LOG_INFO) ? WLR_ERROR
											   : WLR_SILENT,
			forward_log);
}
