// earthshine-testcard: what `serve` offers before any app is configured. A plain Wayland client that
// draws at the screen's rate into shared memory.
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <wayland-client.h>

#include "testcard/picture.h"
#include "xdg-shell-client-protocol.h"

#define N_BUFFERS 3
#define MAX_SIZE 16384

struct buffer {
	struct card *card;
	struct wl_buffer *wl_buffer; // NULL: there is none
	struct es_picture picture;
	bool busy;
};

struct card {
	struct wl_compositor *compositor;
	struct wl_shm *shm;
	struct xdg_wm_base *wm_base;
	struct wl_surface *surface;
	int32_t wanted_width, wanted_height; // as last configured
	int32_t width, height;
	struct buffer buffers[N_BUFFERS];
	void *map;
	size_t map_size;
	uint32_t frame;
	struct wl_callback *callback; // of the last commit
	bool fresh; // nothing of this size was shown yet
	bool due; // a frame is wanted as soon as there is a buffer
	bool done, failed;
};

static void draw(struct card *card);

static void handle_release(void *data, struct wl_buffer *wl_buffer) {
	struct buffer *buffer = data;
	buffer->busy = false;
	draw(buffer->card);
}

static const struct wl_buffer_listener buffer_listener = {.release = handle_release};

static void handle_frame(void *data, struct wl_callback *callback, uint32_t time) {
	struct card *card = data;
	wl_callback_destroy(callback);
	card->callback = NULL;
	card->due = true;
	draw(card);
}

static const struct wl_callback_listener frame_listener = {.done = handle_frame};

static void draw(struct card *card) {
	struct buffer *buffer = NULL;
	for (size_t i = 0; i < N_BUFFERS && buffer == NULL; i++) {
		if (card->buffers[i].wl_buffer != NULL && !card->buffers[i].busy) {
			buffer = &card->buffers[i];
		}
	}
	if (buffer == NULL || !card->due) {
		return;
	}
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	picture_draw_strip(&buffer->picture, card->frame, &now);
	int32_t top = 0, height = card->height;
	if (!card->fresh) {
		picture_strip(&buffer->picture, &top, &height);
	}
	card->frame++;
	card->fresh = false;
	card->due = false;
	buffer->busy = true;
	card->callback = wl_surface_frame(card->surface);
	wl_callback_add_listener(card->callback, &frame_listener, card);
	wl_surface_attach(card->surface, buffer->wl_buffer, 0, 0);
	wl_surface_damage_buffer(card->surface, 0, top, card->width, height);
	wl_surface_commit(card->surface);
}

static void drop_buffers(struct card *card) {
	for (size_t i = 0; i < N_BUFFERS; i++) {
		if (card->buffers[i].wl_buffer != NULL) {
			wl_buffer_destroy(card->buffers[i].wl_buffer);
		}
		card->buffers[i] = (struct buffer){.card = card};
	}
	if (card->map != NULL) {
		munmap(card->map, card->map_size);
		card->map = NULL;
	}
}

static void fill_buffer(struct card *card, size_t index, struct wl_shm_pool *pool) {
	struct buffer *buffer = &card->buffers[index];
	size_t size = card->map_size / N_BUFFERS;
	buffer->picture =
			(struct es_picture){.px = (uint32_t *)(void *)((char *)card->map + index * size),
					.width = card->width,
					.height = card->height};
	picture_draw_still(&buffer->picture);
	buffer->wl_buffer = wl_shm_pool_create_buffer(pool, (int32_t)(index * size), card->width,
			card->height, card->width * 4, WL_SHM_FORMAT_XRGB8888);
	wl_buffer_add_listener(buffer->wl_buffer, &buffer_listener, buffer);
}

static bool make_buffers(struct card *card) {
	card->map_size = (size_t)card->width * 4 * (size_t)card->height * N_BUFFERS;
	int fd = memfd_create("testcard", MFD_CLOEXEC);
	if (fd < 0 || card->map_size > INT32_MAX || ftruncate(fd, (off_t)card->map_size) != 0) {
		goto fail;
	}
	card->map = mmap(NULL, card->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (card->map == MAP_FAILED) {
		card->map = NULL;
		goto fail;
	}
	struct wl_shm_pool *pool = wl_shm_create_pool(card->shm, fd, (int32_t)card->map_size);
	for (size_t i = 0; i < N_BUFFERS; i++) {
		fill_buffer(card, i, pool);
	}
	wl_shm_pool_destroy(pool);
	close(fd);
	return true;
fail:
	fprintf(stderr, "earthshine-testcard: no memory for a screen of %dx%d\n", card->width,
			card->height);
	if (fd >= 0) {
		close(fd);
	}
	return false;
}

static void handle_ping(void *data, struct xdg_wm_base *wm_base, uint32_t serial) {
	xdg_wm_base_pong(wm_base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = {.ping = handle_ping};

static void handle_toplevel_configure(void *data, struct xdg_toplevel *toplevel, int32_t width,
		int32_t height, struct wl_array *states) {
	struct card *card = data;
	card->wanted_width = width > 0 && width <= MAX_SIZE ? width : 1280;
	card->wanted_height = height > 0 && height <= MAX_SIZE ? height : 720;
}

static void handle_close(void *data, struct xdg_toplevel *toplevel) {
	((struct card *)data)->done = true;
}

static const struct xdg_toplevel_listener toplevel_listener = {
		.configure = handle_toplevel_configure, .close = handle_close};

static void handle_configure(void *data, struct xdg_surface *xdg_surface, uint32_t serial) {
	struct card *card = data;
	xdg_surface_ack_configure(xdg_surface, serial);
	if (card->width == card->wanted_width && card->height == card->wanted_height) {
		return;
	}
	drop_buffers(card);
	card->width = card->wanted_width;
	card->height = card->wanted_height;
	card->failed = !make_buffers(card);
	if (card->callback != NULL) {
		wl_callback_destroy(card->callback); // else there would be two rounds of them
		card->callback = NULL;
	}
	card->due = card->fresh = true;
	draw(card);
}

static const struct xdg_surface_listener surface_listener = {.configure = handle_configure};

static void handle_global(void *data, struct wl_registry *registry, uint32_t name,
		const char *interface, uint32_t version) {
	struct card *card = data;
	if (strcmp(interface, wl_compositor_interface.name) == 0 && version >= 4) {
		card->compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 4);
	} else if (strcmp(interface, wl_shm_interface.name) == 0) {
		card->shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
	} else if (strcmp(interface, xdg_wm_base_interface.name) == 0) {
		card->wm_base = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
		xdg_wm_base_add_listener(card->wm_base, &wm_base_listener, card);
	}
}

static void handle_global_remove(void *data, struct wl_registry *registry, uint32_t name) {
}

static const struct wl_registry_listener registry_listener = {
		.global = handle_global, .global_remove = handle_global_remove};

static void open_window(struct card *card) {
	card->surface = wl_compositor_create_surface(card->compositor);
	struct xdg_surface *surface = xdg_wm_base_get_xdg_surface(card->wm_base, card->surface);
	struct xdg_toplevel *toplevel = xdg_surface_get_toplevel(surface);
	xdg_surface_add_listener(surface, &surface_listener, card);
	xdg_toplevel_add_listener(toplevel, &toplevel_listener, card);
	xdg_toplevel_set_title(toplevel, "Test card");
	xdg_toplevel_set_app_id(toplevel, "earthshine-testcard");
	xdg_toplevel_set_fullscreen(toplevel, NULL);
	wl_surface_commit(card->surface);
}

int main(void) {
	struct card card = {0};
	struct wl_display *display = wl_display_connect(NULL);
	if (display == NULL) {
		fputs("earthshine-testcard: there is no Wayland display to show it on\n", stderr);
		return 1;
	}
	wl_registry_add_listener(wl_display_get_registry(display), &registry_listener, &card);
	wl_display_roundtrip(display);
	if (card.compositor == NULL || card.shm == NULL || card.wm_base == NULL) {
		fputs("earthshine-testcard: the display lacks wl_compositor 4, wl_shm or xdg_wm_base\n",
				stderr);
		return 1;
	}
	open_window(&card);
	while (!card.done && !card.failed && wl_display_dispatch(display) >= 0) {
	}
	wl_display_disconnect(display);
	return card.failed || !card.done ? 1 : 0;
}
