// When the paint client's pictures are ready, told to the compositor: by timelines (explicit) where it
// offers them, by fences on the DMA-BUF itself (implicit) where not.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct es_paint;
struct es_paint_buffer;
struct wp_linux_drm_syncobj_manager_v1;
struct wp_linux_drm_syncobj_surface_v1;
struct wp_linux_drm_syncobj_timeline_v1;

struct es_paint_sync_options {
	bool explicit_sync; // ask for it, and end if it is not offered
	bool delayed; // every picture is ready only so much later:
	int32_t delay_ms; // negative: never
};

struct es_paint_sync {
	struct es_paint *paint; // NULL: neither is used
	struct wp_linux_drm_syncobj_surface_v1 *surface; // NULL: implicit
	int device_fd; // has timelines (explicit) or fences (implicit)
	int timer_fd; // when the next picture is ready
};

struct es_paint_buffer_sync {
	struct wp_linux_drm_syncobj_timeline_v1 *timeline;
	uint32_t handle; // of the timeline, or of the memory that the fence is attached to
	int carrier_fd; // that memory as a DMA-BUF
	uint64_t point; // its last one: ready is odd, released is even
	uint32_t fence;
	int64_t ready_ns; // 0: nothing is waited for, INT64_MAX: in vain
};

// Opens the devices that the options need. False after a message.
bool paint_sync_create(struct es_paint *paint);
void paint_sync_destroy(struct es_paint *paint);
bool paint_sync_init_buffer(struct es_paint *paint, struct es_paint_buffer *buffer);
void paint_sync_finish_buffer(struct es_paint *paint, struct es_paint_buffer *buffer);
// Before the surface's commit.
void paint_sync_commit(struct es_paint *paint, struct es_paint_buffer *buffer);
// Whether the compositor has given the buffer back by its release point.
bool paint_sync_released(struct es_paint *paint, struct es_paint_buffer *buffer);
// When the timer has expired: pictures become ready.
void paint_sync_dispatch(struct es_paint *paint);
