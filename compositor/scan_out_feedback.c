#include "compositor/scan_out_feedback.h"

#include <stddef.h>
#include <wlr/types/wlr_linux_dmabuf_v1.h>
#include <wlr/types/wlr_scene.h>

#include "compositor/display.h"
#include "compositor/globals.h"
#include "compositor/virtual_output.h"

struct survey {
	size_t n;
	struct wlr_surface *surface;
};

static void look_at(struct wlr_scene_buffer *buffer, int sx, int sy, void *data) {
	struct survey *survey = data;
	struct wlr_scene_surface *scene_surface = wlr_scene_surface_try_from_buffer(buffer);
	survey->n++;
	survey->surface = scene_surface != NULL ? scene_surface->surface : NULL;
}

void scan_out_feedback_renew(struct es_display *display) {
	if (display->globals == NULL || display->globals->linux_dmabuf == NULL) {
		return;
	}
	struct survey survey = {0};
	wlr_scene_output_for_each_buffer(display->scene_output, look_at, &survey);
	if (survey.n != 1 || survey.surface == NULL) {
		return;
	}
	struct es_virtual_output *output = display->output;
	const struct wlr_linux_dmabuf_feedback_v1_init_options options = {
			.main_renderer = display->renderer,
			.scanout_primary_output = output->imported_formats.len > 0 ? &output->wlr_output : NULL,
	};
	struct wlr_linux_dmabuf_feedback_v1 feedback = {0};
	if (wlr_linux_dmabuf_feedback_v1_init_with_options(&feedback, &options)) {
		wlr_linux_dmabuf_v1_set_surface_feedback(
				display->globals->linux_dmabuf, survey.surface, &feedback);
		wlr_linux_dmabuf_feedback_v1_finish(&feedback);
	}
}
