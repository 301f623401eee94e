#include "encode/device.h"

#include <errno.h>
#include <sys/ioctl.h>

#include <linux/dma-buf.h>

#include "encode/format_class.h"

struct es_device *device_create(
		const struct es_device_impl *impl, const char *node, char *why, size_t cap) {
	return impl->create(node, why, cap);
}

void device_destroy(struct es_device *device) {
	if (device != NULL) {
		device->impl->destroy(device);
	}
}

bool device_maps(const struct es_device *device) {
	return device->impl->maps;
}

bool device_blends_cursor(const struct es_device *device) {
	return device->impl->blends_cursor && !device->no_cursor;
}

bool device_scales(const struct es_device *device) {
	return device->impl->scales && !device->no_scaling;
}

bool device_takes_fences(const struct es_device *device) {
	return device->impl->takes_fences && !device->no_fences;
}

size_t device_formats(struct es_device *device, struct es_frame_format *out, size_t cap) {
	size_t n = device->impl->formats(device, out, cap), kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (device->without == NULL || !format_class_in(&out[i], device->without)) {
			out[kept++] = out[i];
		}
	}
	return kept;
}

bool device_import(
		struct es_device *device, const int *fds, struct es_import *import, const char **why) {
	return device->impl->import(device, fds, import, why);
}

void device_drop(struct es_device *device, struct es_import *import) {
	device->impl->drop(device, import);
}

static bool dma_buf_sync(int fd, uint64_t flags) {
	struct dma_buf_sync sync = {.flags = flags};
	int result;
	do {
		result = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
	} while (result != 0 && (errno == EINTR || errno == EAGAIN));
	return result == 0 ||
			errno == ENOTTY; // memory that only looks like one has nothing to wait for
}

bool device_begin_read(const struct es_import *import) {
	return import->fd < 0 || dma_buf_sync(import->fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
}

void device_end_read(const struct es_import *import) {
	if (import->fd >= 0) {
		dma_buf_sync(import->fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	}
}
