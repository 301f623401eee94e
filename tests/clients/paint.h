// The paint client: a Wayland app that draws numbered pictures at a given rate, says what
// it committed and when, and misbehaves on request.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <wayland-client.h>

#include "tests/clients/paint_cursor.h"
#include "tests/clients/paint_dmabuf.h"
#include "tests/clients/paint_picture.h"
#include "tests/clients/paint_sync.h"

#define PAINT_MAX_BUFFERS 8

struct es_paint;

struct es_paint_options {
	int32_t width, height; // 0: as configured
	bool fullscreen;
	double rate_hz; // 0: in each frame callback
	uint32_t frames; // 0: no limit
	double seconds; // 0: no limit
	uint32_t still_after; // 0: never
	bool resume_on_signal;
	enum es_paint_content content;
	enum es_paint_damage damage;
	int32_t area_width, area_height;
	uint32_t argb : 1; // with an alpha channel
	uint32_t dump_number;
	const char *dump_path;
	const char *log_path;
	const char *bad; // NULL: behaves
	int exit_code;
	const char *title;
	uint32_t cursor_argb; // 0: none of its own
	uint32_t buffers; // 0: as many as it takes, else that many in turn
	struct es_paint_dmabuf_options dmabuf;
	struct es_paint_sync_options sync;
};

struct es_paint_buffer {
	struct es_paint *paint;
	struct wl_buffer *wl_buffer;
	uint32_t *px;
	size_t size;
	int fd;
	struct es_paint_dmabuf_buffer *dmabuf; // NULL: px is shared memory
	struct es_paint_buffer_sync sync;
	uint64_t inode; // of a DMA-BUF
	bool busy; // the compositor has it
	uint32_t number; // what is drawn in it, 0: nothing
};

struct es_paint {
	struct es_paint_options options;
	// owned
	struct wl_display *display;
	struct wl_registry *registry;
	struct wl_compositor *compositor;
	struct wl_subcompositor *subcompositor;
	struct wl_shm *shm;
	struct xdg_wm_base *wm_base;
	struct wp_presentation *presentation;
	struct zwp_linux_dmabuf_v1 *linux_dmabuf;
	struct wp_linux_drm_syncobj_manager_v1 *syncobj_manager;
	struct es_paint_feedback feedback[2];
	struct es_paint_sync sync;
	struct es_paint_cursor cursor;
	struct wl_surface *surface;
	struct xdg_surface *xdg_surface;
	struct xdg_toplevel *toplevel;
	struct wl_callback *frame; // NULL: none under way
	struct es_paint_picture picture;
	struct es_paint_buffer buffers[PAINT_MAX_BUFFERS];
	FILE *log;
	int timer_fd, signal_fd;

	struct wl_list commits; // es_paint_commit.link, those without a result yet
	int32_t width, height; // of the buffers, 0 before the first configure
	int32_t configured_width, configured_height;
	bool configured, redraw_wanted, done;
	uint32_t number; // of the newest commit
	uint32_t next_buffer; // of those in turn
	uint64_t starved; // commits that found no free buffer
	int64_t started_ns;
};

// paint_window.c

// Binds what is needed and makes the window, up to its first configure. False after a message.
bool paint_window_create(struct es_paint *paint);
void paint_window_destroy(struct es_paint *paint);
// A buffer that may be drawn in, or NULL.
struct es_paint_buffer *paint_window_free_buffer(struct es_paint *paint);
// Forgets the pixels; a new one comes in its place.
void paint_window_drop_buffer(struct es_paint *paint, struct es_paint_buffer *buffer);
// New buffers of this size; those before are dropped.
bool paint_window_resize(struct es_paint *paint, int32_t width, int32_t height);
// A pool of `size` bytes in a memfd of `file_size` bytes, mapped at *px.
struct wl_shm_pool *paint_window_create_pool(
		struct es_paint *paint, size_t file_size, int32_t size, int *fd, uint32_t **px);

// paint_log.c

int64_t paint_now_ns(void);
// Notes the commit that is about to be sent: asks for its feedback.
void paint_log_commit(
		struct es_paint *paint, const struct es_paint_buffer *buffer, int64_t callback_ns);
// Notes that this happened to picture `number`, now.
void paint_log_event(struct es_paint *paint, const char *event, uint32_t number);
// Writes the commits that never got a result, and a summary.
void paint_log_finish(struct es_paint *paint);

// paint_bad.c

// Misbehaves as `paint->options.bad` says, and ends the process.
_Noreturn void paint_bad_run(struct es_paint *paint);
// Names of the ways, separated by spaces.
const char *paint_bad_names(void);
bool paint_bad_known(const char *name);
