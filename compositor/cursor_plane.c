#include "compositor/cursor_plane.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <string.h>
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

void cursor_plane_init(struct es_cursor_plane *plane) {
	*plane = (struct es_cursor_plane){.memfd = -1};
}

void cursor_plane_finish(struct es_cursor_plane *plane) {
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

static bool take_picture(struct es_cursor_plane *plane, struct wlr_buffer *buffer,
		const struct es_frame_cursor_image *image) {
	void *data;
	uint32_t format;
	size_t stride;
	if (!wlr_buffer_begin_data_ptr_access(
				buffer, WLR_BUFFER_DATA_PTR_ACCESS_READ, &data, &format, &stride)) {
		return false;
	}
	bool ok = format == DRM_FORMAT_ARGB8888;
	if (ok && !same_picture(plane, data, stride, image)) {
		ok = copy_picture(plane, data, stride, image);
		if (!ok) {
			es_log(ES_LOG_WARN, "cannot keep the cursor's picture, drawing it into the frame: %s",
					strerror(errno));
		}
	}
	wlr_buffer_end_data_ptr_access(buffer);
	return ok;
}

bool cursor_plane_set_image(struct es_cursor_plane *plane, struct wlr_buffer *buffer,
		int32_t hotspot_x, int32_t hotspot_y) {
	if (buffer == NULL) {
		if (plane->memfd >= 0) {
			forget_image(plane);
			plane->generation++;
		}
		return true;
	}
	if (buffer->width > ES_CURSOR_MAX_SIZE || buffer->height > ES_CURSOR_MAX_SIZE) {
		return false;
	}
	struct es_frame_cursor_image image = {
			.width = (uint32_t)buffer->width,
			.height = (uint32_t)buffer->height,
			.hotspot_x = hotspot_x,
			.hotspot_y = hotspot_y,
	};
	return take_picture(plane, buffer, &image);
}

void cursor_plane_move(struct es_cursor_plane *plane, int32_t x, int32_t y) {
	plane->x = x;
	plane->y = y;
}
