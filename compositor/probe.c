#include "compositor/probe.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wayland-server-core.h>
#include <wlr/render/allocator.h>
#include <wlr/render/wlr_renderer.h>

#include "base/log.h"
#include "compositor/render_device.h"
#include "compositor/virtual_output.h"
#include "config.h"

static bool probe_renderer(void) {
	struct wl_event_loop *loop = wl_event_loop_create();
	struct es_virtual_output *output = loop != NULL ? virtual_output_create(loop) : NULL;
	struct wlr_renderer *renderer = NULL;
	struct wlr_allocator *allocator = NULL;
	bool ok = output != NULL && render_device_create(output, &renderer, &allocator);
	if (ok) {
		printf("renderer %s\n", render_device_name(renderer));
	}
	virtual_output_destroy(output);
	wlr_allocator_destroy(allocator);
	wlr_renderer_destroy(renderer);
	if (loop != NULL) {
		wl_event_loop_destroy(loop);
	}
	return ok;
}

// As wlroots finds it: WLR_XWAYLAND, else in PATH.
static bool find_xwayland(char path[PATH_MAX]) {
	const char *set = getenv("WLR_XWAYLAND");
	if (set != NULL) {
		snprintf(path, PATH_MAX, "%s", set);
		return access(path, X_OK) == 0;
	}
	const char *dirs = getenv("PATH");
	for (const char *dir = dirs != NULL ? dirs : "/usr/bin:/bin"; *dir != '\0';) {
		int length = (int)strcspn(dir, ":");
		snprintf(path, PATH_MAX, "%.*s/Xwayland", length, dir);
		if (length > 0 && access(path, X_OK) == 0) {
			return true;
		}
		dir += length + (dir[length] == ':');
	}
	return false;
}

bool probe_print(void) {
	char path[PATH_MAX];
	bool found = ES_HAVE_XWAYLAND && find_xwayland(path);
	printf("xwayland %s\n", found ? path : ES_HAVE_XWAYLAND ? "missing" : "not built");
	return probe_renderer();
}
