// The paint client's buffers as DMA-BUFs, and what the compositor says about which it wants.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/clients/dma_memory.h"

struct es_paint;
struct es_paint_buffer;
struct zwp_linux_dmabuf_v1;
struct zwp_linux_dmabuf_feedback_v1;
struct wl_registry;

struct es_paint_dmabuf_options {
	const char *kind; // see dma_memory.h; NULL: no DMA-BUFs
	uint32_t format; // DRM's four letters
	uint64_t modifier;
	uint32_t padding; // bytes after each row, a multiple of 4
	uint32_t offset; // bytes before the first row
	bool fresh; // a new buffer for each commit
	bool varied; // each buffer has another format, modifier, padding and offset
	uint32_t n_varied; // buffers so far
};

struct es_paint_dmabuf_buffer {
	struct es_dma_memory memory;
	uint32_t stride;
};

// One listener's share of linux-dmabuf's feedback, written to the log when it is complete.
struct es_paint_feedback {
	struct es_paint *paint;
	const char *name; // "default" or "surface"
	struct zwp_linux_dmabuf_feedback_v1 *feedback;
	struct es_paint_feedback_entry *table;
	uint32_t table_size; // in bytes
	char *tranches; // text, so far
	unsigned long long main_device, target_device;
	uint32_t flags;
	char *formats; // of the tranche, text
};

// Takes the format's name (XR24, XB24, XR30) or a modifier's (linear, invalid, a number).
bool paint_dmabuf_parse_format(const char *text, uint32_t *format);
bool paint_dmabuf_parse_modifier(const char *text, uint64_t *modifier);

// Asks for feedback, for the display and for the window; after the surface was made.
bool paint_dmabuf_create(struct es_paint *paint);
void paint_dmabuf_destroy(struct es_paint *paint);

// Makes buffer->wl_buffer, with pixels of its own in buffer->px.
bool paint_dmabuf_init_buffer(struct es_paint *paint, struct es_paint_buffer *buffer);
void paint_dmabuf_finish_buffer(struct es_paint_buffer *buffer);
// Brings the pixels into the DMA-BUF, in its format.
bool paint_dmabuf_write(struct es_paint *paint, struct es_paint_buffer *buffer);

// paint_feedback.c

void paint_feedback_init(struct es_paint_feedback *feedback, struct es_paint *paint,
		const char *name, struct zwp_linux_dmabuf_feedback_v1 *object);
void paint_feedback_finish(struct es_paint_feedback *feedback);
