#include "compositor/virtual_output.h"

#include <drm_fourcc.h>
#include <stdlib.h>
#include <wlr/render/allocator.h>
#include <wlr/render/drm_syncobj.h>
#include <wlr/render/swapchain.h>
#include <wlr/render/wlr_renderer.h>
#include <wlr/render/wlr_texture.h>
#include <wlr/types/wlr_buffer.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "compositor/scan_out.h"
#include "compositor/shared_imports.h"

#define SUPPORTED_STATE \
	(WLR_OUTPUT_STATE_BACKEND_OPTIONAL | WLR_OUTPUT_STATE_BUFFER | WLR_OUTPUT_STATE_MODE | \
			WLR_OUTPUT_STATE_ENABLED | WLR_OUTPUT_STATE_RENDER_FORMAT)
// Only if the GPU has timelines: wlroots asks for that first.
#define TIMELINE_STATE (WLR_OUTPUT_STATE_WAIT_TIMELINE | WLR_OUTPUT_STATE_SIGNAL_TIMELINE)

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

static bool is_imported(
		const struct es_virtual_output *output, const struct wlr_dmabuf_attributes *dmabuf) {
	if (dmabuf->n_planes < 1 || dmabuf->n_planes > ES_FRAME_MAX_PLANES) {
		return false;
	}
	for (int i = 0; i < dmabuf->n_planes; i++) {
		// What no message can carry.
		if (dmabuf->stride[i] == 0 || dmabuf->stride[i] > ES_FRAME_MAX_STRIDE ||
				dmabuf->offset[i] > ES_FRAME_MAX_OFFSET) {
			return false;
		}
	}
	return wlr_drm_format_set_has(&output->imported_formats, dmabuf->format, dmabuf->modifier);
}

static bool find_boxes(struct es_virtual_output *output, const struct wlr_output_state *state,
		int width, int height, struct es_box *src, struct es_rect *dst) {
	const struct es_scan_out candidate = {
			.screen_width = width,
			.screen_height = height,
			.buffer_width = state->buffer->width,
			.buffer_height = state->buffer->height,
			.src_x = state->buffer_src_box.x,
			.src_y = state->buffer_src_box.y,
			.src_width = state->buffer_src_box.width,
			.src_height = state->buffer_src_box.height,
			.dst_x = state->buffer_dst_box.x,
			.dst_y = state->buffer_dst_box.y,
			.dst_width = state->buffer_dst_box.width,
			.dst_height = state->buffer_dst_box.height,
	};
	return scan_out_boxes(&candidate, output->scales, src, dst, &output->refusal);
}

// Whether the encoders can read an app's own buffer. wlr_scene also offers windows that do not fill
// the screen, crops, and memory that the app may still write or truncate, wrapped or not.
static bool test_scan_out(struct es_virtual_output *output, const struct wlr_output_state *state,
		struct es_box *src, struct es_rect *dst) {
	int width, height;
	pending_size(output, state, &width, &height);
	struct wlr_dmabuf_attributes dmabuf;
	if (wlr_client_buffer_get(state->buffer) != NULL ||
			!wlr_buffer_get_dmabuf(state->buffer, &dmabuf)) {
		return refuse(output, ES_COMPOSE_SHM);
	}
	if (!find_boxes(output, state, width, height, src, dst)) {
		return false;
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

static bool test(struct es_virtual_output *output, const struct wlr_output_state *state,
		struct es_box *src, struct es_rect *dst) {
	*src = (struct es_box){0};
	*dst = (struct es_rect){0};
	if (state->committed & ~(uint32_t)(SUPPORTED_STATE | TIMELINE_STATE)) {
		return refuse(output, ES_COMPOSE_OTHER);
	}
	if ((state->committed & WLR_OUTPUT_STATE_MODE) && !test_mode(state)) {
		return false;
	}
	if (!(state->committed & WLR_OUTPUT_STATE_BUFFER)) {
		return true;
	}
	if (state->buffer->impl != output->own_buffers) {
		return test_scan_out(output, state, src, dst);
	}
	int width, height;
	pending_size(output, state, &width, &height);
	return state->buffer->width == width && state->buffer->height == height;
}

static bool output_test(struct wlr_output *wlr_output, const struct wlr_output_state *state) {
	struct es_box src;
	struct es_rect dst;
	return test(from_wlr(wlr_output), state, &src, &dst);
}

static void hand_over(struct es_virtual_output *output, const struct wlr_output_state *state,
		struct es_output_frame *frame) {
	pixman_region32_t whole;
	pixman_region32_init_rect(
			&whole, 0, 0, (unsigned)output->wlr_output.width, (unsigned)output->wlr_output.height);
	frame->buffer = state->buffer;
	frame->damage = state->committed & WLR_OUTPUT_STATE_DAMAGE ? &state->damage : &whole;
	frame->direct = state->buffer->impl != output->own_buffers;
	frame->commit_seq = output->wlr_output.commit_seq + 1;
	if (state->committed & WLR_OUTPUT_STATE_WAIT_TIMELINE) {
		frame->wait = state->wait_timeline;
		frame->wait_point = state->wait_point;
	}
	if (state->committed & WLR_OUTPUT_STATE_SIGNAL_TIMELINE) {
		frame->signal = state->signal_timeline;
		frame->signal_point = state->signal_point;
	}
	if (output->composing && output->sink != NULL) {
		output->sink->frame(output->sink_data, frame);
	} else if (frame->signal != NULL) {
		wlr_drm_syncobj_timeline_signal(frame->signal, frame->signal_point);
	}
	pixman_region32_fini(&whole);
}

static bool output_commit(struct wlr_output *wlr_output, const struct wlr_output_state *state) {
	struct es_virtual_output *output = from_wlr(wlr_output);
	struct es_output_frame frame = {0};
	// wlroots does not test before it commits.
	if (!test(output, state, &frame.src, &frame.dst)) {
		return false;
	}
	if (state->committed & WLR_OUTPUT_STATE_BUFFER) {
		hand_over(output, state, &frame);
	}
	return true;
}

static void tell_cursor(void *data) {
	struct es_virtual_output *output = data;
	if (output->sink != NULL) {
		output->sink->cursor(output->sink_data);
	}
}

// Where the GPU's memory cannot be mapped it has to copy, and we wait: it is small, and seldom.
static bool read_cursor(
		struct es_virtual_output *output, struct wlr_buffer *buffer, int hotspot_x, int hotspot_y) {
	struct es_frame_cursor_image image;
	struct wlr_texture *texture = NULL;
	if (cursor_plane_describe(buffer, hotspot_x, hotspot_y, &image)) {
		texture = wlr_texture_from_buffer(output->wlr_output.renderer, buffer);
	}
	if (texture == NULL) {
		return false;
	}
	size_t stride = (size_t)image.width * 4;
	void *pixels = malloc(stride * image.height);
	const struct wlr_texture_read_pixels_options options = {
			.data = pixels,
			.format = DRM_FORMAT_ARGB8888,
			.stride = (uint32_t)stride,
	};
	bool ok = pixels != NULL && wlr_texture_read_pixels(texture, &options) &&
			cursor_plane_set_pixels(&output->cursor, pixels, stride, &image);
	free(pixels);
	wlr_texture_destroy(texture);
	return ok;
}

static bool output_set_cursor(
		struct wlr_output *wlr_output, struct wlr_buffer *buffer, int hotspot_x, int hotspot_y) {
	struct es_virtual_output *output = from_wlr(wlr_output);
	if (!cursor_plane_set_image(&output->cursor, buffer, hotspot_x, hotspot_y) &&
			!read_cursor(output, buffer, hotspot_x, hotspot_y)) {
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
	bool dmabuf = buffer_caps & WLR_BUFFER_CAP_DMABUF;
	return dmabuf ? &output->primary_formats : &output->composed_formats;
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

static int backend_get_drm_fd(struct wlr_backend *backend) {
	const struct es_virtual_output *output = wl_container_of(backend, output, backend);
	return output->drm_fd;
}

static void backend_destroy(struct wlr_backend *backend) {
	struct es_virtual_output *output = wl_container_of(backend, output, backend);
	output->sink = NULL;
	wlr_backend_finish(backend);
	wlr_output_destroy(&output->wlr_output);
	cursor_plane_finish(&output->cursor);
	wlr_drm_format_set_finish(&output->composed_formats);
	wlr_drm_format_set_finish(&output->imported_formats);
	wlr_drm_format_set_finish(&output->primary_formats);
	wlr_drm_format_set_finish(&output->cursor_formats);
	fd_close(&output->drm_fd);
	free(output);
}

static const struct wlr_backend_impl backend_impl = {
		.start = backend_start,
		.destroy = backend_destroy,
		.get_drm_fd = backend_get_drm_fd,
};

// What we compose into must be in the set, or a modeset fails.
static bool set_primary_formats(struct es_virtual_output *output) {
	struct wlr_drm_format_set formats = {0};
	bool usable =
			wlr_drm_format_set_get(&output->imported_formats, output->composed_format) != NULL;
	const struct wlr_drm_format_set none = {0};
	if (!wlr_drm_format_set_union(
				&formats, &output->imported_formats, usable ? &none : &output->composed_formats)) {
		return false;
	}
	wlr_drm_format_set_finish(&output->primary_formats);
	output->primary_formats = formats;
	return true;
}

struct es_virtual_output *virtual_output_create(struct wl_event_loop *loop) {
	struct es_virtual_output *output = calloc(1, sizeof(*output));
	if (output == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the virtual screen: out of memory");
		return NULL;
	}
	output->drm_fd = -1;
	output->composed_format = DRM_FORMAT_XRGB8888;
	cursor_plane_init(&output->cursor, loop, tell_cursor, output);
	wlr_backend_init(&output->backend, &backend_impl);
	// After the init functions: they zero what they fill.
	output->backend.buffer_caps =
			WLR_BUFFER_CAP_DMABUF | WLR_BUFFER_CAP_SHM | WLR_BUFFER_CAP_DATA_PTR;
	wlr_output_init(&output->wlr_output, &output->backend, &output_impl, loop, NULL);
	wlr_output_set_name(&output->wlr_output, "earthshine-1");
	wlr_output_set_description(&output->wlr_output, "Earthshine virtual screen");
	if (!wlr_drm_format_set_add(
				&output->composed_formats, DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR) ||
			!wlr_drm_format_set_add(
					&output->composed_formats, DRM_FORMAT_XRGB2101010, DRM_FORMAT_MOD_LINEAR) ||
			!set_primary_formats(output) ||
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

// Some drivers give an allocator that cannot allocate. NULL: this is one.
static const struct wlr_buffer_impl *try_format(struct es_virtual_output *output,
		struct wlr_renderer *renderer, struct wlr_allocator *allocator, uint32_t fourcc) {
	const struct wlr_drm_format *format = wlr_drm_format_set_get(&output->composed_formats, fourcc);
	struct wlr_buffer *buffer = wlr_allocator_create_buffer(allocator, 64, 64, format);
	if (buffer == NULL) {
		return NULL;
	}
	struct wlr_render_pass *pass = wlr_renderer_begin_buffer_pass(renderer, buffer, NULL);
	bool ok = pass != NULL && wlr_render_pass_submit(pass);
	const struct wlr_buffer_impl *impl = ok ? buffer->impl : NULL;
	wlr_buffer_drop(buffer);
	return impl;
}

bool virtual_output_init_render(struct es_virtual_output *output, struct wlr_renderer *renderer,
		struct wlr_allocator *allocator) {
	const struct wlr_buffer_impl *impl =
			try_format(output, renderer, allocator, output->composed_format);
	if (impl == NULL || !wlr_output_init_render(&output->wlr_output, allocator, renderer)) {
		return false;
	}
	output->own_buffers = impl;
	return true;
}

bool virtual_output_use_10_bits(struct es_virtual_output *output) {
	struct wlr_output *wlr_output = &output->wlr_output;
	if (try_format(output, wlr_output->renderer, wlr_output->allocator, DRM_FORMAT_XRGB2101010) ==
			NULL) {
		return false;
	}
	output->composed_format = DRM_FORMAT_XRGB2101010;
	return set_primary_formats(output);
}

bool virtual_output_set_mode(
		struct es_virtual_output *output, const struct es_mode *mode, float scale) {
	struct wlr_output_state state;
	wlr_output_state_init(&state);
	wlr_output_state_set_enabled(&state, true);
	wlr_output_state_set_custom_mode(
			&state, (int32_t)mode->width, (int32_t)mode->height, mode->refresh_mhz);
	wlr_output_state_set_scale(&state, scale);
	wlr_output_state_set_render_format(&state, output->composed_format);
	bool ok = wlr_output_commit_state(&output->wlr_output, &state);
	wlr_output_state_finish(&state);
	return ok;
}

static bool has_modifier(const struct wlr_drm_format *format, uint64_t modifier) {
	for (size_t i = 0; i < format->len; i++) {
		if (format->modifiers[i] == modifier) {
			return true;
		}
	}
	return false;
}

static bool same_modifiers(const struct wlr_drm_format *a, const struct wlr_drm_format *b) {
	if (a == NULL || b == NULL || a->len != b->len) {
		return a == b;
	}
	for (size_t i = 0; i < a->len; i++) {
		if (!has_modifier(a, b->modifiers[i])) {
			return false;
		}
	}
	return true;
}

static bool same_imports(const struct es_virtual_output *output, const struct es_imports *imports) {
	if (imports->n_formats != output->n_imported) {
		return false;
	}
	for (uint32_t i = 0; i < imports->n_formats; i++) {
		const struct es_frame_format *format = &imports->formats[i];
		if (!wlr_drm_format_set_has(&output->imported_formats, format->fourcc, format->modifier)) {
			return false;
		}
	}
	return true;
}

static bool add_all(struct wlr_drm_format_set *set, const struct es_imports *imports) {
	for (uint32_t i = 0; i < imports->n_formats; i++) {
		const struct es_frame_format *format = &imports->formats[i];
		if (!wlr_drm_format_set_add(set, format->fourcc, format->modifier)) {
			return false;
		}
	}
	return true;
}

bool virtual_output_set_imports(
		struct es_virtual_output *output, const struct es_imports *imports) {
	output->scales = imports->scales;
	if (same_imports(output, imports)) {
		return false;
	}
	output->n_imported = imports->n_formats;
	struct wlr_drm_format_set before = output->primary_formats;
	output->primary_formats = (struct wlr_drm_format_set){0};
	wlr_drm_format_set_finish(&output->imported_formats);
	output->imported_formats = (struct wlr_drm_format_set){0};
	if (!add_all(&output->imported_formats, imports) || !set_primary_formats(output)) {
		es_log(ES_LOG_WARN, "out of memory: some frames are composed that need not be");
	}
	if (!same_modifiers(wlr_drm_format_set_get(&before, output->composed_format),
				wlr_drm_format_set_get(&output->primary_formats, output->composed_format))) {
		// wlroots makes the next one of what the encoders take now. What they hold lives on.
		wlr_swapchain_destroy(output->wlr_output.swapchain);
		output->wlr_output.swapchain = NULL;
	}
	wlr_drm_format_set_finish(&before);
	return true;
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
