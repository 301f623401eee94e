// A picture's acquire fence: whoever draws into the buffer, the app's GPU work or our own, may not
// have finished when the buffer is committed. The event loop watches the fence, nobody waits for it,
// and one that has not signalled after a second is given up.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

struct wlr_buffer;
struct wlr_drm_syncobj_timeline;

#define ES_FENCE_PATIENCE_MS 1000
#define ES_FENCE_MAX_FDS 4 // one for each plane of a buffer

enum es_fence_state { ES_FENCE_PENDING, ES_FENCE_SIGNALLED, ES_FENCE_EXPIRED };

struct es_acquire_fence;

// Called from the event loop, once, when the fence is no longer pending.
typedef void (*es_fence_settled)(struct es_acquire_fence *fence, void *data);

// The fence of a point on a timeline, one reference for the caller. NULL: it has signalled already.
// One that cannot be watched is made expired.
struct es_acquire_fence *acquire_fence_of_point(struct wl_event_loop *loop,
		struct wlr_drm_syncobj_timeline *timeline, uint64_t point, es_fence_settled settled,
		void *data);
// The same of those who write into a DMA-BUF, as the kernel knows them. NULL also for memory.
struct es_acquire_fence *acquire_fence_of_buffer(struct wl_event_loop *loop,
		struct wlr_buffer *buffer, es_fence_settled settled, void *data);
// Signals when all of fds (owned from here on) have become readable, in whatever order. `portable`:
// there is one, and it is a sync_file.
struct es_acquire_fence *acquire_fence_create(struct wl_event_loop *loop, const int *fds, size_t n,
		bool portable, es_fence_settled settled, void *data);

// NULL is fine. After the last reference nothing is called any more.
struct es_acquire_fence *acquire_fence_ref(struct es_acquire_fence *fence);
void acquire_fence_unref(struct es_acquire_fence *fence);

// NULL counts as signalled.
enum es_fence_state acquire_fence_state(const struct es_acquire_fence *fence);
// What an encoder could wait for instead, borrowed; -1 if there is nothing of the kind.
int acquire_fence_sync_file(const struct es_acquire_fence *fence);
