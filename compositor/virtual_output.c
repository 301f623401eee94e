#include "compositor/virtual_output.h"

#include <drm_fourcc.h>
#include <stdlib.h>
#include <wlr/render/allocator.h>
#include <wlr/render/wlr_renderer.h>
#include <wlr/types/wlr_buffer.h>

#include "base/clock.h"
#include "base/log.h"

#define SUPPORTED_STATE \
	(WLR_OUTPUT_STATE_BACKEND_OPTIONAL | WLR_OUTPUT_STATE_BUFFER | WLR_OUTPUT_STATE_MODE | \
			WLR_OUTPUT_STATE_ENABLED)
#define COMPOSED_FORMAT DRM_FORMAT_XRGB8888

static struct es_virtual_output *from_wlr(struct wlr_output *wlr_output) {
	struct es_virtual_output *output = wl_container_of(wlr_output, output, wlr_output);
	return output;
}

static bool refuse(struct es_virtual_output *output, enum es_compose_reason reason) {
	output->refusal = reason;
	return false;
}

static void pending_size(struct es_virtual_output *output, const struct wlr_output_state *state,
		int *width, int *height) {
	*width = output->wlr_output.width;
	*height = output->wlr_output.height;
	if (state->committed & WLR_OUTPUT_STATE_MODE) {
		*width = state->custom_mode.width;
		*height = state->custom_mode.height;
	}
}

static bool fills_screen(const struct wlr_output_state *state, int width, int height) {
	const struct wlr_box *dst = &state->buffer_dst_box;
	bool native = dst->width == 0 && dst->height == 0;
	int dst_width = native ? state->buffer->width : dst->width;
	int dst_height = native ? state->buffer->height : dst->height;
	return dst->x == 0 && dst->y == 0 && dst_width == width && dst_height == height;
}

static bool is_unscaled(const struct wlr_output_state *state, int width, int height) {
	const struct wlr_fbox *src = &state->buffer_src_box;
	bool whole = (src->width == 0 && src->height == 0) ||
			(src->x == 0 && src->y == 0 && src->width == width && src->height == height);
	return whole && state->buffer->width == width && state->buffer->height == height;
}

static bool is_imported(
		const struct es_virtual_output *output, const struct wlr_dmabuf_attributes *dmabuf) {
	if (dmabuf->n_planes > ES_FRAME_MAX_PLANES) {
		return false;
	}
	return wlr_drm_format_set_has(&output->imported_formats, dmabuf->format, dmabuf->modifier);
}

// Whether the encoder can read an app's own buffer as the whole picture. wlr_scene also offers
// windows that do not fill the screen, crops, and memory that the app may still write or truncate.
static bool test_scan_out(struct es_virtual_output *output, const struct wlr_output_state *state,
		int width, int height) {
	struct wlr_dmabuf_attributes dmabuf;
	if (!wlr_buffer_get_dmabuf(state->buffer, &dmabuf)) {
		return refuse(output, ES_COMPOSE_SHM);
	}
	if (!fills_screen(state, width, height)) {
		return refuse(output, ES_COMPOSE_LAYERS);
	}
	if (!is_unscaled(state, width, height)) {
		return refuse(output, ES_COMPOSE_SCALED);
	}
	if (!is_imported(output, &dmabuf)) {
		return refuse(output, ES_COMPOSE_FORMAT);
	}
	return !state->tearing_page_flip || refuse(output, ES_COMPOSE_OTHER);
}

static bool test_mode(const struct wlr_output_state *state) {
	if (state->mode_type != WLR_OUTPUT_STATE_MODE_CUSTOM || state->custom_mode.width < 0 ||
			state->custom_mode.height < 0) {
		return false;
	}
	struct es_mode mode = {
			.width = (uint32_t)state->custom_mode.width,
			.height = (uint32_t)state->custom_mode.height,
			.refresh_mhz = state->custom_mode.refresh,
	};
	return mode_valid(&mode);
}

static bool output_test(struct wlr_output *wlr_output, const struct wlr_output_state *state) {
	struct es_virtual_output *output = from_wlr(wlr_output);
	if (state->committed & ~(uint32_t)SUPPORTED_STATE) {
		return refuse(output, ES_COMPOSE_OTHER);
	}
	if ((state->committed & WLR_OUTPUT_STATE_MODE) && !test_mode(state)) {
		return false;
	}
	if (!(state->committed & WLR_OUTPUT_STATE_BUFFER)) {
		return true;
	}
	int width, height;
	pending_size(output, state, &width, &height);
	if (state->buffer->impl == output->own_buffers) {
		return state->buffer->width == width && state->buffer->height == height;
	}
	return test_scan_out(output, state, width, height);
}

static bool output_commit(struct wlr_output *wlr_output, const struct wlr_output_state *state) {
	struct es_virtual_output *output = from_wlr(wlr_output);
	// wlroots does not test before it commits.
	if (!output_test(wlr_output, state)) {
		return false;
	}
	if (!(state->committed & WLR_OUTPUT_STATE_BUFFER) || !output->composing ||
			output->sink == NULL) {
		return true;
	}
	pixman_region32_t whole;
	pixman_region32_init_rect(
			&whole, 0, 0, (unsigned)state->buffer->width, (unsigned)state->buffer->height);
	bool partial = state->committed & WLR_OUTPUT_STATE_DAMAGE;
	bool direct = state->buffer->impl != output->own_buffers;
	output->sink->frame(output->sink_data, state->buffer, partial ? &state->damage : &whole, direct,
			wlr_output->commit_seq + 1);
	pixman_region32_fini(&whole);
	return true;
}

static void tell_cursor(struct es_virtual_output *output) {
	if (output->sink != NULL) {
		output->sink->cursor(output->sink_data);
	}
}

static bool output_set_cursor(
		struct wlr_output *wlr_output, struct wlr_buffer *buffer, int hotspot_x, int hotspot_y) {
	struct es_virtual_output *output = from_wlr(wlr_output);
	if (!cursor_plane_set_image(&output->cursor, buffer, hotspot_x, hotspot_y)) {
		return false;
	}
	tell_cursor(output);
	return true;
}

static bool output_move_cursor(struct wlr_output *wlr_output, int x, int y) {
	struct es_virtual_output *output = from_wlr(wlr_output);
	cursor_plane_move(&output->cursor, x, y);
	tell_cursor(output);
	return true;
}

static const struct wlr_drm_format_set *output_get_primary_formats(
		struct wlr_output *wlr_output, uint32_t buffer_caps) {
	struct es_virtual_output *output = from_wlr(wlr_output);
	// What we compose into must be in the set, or a modeset fails.
	bool usable = wlr_drm_format_set_get(&output->imported_formats, COMPOSED_FORMAT) != NULL;
	bool dmabuf = buffer_caps & WLR_BUFFER_CAP_DMABUF;
	return dmabuf && usable ? &output->imported_formats : &output->composed_formats;
}

static const struct wlr_drm_format_set *output_get_cursor_formats(
		struct wlr_output *wlr_output, uint32_t buffer_caps) {
	return &from_wlr(wlr_output)->cursor_formats;
}

// The output lives inside es_virtual_output, which backend_destroy frees.
static void output_destroy(struct wlr_output *wlr_output) {
	wlr_output_finish(wlr_output);
}

static const struct wlr_output_impl output_impl = {
		.set_cursor = output_set_cursor,
		.move_cursor = output_move_cursor,
		.destroy = output_destroy,
		.test = output_test,
		.commit = output_commit,
		.get_primary_formats = output_get_primary_formats,
		.get_cursor_formats = output_get_cursor_formats,
};

static bool backend_start(struct wlr_backend *backend) {
	return true;
}

static void backend_destroy(struct wlr_backend *backend) {
	struct es_virtual_output *output = wl_container_of(backend, output, backend);
	output->sink = NULL;
	wlr_backend_finish(backend);
	wlr_output_destroy(&output->wlr_output);
	cursor_plane_finish(&output->cursor);
	wlr_drm_format_set_finish(&output->composed_formats);
	wlr_drm_format_set_finish(&output->imported_formats);
	wlr_drm_format_set_finish(&output->cursor_formats);
	free(output);
}

static const struct wlr_backend_impl backend_impl = {
		.start = backend_start,
		.destroy = backend_destroy,
};

struct es_virtual_output *virtual_output_create(struct wl_event_loop *loop) {
	struct es_virtual_output *output = calloc(1, sizeof(*output));
	if (output == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the virtual screen: out of memory");
		return NULL;
	}
	cursor_plane_init(&output->cursor);
	wlr_backend_init(&output->backend, &backend_impl);
	// After the init functions: they zero what they fill.
	output->backend.buffer_caps =
			WLR_BUFFER_CAP_DMABUF | WLR_BUFFER_CAP_SHM | WLR_BUFFER_CAP_DATA_PTR;
	wlr_output_init(&output->wlr_output, &output->backend, &output_impl, loop, NULL);
	wlr_output_set_name(&output->wlr_output, "earthshine-1");
	wlr_output_set_description(&output->wlr_output, "Earthshine virtual screen");
	if (!wlr_drm_format_set_add(
				&output->composed_formats, COMPOSED_FORMAT, DRM_FORMAT_MOD_LINEAR) ||
			!wlr_drm_format_set_add(
					&output->cursor_formats, DRM_FORMAT_ARGB8888, DRM_FORMAT_MOD_LINEAR)) {
		es_log(ES_LOG_ERROR, "cannot make the virtual screen: out of memory");
		virtual_output_destroy(output);
		return NULL;
	}
	return output;
}

void virtual_output_destroy(struct es_virtual_output *output) {
	if (output != NULL) {
		wlr_backend_destroy(&output->backend);
	}
}

bool virtual_output_init_render(struct es_virtual_output *output, struct wlr_renderer *renderer,
		struct wlr_allocator *allocator) {
	const struct wlr_drm_format *format =
			wlr_drm_format_set_get(&output->composed_formats, COMPOSED_FORMAT);
	// Some drivers give an allocator that cannot allocate.
	struct wlr_buffer *buffer = wlr_allocator_create_buffer(allocator, 64, 64, format);
	if (buffer == NULL) {
		return false;
	}
	struct wlr_render_pass *pass = wlr_renderer_begin_buffer_pass(renderer, buffer, NULL);
	bool ok = pass != NULL && wlr_render_pass_submit(pass) &&
			wlr_output_init_render(&output->wlr_output, allocator, renderer);
	if (ok) {
		output->own_buffers = buffer->impl;
	}
	wlr_buffer_drop(buffer);
	return ok;
}

bool virtual_output_set_mode(
		struct es_virtual_output *output, const struct es_mode *mode, float scale) {
	struct wlr_output_state state;
	wlr_output_state_init(&state);
	wlr_output_state_set_enabled(&state, true);
	wlr_output_state_set_custom_mode(
			&state, (int32_t)mode->width, (int32_t)mode->height, mode->refresh_mhz);
	wlr_output_state_set_scale(&state, scale);
	bool ok = wlr_output_commit_state(&output->wlr_output, &state);
	wlr_output_state_finish(&state);
	return ok;
}

void virtual_output_set_imports(
		struct es_virtual_output *output, const struct es_frame_format *formats, uint32_t n) {
	wlr_drm_format_set_finish(&output->imported_formats);
	output->imported_formats = (struct wlr_drm_format_set){0};
	for (uint32_t i = 0; i < n; i++) {
		if (!wlr_drm_format_set_add(
					&output->imported_formats, formats[i].fourcc, formats[i].modifier)) {
			es_log(ES_LOG_WARN, "out of memory: some frames are composed that need not be");
			return;
		}
	}
}

void virtual_output_begin(struct es_virtual_output *output, enum es_compose_reason untried) {
	output->composing = true;
	output->refusal = untried;
}

void virtual_output_end(struct es_virtual_output *output) {
	output->composing = false;
	// Each commit makes wlroots wait for this; it must not come from within the commit.
	wlr_output_send_frame(&output->wlr_output);
}

void virtual_output_send_present(struct es_virtual_output *output, uint32_t commit_seq,
		int64_t taken_ns, uint64_t sequence) {
	struct wlr_output_event_present event = {
			.commit_seq = commit_seq,
			.presented = taken_ns != 0,
			.when = {.tv_sec = taken_ns / ES_NS_PER_S, .tv_nsec = taken_ns % ES_NS_PER_S},
			.seq = (unsigned)sequence,
			.refresh = (int)clock_period_ns(output->wlr_output.refresh),
	};
	wlr_output_send_present(&output->wlr_output, &event);
}
