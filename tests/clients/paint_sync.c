#include "tests/clients/paint_sync.h"

#include <fcntl.h>
#include <drm/vgem_drm.h>
#include <linux/dma-buf.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <xf86drm.h>

#include "linux-drm-syncobj-v1-client-protocol.h"
#include "tests/clients/paint.h"

#define MAX_NODES 8
#define FIRST_RENDER_NODE 128

static int open_timelines(void) {
	for (int i = 0; i < MAX_NODES; i++) {
		char path[32];
		snprintf(path, sizeof(path), "/dev/dri/renderD%d", FIRST_RENDER_NODE + i);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		uint64_t has = 0;
		if (fd >= 0 && drmGetCap(fd, DRM_CAP_SYNCOBJ_TIMELINE, &has) == 0 && has == 1) {
			return fd;
		}
		if (fd >= 0) {
			close(fd);
		}
	}
	return -1;
}

static bool create_explicit(struct es_paint *paint) {
	if (paint->syncobj_manager == NULL) {
		fprintf(stderr, "paint: the compositor does not offer explicit sync\n");
		return false;
	}
	paint->sync.device_fd = open_timelines();
	if (paint->sync.device_fd < 0) {
		fprintf(stderr, "paint: no device here has timelines\n");
		return false;
	}
	paint->sync.surface =
			wp_linux_drm_syncobj_manager_v1_get_surface(paint->syncobj_manager, paint->surface);
	return true;
}

static bool create_implicit(struct es_paint *paint) {
	paint->sync.device_fd = dma_memory_open_driver("vgem");
	if (paint->sync.device_fd < 0) {
		fprintf(stderr, "paint: delayed fences need vgem\n");
		return false;
	}
	return true;
}

bool paint_sync_create(struct es_paint *paint) {
	const struct es_paint_sync_options *options = &paint->options.sync;
	if (!options->explicit_sync && !options->delayed) {
		return true;
	}
	paint->sync.paint = paint;
	paint->sync.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return paint->sync.timer_fd >= 0 &&
			(options->explicit_sync ? create_explicit(paint) : create_implicit(paint));
}

void paint_sync_destroy(struct es_paint *paint) {
	struct es_paint_sync *sync = &paint->sync;
	if (sync->surface != NULL) {
		wp_linux_drm_syncobj_surface_v1_destroy(sync->surface);
	}
	if (paint->syncobj_manager != NULL) {
		wp_linux_drm_syncobj_manager_v1_destroy(paint->syncobj_manager);
	}
	if (sync->device_fd >= 0) {
		close(sync->device_fd);
	}
	if (sync->timer_fd >= 0) {
		close(sync->timer_fd);
	}
	*sync = (struct es_paint_sync){.device_fd = -1, .timer_fd = -1};
}

static bool init_timeline(struct es_paint *paint, struct es_paint_buffer_sync *sync) {
	int fd = -1;
	if (drmSyncobjCreate(paint->sync.device_fd, 0, &sync->handle) != 0 ||
			drmSyncobjHandleToFD(paint->sync.device_fd, sync->handle, &fd) != 0) {
		perror("paint: a timeline");
		return false;
	}
	sync->timeline = wp_linux_drm_syncobj_manager_v1_import_timeline(paint->syncobj_manager, fd);
	close(fd);
	return true;
}

// Fences of vgem are made on memory of vgem; from there they can be copied to any DMA-BUF.
static bool init_carrier(struct es_paint *paint, struct es_paint_buffer_sync *sync) {
	struct drm_mode_create_dumb create = {.width = 16, .height = 16, .bpp = 32};
	if (drmIoctl(paint->sync.device_fd, DRM_IOCTL_MODE_CREATE_DUMB, &create) != 0) {
		perror("paint: memory for a fence");
		return false;
	}
	sync->handle = create.handle;
	return drmPrimeHandleToFD(paint->sync.device_fd, create.handle, DRM_CLOEXEC | DRM_RDWR,
				   &sync->carrier_fd) == 0;
}

bool paint_sync_init_buffer(struct es_paint *paint, struct es_paint_buffer *buffer) {
	buffer->sync = (struct es_paint_buffer_sync){.carrier_fd = -1};
	if (paint->sync.paint == NULL) {
		return true;
	}
	return paint->sync.surface != NULL ? init_timeline(paint, &buffer->sync)
									   : init_carrier(paint, &buffer->sync);
}

static void make_ready(struct es_paint *paint, struct es_paint_buffer *buffer) {
	struct es_paint_buffer_sync *sync = &buffer->sync;
	struct drm_vgem_fence_signal fence = {.fence = sync->fence};
	sync->ready_ns = 0;
	paint_log_event(paint, "ready", buffer->number); // before anybody can act on it
	if (paint->sync.surface != NULL) {
		uint64_t ready = sync->point - 1;
		drmSyncobjTimelineSignal(paint->sync.device_fd, &sync->handle, &ready, 1);
	} else {
		drmIoctl(paint->sync.device_fd, DRM_IOCTL_VGEM_FENCE_SIGNAL, &fence);
	}
}

void paint_sync_finish_buffer(struct es_paint *paint, struct es_paint_buffer *buffer) {
	struct es_paint_buffer_sync *sync = &buffer->sync;
	if (paint->sync.paint == NULL) {
		return;
	}
	if (sync->ready_ns != 0 && paint->options.sync.delay_ms >= 0) {
		make_ready(paint, buffer);
	}
	if (sync->timeline != NULL) {
		wp_linux_drm_syncobj_timeline_v1_destroy(sync->timeline);
		drmSyncobjDestroy(paint->sync.device_fd, sync->handle);
	}
	if (sync->carrier_fd >= 0) {
		close(sync->carrier_fd);
		drmCloseBufferHandle(paint->sync.device_fd, sync->handle);
	}
	*sync = (struct es_paint_buffer_sync){.carrier_fd = -1};
}

static void attach_fence(struct es_paint *paint, struct es_paint_buffer *buffer) {
	struct es_paint_buffer_sync *sync = &buffer->sync;
	struct drm_vgem_fence_attach attach = {.handle = sync->handle, .flags = VGEM_FENCE_WRITE};
	struct dma_buf_export_sync_file out = {.flags = DMA_BUF_SYNC_RW, .fd = -1};
	if (drmIoctl(paint->sync.device_fd, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach) != 0 ||
			drmIoctl(sync->carrier_fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &out) != 0) {
		perror("paint: a fence");
		return;
	}
	struct dma_buf_import_sync_file in = {.flags = DMA_BUF_SYNC_WRITE, .fd = out.fd};
	if (drmIoctl(buffer->fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &in) != 0) {
		perror("paint: a fence on the DMA-BUF");
	}
	close(out.fd);
	sync->fence = attach.out_fence;
}

static void set_points(struct es_paint *paint, struct es_paint_buffer *buffer) {
	struct es_paint_buffer_sync *sync = &buffer->sync;
	uint64_t acquire = sync->point + 1, release = sync->point + 2;
	wp_linux_drm_syncobj_surface_v1_set_acquire_point(
			paint->sync.surface, sync->timeline, (uint32_t)(acquire >> 32), (uint32_t)acquire);
	wp_linux_drm_syncobj_surface_v1_set_release_point(
			paint->sync.surface, sync->timeline, (uint32_t)(release >> 32), (uint32_t)release);
	sync->point = release;
}

static void arm(struct es_paint *paint) {
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < PAINT_MAX_BUFFERS; i++) {
		int64_t ready_ns = paint->buffers[i].sync.ready_ns;
		first = ready_ns != 0 && ready_ns < first ? ready_ns : first;
	}
	if (first == INT64_MAX) {
		return;
	}
	struct itimerspec timer = {.it_value = {first / 1000000000, first % 1000000000}};
	timerfd_settime(paint->sync.timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

void paint_sync_commit(struct es_paint *paint, struct es_paint_buffer *buffer) {
	const struct es_paint_sync_options *options = &paint->options.sync;
	if (paint->sync.paint == NULL) {
		return;
	}
	if (paint->sync.surface != NULL) {
		set_points(paint, buffer);
	} else {
		attach_fence(paint, buffer);
	}
	if (!options->delayed) {
		make_ready(paint, buffer);
	} else {
		buffer->sync.ready_ns = options->delay_ms < 0
				? INT64_MAX
				: paint_now_ns() + options->delay_ms * INT64_C(1000000);
		arm(paint);
	}
}

bool paint_sync_released(struct es_paint *paint, struct es_paint_buffer *buffer) {
	struct es_paint_buffer_sync *sync = &buffer->sync;
	return paint->sync.surface != NULL && sync->point > 0 &&
			drmSyncobjTimelineWait(paint->sync.device_fd, &sync->handle, &sync->point, 1, 0,
					DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, NULL) == 0;
}

void paint_sync_dispatch(struct es_paint *paint) {
	uint64_t count;
	if (read(paint->sync.timer_fd, &count, sizeof(count)) != sizeof(count)) {
		return;
	}
	int64_t now = paint_now_ns();
	for (size_t i = 0; i < PAINT_MAX_BUFFERS; i++) {
		int64_t ready_ns = paint->buffers[i].sync.ready_ns;
		if (ready_ns != 0 && ready_ns <= now) {
			make_ready(paint, &paint->buffers[i]);
		}
	}
	arm(paint);
}
