#define _GNU_SOURCE
#include "tests/clients/listen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "relative-pointer-unstable-v1-client-protocol.h"
#include "tablet-v2-client-protocol.h"
#include "text-input-unstable-v3-client-protocol.h"
#include "xdg-shell-client-protocol.h"

#define GREY 0x60

void listen_note(struct es_listen *listen, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vfprintf(listen->log, format, args);
	va_end(args);
	fputc('\n', listen->log);
	fflush(listen->log);
}

static void handle_ping(void *data, struct xdg_wm_base *wm_base, uint32_t serial) {
	xdg_wm_base_pong(wm_base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = {.ping = handle_ping};

static void handle_global(void *data, struct wl_registry *registry, uint32_t name,
		const char *interface, uint32_t version) {
	struct es_listen *listen = data;
	if (strcmp(interface, wl_compositor_interface.name) == 0) {
		listen->compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 4);
	} else if (strcmp(interface, wl_shm_interface.name) == 0) {
		listen->shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
	} else if (strcmp(interface, xdg_wm_base_interface.name) == 0) {
		listen->wm_base = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
		xdg_wm_base_add_listener(listen->wm_base, &wm_base_listener, listen);
	} else if (strcmp(interface, wl_seat_interface.name) == 0) {
		uint32_t known = version < 9 ? version : 9;
		listen->seat = wl_registry_bind(registry, name, &wl_seat_interface, known);
	} else if (strcmp(interface, zwp_relative_pointer_manager_v1_interface.name) == 0) {
		listen->relative_manager =
				wl_registry_bind(registry, name, &zwp_relative_pointer_manager_v1_interface, 1);
	} else if (strcmp(interface, zwp_tablet_manager_v2_interface.name) == 0) {
		listen->tablet_manager =
				wl_registry_bind(registry, name, &zwp_tablet_manager_v2_interface, 1);
	} else if (strcmp(interface, zwp_text_input_manager_v3_interface.name) == 0) {
		listen->text_manager =
				wl_registry_bind(registry, name, &zwp_text_input_manager_v3_interface, 1);
	}
}

static void handle_global_remove(void *data, struct wl_registry *registry, uint32_t name) {
}

static const struct wl_registry_listener registry_listener = {
		.global = handle_global,
		.global_remove = handle_global_remove,
};

static void attach_grey(struct es_listen *listen, int32_t width, int32_t height) {
	size_t size = (size_t)width * (size_t)height * 4;
	int fd = memfd_create("listen", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0) {
		fprintf(stderr, "listen: no memory for a buffer\n");
		exit(1);
	}
	void *px = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (px != MAP_FAILED) {
		memset(px, GREY, size);
		munmap(px, size);
	}
	struct wl_shm_pool *pool = wl_shm_create_pool(listen->shm, fd, (int32_t)size);
	struct wl_buffer *buffer =
			wl_shm_pool_create_buffer(pool, 0, width, height, width * 4, WL_SHM_FORMAT_XRGB8888);
	wl_shm_pool_destroy(pool);
	close(fd);
	wl_surface_attach(listen->surface, buffer, 0, 0);
	wl_surface_damage_buffer(listen->surface, 0, 0, width, height);
	wl_surface_commit(listen->surface);
}

static void handle_toplevel_configure(void *data, struct xdg_toplevel *toplevel, int32_t width,
		int32_t height, struct wl_array *states) {
	struct es_listen *listen = data;
	listen->width = width > 0 ? width : 640;
	listen->height = height > 0 ? height : 360;
}

static void handle_toplevel_close(void *data, struct xdg_toplevel *toplevel) {
	((struct es_listen *)data)->done = true;
}

static const struct xdg_toplevel_listener toplevel_listener = {
		.configure = handle_toplevel_configure,
		.close = handle_toplevel_close,
};

static void handle_surface_configure(void *data, struct xdg_surface *xdg_surface, uint32_t serial) {
	struct es_listen *listen = data;
	xdg_surface_ack_configure(xdg_surface, serial);
	attach_grey(listen, listen->width, listen->height);
	listen_note(listen, "{\"event\":\"configure\",\"width\":%d,\"height\":%d}", listen->width,
			listen->height);
}

static const struct xdg_surface_listener surface_listener = {.configure = handle_surface_configure};

static void make_window(struct es_listen *listen) {
	listen->surface = wl_compositor_create_surface(listen->compositor);
	struct xdg_surface *xdg_surface = xdg_wm_base_get_xdg_surface(listen->wm_base, listen->surface);
	struct xdg_toplevel *toplevel = xdg_surface_get_toplevel(xdg_surface);
	xdg_surface_add_listener(xdg_surface, &surface_listener, listen);
	xdg_toplevel_add_listener(toplevel, &toplevel_listener, listen);
	xdg_toplevel_set_title(toplevel, "listen");
	xdg_toplevel_set_fullscreen(toplevel, NULL);
	wl_surface_commit(listen->surface);
}

int main(int argc, char **argv) {
	struct es_listen listen = {0};
	if (argc != 2 || (listen.log = fopen(argv[1], "we")) == NULL) {
		fprintf(stderr, "usage: listen LOG\n  writes down all input, one JSON object per line\n");
		return 2;
	}
	listen.display = wl_display_connect(NULL);
	if (listen.display == NULL) {
		fprintf(stderr, "listen: no Wayland display\n");
		return 3;
	}
	struct wl_registry *registry = wl_display_get_registry(listen.display);
	wl_registry_add_listener(registry, &registry_listener, &listen);
	wl_display_roundtrip(listen.display);
	if (listen.compositor == NULL || listen.shm == NULL || listen.wm_base == NULL ||
			listen.seat == NULL) {
		fprintf(stderr,
				"listen: the compositor lacks wl_compositor, wl_shm, xdg_wm_base or wl_seat\n");
		return 3;
	}
	listen_to_seat(&listen);
	listen_to_tablets(&listen);
	listen_to_text(&listen);
	make_window(&listen);
	while (!listen.done && wl_display_dispatch(listen.display) >= 0) {
	}
	wl_display_disconnect(listen.display);
	fclose(listen.log);
	return 0;
}
