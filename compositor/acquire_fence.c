#include "compositor/acquire_fence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <wlr/render/drm_syncobj.h>
#include <wlr/types/wlr_buffer.h>

#include "base/fd.h"
#include "base/log.h"

struct es_acquire_fence {
	uint32_t refs;
	enum es_fence_state state;
	bool portable;
	size_t n;
	int fds[ES_FENCE_MAX_FDS]; // owned
	size_t at; // the one that is watched; those before have signalled
	struct wl_event_loop *loop; // borrowed
	struct wl_event_source *source, *timer;
	es_fence_settled settled;
	void *data;
};

static bool is_readable(int fd) {
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	return poll(&pollfd, 1, 0) > 0;
}

static void stop(struct es_acquire_fence *fence) {
	if (fence->source != NULL) {
		wl_event_source_remove(fence->source);
		fence->source = NULL;
	}
	if (fence->timer != NULL) {
		wl_event_source_remove(fence->timer);
		fence->timer = NULL;
	}
}

static void settle(struct es_acquire_fence *fence, enum es_fence_state state) {
	stop(fence);
	fence->state = state;
	acquire_fence_ref(fence); // it may go with the frame that it held
	fence->settled(fence, fence->data);
	acquire_fence_unref(fence);
}

static int handle_timeout(void *data) {
	settle(data, ES_FENCE_EXPIRED);
	return 0;
}

static int handle_readable(int fd, uint32_t mask, void *data);

// Watches the next one. False if it cannot, or if there is none left.
static bool watch(struct es_acquire_fence *fence) {
	while (fence->at < fence->n && is_readable(fence->fds[fence->at])) {
		fence->at++;
	}
	if (fence->at == fence->n) {
		fence->state = ES_FENCE_SIGNALLED;
		return false;
	}
	fence->source = wl_event_loop_add_fd(
			fence->loop, fence->fds[fence->at], WL_EVENT_READABLE, handle_readable, fence);
	if (fence->source == NULL) {
		fence->state = ES_FENCE_EXPIRED;
	}
	return fence->source != NULL;
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct es_acquire_fence *fence = data;
	wl_event_source_remove(fence->source);
	fence->source = NULL;
	fence->at++;
	if (!watch(fence)) {
		settle(fence, fence->state);
	}
	return 0;
}

// Only for pictures whose drawing is not finished; there are never more than a few.
struct es_acquire_fence *acquire_fence_create(struct wl_event_loop *loop, const int *fds, size_t n,
		bool portable, es_fence_settled settled, void *data) {
	struct es_acquire_fence *fence = calloc(1, sizeof(*fence));
	if (fence == NULL) {
		for (size_t i = 0; i < n; i++) {
			int fd = fds[i];
			fd_close(&fd);
		}
		return NULL; // a torn picture rather than none at all
	}
	*fence = (struct es_acquire_fence){
			.refs = 1,
			.portable = portable && n == 1,
			.n = n,
			.loop = loop,
			.settled = settled,
			.data = data,
	};
	memcpy(fence->fds, fds, n * sizeof(fds[0]));
	if (n == 0) {
		fence->state = ES_FENCE_EXPIRED;
		return fence;
	}
	if (watch(fence)) {
		fence->timer = wl_event_loop_add_timer(loop, handle_timeout, fence);
		if (fence->timer == NULL ||
				wl_event_source_timer_update(fence->timer, ES_FENCE_PATIENCE_MS) != 0) {
			stop(fence);
			fence->state = ES_FENCE_EXPIRED;
		}
	}
	if (fence->state == ES_FENCE_SIGNALLED) {
		acquire_fence_unref(fence);
		return NULL;
	}
	return fence;
}

struct es_acquire_fence *acquire_fence_of_point(struct wl_event_loop *loop,
		struct wlr_drm_syncobj_timeline *timeline, uint64_t point, es_fence_settled settled,
		void *data) {
	int fd = wlr_drm_syncobj_timeline_export_sync_file(timeline, point);
	if (fd >= 0) {
		return acquire_fence_create(loop, &fd, 1, true, settled, data);
	}
	// wlroots holds commits back until there is a fence: this one is gone, or never was.
	return acquire_fence_create(loop, NULL, 0, false, settled, data);
}

// A fence of those who write now: the buffer itself would also tell of those who write later.
static int export_writers(int dmabuf, bool *portable) {
	struct dma_buf_export_sync_file export = {.flags = DMA_BUF_SYNC_READ, .fd = -1};
	int result;
	do {
		result = ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export);
	} while (result != 0 && (errno == EINTR || errno == EAGAIN));
	if (result == 0) {
		return export.fd;
	}
	// A kernel before 6.0.
	*portable = false;
	return fcntl(dmabuf, F_DUPFD_CLOEXEC, 0);
}

struct es_acquire_fence *acquire_fence_of_buffer(struct wl_event_loop *loop,
		struct wlr_buffer *buffer, es_fence_settled settled, void *data) {
	struct wlr_dmabuf_attributes dmabuf;
	if (!wlr_buffer_get_dmabuf(buffer, &dmabuf)) {
		return NULL;
	}
	bool portable = true;
	int fds[ES_FENCE_MAX_FDS];
	size_t n = 0;
	for (int i = 0; i < dmabuf.n_planes && i < ES_FENCE_MAX_FDS; i++) {
		// A DMA-BUF is readable when nobody writes into it any more.
		if (is_readable(dmabuf.fd[i])) {
			continue;
		}
		fds[n] = export_writers(dmabuf.fd[i], &portable);
		n += fds[n] >= 0;
	}
	return n > 0 ? acquire_fence_create(loop, fds, n, portable, settled, data) : NULL;
}

struct es_acquire_fence *acquire_fence_ref(struct es_acquire_fence *fence) {
	if (fence != NULL) {
		fence->refs++;
	}
	return fence;
}

void acquire_fence_unref(struct es_acquire_fence *fence) {
	if (fence == NULL || --fence->refs > 0) {
		return;
	}
	stop(fence);
	for (size_t i = 0; i < fence->n; i++) {
		fd_close(&fence->fds[i]);
	}
	free(fence);
}

enum es_fence_state acquire_fence_state(const struct es_acquire_fence *fence) {
	return fence != NULL ? fence->state : ES_FENCE_SIGNALLED;
}

int acquire_fence_sync_file(const struct es_acquire_fence *fence) {
	return fence != NULL && fence->portable ? fence->fds[0] : -1;
}
