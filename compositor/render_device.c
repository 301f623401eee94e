#include "compositor/render_device.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <wlr/config.h>
#include <wlr/render/allocator.h>
#include <wlr/render/pixman.h>
#include <wlr/render/wlr_renderer.h>
#include <wlr/util/log.h>
#if WLR_HAS_GLES2_RENDERER
#include <wlr/render/gles2.h>
#endif
#if WLR_HAS_VULKAN_RENDERER
#include <wlr/render/vulkan.h>
#endif

#include "base/log.h"
#include "compositor/virtual_output.h"

static bool has_render_node(void) {
	glob_t found;
	bool has = glob("/dev/dri/renderD*", GLOB_NOSORT, NULL, &found) == 0;
	if (has) {
		globfree(&found);
	}
	return has;
}

// Without a device the search for one would only log errors that mean nothing.
static struct wlr_renderer *search_renderer(struct es_virtual_output *output) {
	bool asked = getenv("WLR_RENDERER") != NULL || getenv("WLR_RENDER_DRM_DEVICE") != NULL;
	return asked || has_render_node() ? wlr_renderer_autocreate(&output->backend) : NULL;
}

static bool connect(struct es_virtual_output *output, struct wlr_renderer **renderer,
		struct wlr_allocator **allocator) {
	if (*renderer == NULL) {
		return false;
	}
	*allocator = wlr_allocator_autocreate(&output->backend, *renderer);
	return *allocator != NULL && virtual_output_init_render(output, *renderer, *allocator);
}

static void discard(struct wlr_renderer **renderer, struct wlr_allocator **allocator) {
	wlr_allocator_destroy(*allocator);
	*allocator = NULL;
	wlr_renderer_destroy(*renderer);
	*renderer = NULL;
}

bool render_device_create(struct es_virtual_output *output, struct wlr_renderer **renderer,
		struct wlr_allocator **allocator) {
	*renderer = search_renderer(output);
	if (connect(output, renderer, allocator)) {
		return true;
	}
	if (*renderer != NULL) {
		es_log(ES_LOG_WARN, "the %s renderer has no usable buffers here, composing on the CPU",
				render_device_name(*renderer));
	}
	discard(renderer, allocator);
	*renderer = wlr_pixman_renderer_create();
	if (connect(output, renderer, allocator)) {
		return true;
	}
	discard(renderer, allocator);
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
