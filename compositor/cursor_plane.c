#include "compositor/cursor_plane.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <wlr/types/wlr_buffer.h>

#include "base/fd.h"
#include "base/log.h"

static size_t image_size(const struct es_frame_cursor_image *image) {
	return (size_t)image->width * image->height * 4;
}

static void forget_image(struct es_cursor_plane *plane) {
	if (plane->pixels != NULL) {
		munmap(plane->pixels, image_size(&plane->image));
		plane->pixels = NULL;
	}
	fd_close(&plane->memfd);
	plane->image = (struct es_frame_cursor_image){0};
}

void cursor_plane_init(struct es_cursor_plane *plane, struct wl_event_loop *loop,
		void (*changed)(void *data), void *data) {
	*plane = (struct es_cursor_plane){
			.loop = loop,
			.changed = changed,
			.data = data,
			.memfd = -1,
	};
}

static void forget_pending(struct es_cursor_plane *plane) {
	struct es_cursor_pending *pending = &plane->pending;
	if (pending->source != NULL) {
		wl_event_source_remove(pending->source);
	}
	wlr_buffer_unlock(pending->buffer);
	*pending = (struct es_cursor_pending){0};
}

void cursor_plane_finish(struct es_cursor_plane *plane) {
	forget_pending(plane);
	forget_image(plane);
}

static bool same_picture(const struct es_cursor_plane *plane, const uint8_t *data, size_t stride,
		const struct es_frame_cursor_image *image) {
	if (memcmp(&plane->image, image, sizeof(*image)) != 0) {
		return false;
	}
	size_t row = (size_t)image->width * 4;
	for (uint32_t y = 0; y < image->height; y++) {
		if (memcmp((uint8_t *)plane->pixels + y * row, data + y * stride, row) != 0) {
			return false;
		}
	}
	return true;
}

static bool copy_picture(struct es_cursor_plane *plane, const uint8_t *data, size_t stride,
		const struct es_frame_cursor_image *image) {
	size_t size = image_size(image), row = (size_t)image->width * 4;
	int fd = fd_create_sealed_memfd("earthshine-cursor", size);
	if (fd < 0) {
		return false;
	}
	uint8_t *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pixels == MAP_FAILED) {
		fd_close(&fd);
		return false;
	}
	for (uint32_t y = 0; y < image->height; y++) {
		memcpy(pixels + y * row, data + y * stride, row);
	}
	forget_image(plane);
	plane->memfd = fd;
	plane->pixels = pixels;
	plane->image = *image;
	plane->generation++;
	return true;
}

bool cursor_plane_set_pixels(struct es_cursor_plane *plane, const void *pixels, size_t stride,
		const struct es_frame_cursor_image *image) {
	if (same_picture(plane, pixels, stride, image)) {
		return true;
	}
	if (!copy_picture(plane, pixels, stride, image)) {
		es_log(ES_LOG_WARN, "cannot keep the cursor's picture, drawing it into the frame: %s",
				strerror(errno));
		return false;
	}
	return true;
}

static bool take_memory(struct es_cursor_plane *plane, struct wlr_buffer *buffer,
		const struct es_frame_cursor_image *image) {
	void *data;
	uint32_t format;
	size_t stride;
	if (!wlr_buffer_begin_data_ptr_access(
				buffer, WLR_BUFFER_DATA_PTR_ACCESS_READ, &data, &format, &stride)) {
		return false;
	}
	bool ok = format == DRM_FORMAT_ARGB8888 && cursor_plane_set_pixels(plane, data, stride, image);
	wlr_buffer_end_data_ptr_access(buffer);
	return ok;
}

struct mapping {
	void *start;
	size_t size;
};

static bool map_dmabuf(const struct wlr_dmabuf_attributes *dmabuf, struct mapping *map) {
	size_t row = (size_t)dmabuf->width * 4, rows = (size_t)dmabuf->height;
	if (dmabuf->n_planes != 1 || dmabuf->format != DRM_FORMAT_ARGB8888 ||
			dmabuf->modifier != DRM_FORMAT_MOD_LINEAR || dmabuf->stride[0] < row) {
		return false;
	}
	map->size = dmabuf->offset[0] + (rows - 1) * dmabuf->stride[0] + row;
	map->start = mmap(NULL, map->size, PROT_READ, MAP_SHARED, dmabuf->fd[0], 0);
	return map->start != MAP_FAILED;
}

static void sync_dmabuf(int fd, uint64_t flags) {
	struct dma_buf_sync sync = {.flags = flags | DMA_BUF_SYNC_READ};
	while (ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) != 0 && (errno == EINTR || errno == EAGAIN)) {
	}
}

// The GPU is done with it: nothing here waits.
static bool read_dmabuf(struct es_cursor_plane *plane, const struct wlr_dmabuf_attributes *dmabuf,
		const struct es_frame_cursor_image *image) {
	struct mapping map;
	if (!map_dmabuf(dmabuf, &map)) {
		return false;
	}
	sync_dmabuf(dmabuf->fd[0], DMA_BUF_SYNC_START);
	bool ok = cursor_plane_set_pixels(
			plane, (const uint8_t *)map.start + dmabuf->offset[0], dmabuf->stride[0], image);
	sync_dmabuf(dmabuf->fd[0], DMA_BUF_SYNC_END);
	munmap(map.start, map.size);
	return ok;
}

static int handle_finished(int fd, uint32_t mask, void *data) {
	struct es_cursor_plane *plane = data;
	struct wlr_dmabuf_attributes dmabuf;
	if (wlr_buffer_get_dmabuf(plane->pending.buffer, &dmabuf)) {
		read_dmabuf(plane, &dmabuf, &plane->pending.image);
	}
	forget_pending(plane);
	plane->changed(plane->data);
	return 0;
}

static bool is_finished(int fd) {
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	return poll(&pollfd, 1, 0) > 0;
}

static bool take_dmabuf(struct es_cursor_plane *plane, struct wlr_buffer *buffer,
		const struct es_frame_cursor_image *image) {
	struct wlr_dmabuf_attributes dmabuf;
	struct mapping map;
	if (!wlr_buffer_get_dmabuf(buffer, &dmabuf) || !map_dmabuf(&dmabuf, &map)) {
		return false;
	}
	munmap(map.start, map.size); // it can be read, sooner or later
	if (is_finished(dmabuf.fd[0])) {
		return read_dmabuf(plane, &dmabuf, image);
	}
	plane->pending.source = wl_event_loop_add_fd(
			plane->loop, dmabuf.fd[0], WL_EVENT_READABLE, handle_finished, plane);
	if (plane->pending.source == NULL) {
		return false;
	}
	plane->pending.buffer = wlr_buffer_lock(buffer);
	plane->pending.image = *image;
	return true;
}

bool cursor_plane_describe(const struct wlr_buffer *buffer, int32_t hotspot_x, int32_t hotspot_y,
		struct es_frame_cursor_image *image) {
	*image = (struct es_frame_cursor_image){
			.width = (uint32_t)buffer->width,
			.height = (uint32_t)buffer->height,
			.hotspot_x = hotspot_x,
			.hotspot_y = hotspot_y,
	};
	return buffer->width > 0 && buffer->height > 0 && buffer->width <= ES_CURSOR_MAX_SIZE &&
			buffer->height <= ES_CURSOR_MAX_SIZE;
}

bool cursor_plane_set_image(struct es_cursor_plane *plane, struct wlr_buffer *buffer,
		int32_t hotspot_x, int32_t hotspot_y) {
	forget_pending(plane);
	if (buffer == NULL) {
		if (plane->memfd >= 0) {
			forget_image(plane);
			plane->generation++;
		}
		return true;
	}
	struct es_frame_cursor_image image;
	return cursor_plane_describe(buffer, hotspot_x, hotspot_y, &image) &&
			(take_memory(plane, buffer, &image) || take_dmabuf(plane, buffer, &image));
}

void cursor_plane_move(struct es_cursor_plane *plane, int32_t x, int32_t y) {
	plane->x = x;
	plane->y = y;
}
