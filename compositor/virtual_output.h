// The virtual hardware: a wlr_backend with one wlr_output whose scan-out engine is an encoder.
//
// It takes what wlroots commits and hands it on; it decides nothing about time. It never blocks and
// never copies a frame, and trouble with an encoder never fails a commit.
#pragma once

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>
#include <wlr/backend/interface.h>
#include <wlr/interfaces/wlr_output.h>
#include <wlr/render/drm_format_set.h>

#include "compositor/cursor_plane.h"
#include "protocol/session_msg.h"

struct es_imports;
struct wlr_drm_syncobj_timeline;

// A picture. All of it is borrowed: lock the buffer to keep it.
struct es_output_frame {
	struct wlr_buffer *buffer;
	const pixman_region32_t *damage; // pixels of the screen
	bool direct; // the app's own buffer
	struct es_box src; // as in struct es_frame
	struct es_rect dst;
	// Explicit sync: the buffer can be read from `wait` on, and `signal` is to say that it has been.
	// NULL: no such point.
	struct wlr_drm_syncobj_timeline *wait, *signal;
	uint64_t wait_point, signal_point;
	uint32_t commit_seq;
};

// Where commits go.
struct es_output_sink {
	// The sink sees to it that frame->signal is signalled.
	void (*frame)(void *data, const struct es_output_frame *frame);
	// The cursor's picture or place has changed.
	void (*cursor)(void *data);
};

struct es_virtual_output {
	struct wlr_backend backend;
	struct wlr_output wlr_output;

	// borrowed
	const struct es_output_sink *sink; // NULL: nobody listens
	void *sink_data;
	const struct wlr_buffer_impl *own_buffers; // of our allocator: what else comes is an app's

	// owned
	int drm_fd; // of the GPU that composes; -1: none. Set by render_device.c

	// state
	struct es_cursor_plane cursor;
	uint32_t composed_format; // DRM_FORMAT_*
	struct wlr_drm_format_set composed_formats; // what we compose into
	struct wlr_drm_format_set imported_formats; // DMA-BUFs that the encoders read
	struct wlr_drm_format_set primary_formats; // those, and what we compose into in any case
	uint32_t n_imported;
	bool scales; // the encoders do
	struct wlr_drm_format_set cursor_formats;
	bool composing; // between virtual_output_begin and _end
	enum es_compose_reason refusal; // why this frame is not scanned out directly
};

// NULL after a logged error. Renderer and allocator come later, see virtual_output_init_render.
struct es_virtual_output *virtual_output_create(struct wl_event_loop *loop);
// Destroys the output with its scene outputs. NULL is fine.
void virtual_output_destroy(struct es_virtual_output *output);

// Connects renderer and allocator (borrowed until the end) after making a real buffer with them.
// False: they do not work together.
bool virtual_output_init_render(struct es_virtual_output *output, struct wlr_renderer *renderer,
		struct wlr_allocator *allocator);

// Composes with 10 bits a channel from the next modeset on. False: cannot, 8 it stays.
bool virtual_output_use_10_bits(struct es_virtual_output *output);

// Switches the screen on, or to another mode. Call virtual_output_end once all else knows it.
bool virtual_output_set_mode(
		struct es_virtual_output *output, const struct es_mode *mode, float scale);

// What the encoders take; replaces what was there. No formats: memory only. False: nothing is new.
bool virtual_output_set_imports(struct es_virtual_output *output, const struct es_imports *imports);

// Around the commit that makes a frame; commits outside (modesets) reach no encoder. `untried`: why
// the frame is composed if the scene finds no buffer to offer for scan-out.
void virtual_output_begin(struct es_virtual_output *output, enum es_compose_reason untried);
void virtual_output_end(struct es_virtual_output *output);

// Tells apps when the picture was taken up. taken_ns 0: never.
void virtual_output_send_present(
		struct es_virtual_output *output, uint32_t commit_seq, int64_t taken_ns, uint64_t sequence);
