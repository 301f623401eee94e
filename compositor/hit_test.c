#include "compositor/hit_test.h"

#include <stddef.h>
#include <wlr/types/wlr_scene.h>

#include "compositor/display.h"
#include "compositor/view.h"

struct wlr_surface *hit_test(struct es_display *display, double lx, double ly, double *sx,
		double *sy, struct es_view **view) {
	if (view != NULL) {
		*view = NULL;
	}
	struct wlr_scene_node *node = wlr_scene_node_at(&display->scene->tree.node, lx, ly, sx, sy);
	if (node == NULL || node->type != WLR_SCENE_NODE_BUFFER) {
		return NULL;
	}
	struct wlr_scene_surface *scene_surface =
			wlr_scene_surface_try_from_buffer(wlr_scene_buffer_from_node(node));
	if (scene_surface == NULL) {
		return NULL;
	}
	if (view != NULL) {
		*view = view_from_node(node);
	}
	return scene_surface->surface;
}
