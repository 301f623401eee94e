#define _GNU_SOURCE
#include "compositor/screen_picture.h"

#include <drm_fourcc.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wlr/render/wlr_texture.h>
#include <wlr/types/wlr_buffer.h>

#include "base/fd.h"

#define PIXEL 4

struct es_screen_picture *screen_picture_create(int32_t width, int32_t height) {
	struct es_screen_picture *picture = calloc(1, sizeof(*picture));
	if (picture == NULL) {
		return NULL;
	}
	picture->width = width;
	picture->height = height;
	picture->stride = (size_t)width * PIXEL;
	picture->size = picture->stride * (size_t)height;
	pixman_region32_init_rect(&picture->stale, 0, 0, (unsigned)width, (unsigned)height);
	picture->fd = memfd_create("earthshine-screen", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *pixels = MAP_FAILED;
	if (picture->fd >= 0 && ftruncate(picture->fd, (off_t)picture->size) == 0) {
		fcntl(picture->fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
		pixels = mmap(NULL, picture->size, PROT_READ | PROT_WRITE, MAP_SHARED, picture->fd, 0);
	}
	picture->pixels = pixels != MAP_FAILED ? pixels : NULL;
	if (picture->pixels == NULL) {
		screen_picture_destroy(picture);
		return NULL;
	}
	return picture;
}

void screen_picture_destroy(struct es_screen_picture *picture) {
	if (picture != NULL) {
		if (picture->pixels != NULL) {
			munmap(picture->pixels, picture->size);
		}
		fd_close(&picture->fd);
		pixman_region32_fini(&picture->stale);
		free(picture);
	}
}

static void copy_box(
		struct es_screen_picture *picture, const uint8_t *from, size_t stride, pixman_box32_t box) {
	size_t left = (size_t)box.x1 * PIXEL, n = (size_t)(box.x2 - box.x1) * PIXEL;
	for (int32_t y = box.y1; y < box.y2; y++) {
		memcpy(picture->pixels + (size_t)y * picture->stride + left,
				from + (size_t)y * stride + left, n);
	}
}

static bool copy_mapped(struct es_screen_picture *picture, struct wlr_buffer *buffer) {
	void *data;
	uint32_t format;
	size_t stride;
	if (!wlr_buffer_begin_data_ptr_access(
				buffer, WLR_BUFFER_DATA_PTR_ACCESS_READ, &data, &format, &stride)) {
		return false;
	}
	bool ok = format == DRM_FORMAT_XRGB8888 || format == DRM_FORMAT_ARGB8888;
	int n = 0;
	const pixman_box32_t *boxes = pixman_region32_rectangles(&picture->stale, &n);
	for (int i = 0; ok && i < n; i++) {
		copy_box(picture, data, stride, boxes[i]);
	}
	wlr_buffer_end_data_ptr_access(buffer);
	return ok;
}

// From the memory of a GPU, or out of another format.
static bool copy_texture(struct es_screen_picture *picture, struct wlr_buffer *buffer,
		struct wlr_renderer *renderer) {
	struct wlr_texture *texture = wlr_texture_from_buffer(renderer, buffer);
	if (texture == NULL) {
		return false;
	}
	const pixman_box32_t *box = pixman_region32_extents(&picture->stale);
	const struct wlr_texture_read_pixels_options options = {
			.data = picture->pixels,
			.format = DRM_FORMAT_XRGB8888,
			.stride = (uint32_t)picture->stride,
			.dst_x = (uint32_t)box->x1,
			.dst_y = (uint32_t)box->y1,
			.src_box = {box->x1, box->y1, box->x2 - box->x1, box->y2 - box->y1},
	};
	bool ok = wlr_texture_read_pixels(texture, &options);
	wlr_texture_destroy(texture);
	return ok;
}

bool screen_picture_copy(struct es_screen_picture *picture, struct wlr_buffer *buffer,
		struct wlr_renderer *renderer) {
	if (buffer->width != picture->width || buffer->height != picture->height) {
		return false;
	}
	pixman_region32_intersect_rect(&picture->stale, &picture->stale, 0, 0, (unsigned)picture->width,
			(unsigned)picture->height);
	if (pixman_region32_not_empty(&picture->stale) && !copy_mapped(picture, buffer) &&
			!copy_texture(picture, buffer, renderer)) {
		return false;
	}
	pixman_region32_clear(&picture->stale);
	return true;
}
