// Ways in which a client can be broken or hostile. Each runs until the compositor ends the
// connection or the way has nothing more to do; then the client stays for the time that
// --seconds gives (1 s unless told), so that a compositor that lives on can be looked at.
#define _GNU_SOURCE
#include "tests/clients/paint.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/clients/paint_bad.h"
#include "xdg-shell-client-protocol.h"

#define SMALL 64
#define MANY_SURFACES 100000
#define MANY_POOLS 10000
#define CHAIN_DEPTH 5000
#define TITLE_SIZE 4000 // the longest that fits into a message is a bit more

static struct wl_buffer *create_buffer(
		struct es_paint *paint, int32_t width, int32_t height, int *fd) {
	uint32_t *px;
	size_t size = (size_t)width * (size_t)height * 4;
	int own_fd;
	struct wl_shm_pool *pool = paint_window_create_pool(paint, size, (int32_t)size, &own_fd, &px);
	if (pool == NULL) {
		return NULL;
	}
	struct wl_buffer *buffer =
			wl_shm_pool_create_buffer(pool, 0, width, height, width * 4, WL_SHM_FORMAT_XRGB8888);
	wl_shm_pool_destroy(pool);
	if (px != NULL) {
		munmap(px, size);
	}
	if (fd != NULL) {
		*fd = own_fd;
	} else {
		close(own_fd);
	}
	return buffer;
}

static void show(struct wl_surface *surface, struct wl_buffer *buffer) {
	wl_surface_attach(surface, buffer, 0, 0);
	wl_surface_damage_buffer(surface, 0, 0, INT32_MAX, INT32_MAX);
	wl_surface_commit(surface);
}

static bool alive(struct es_paint *paint) {
	return wl_display_get_error(paint->display) == 0;
}

static void no_ack_configure(struct es_paint *paint) {
	show(paint->surface, create_buffer(paint, SMALL, SMALL, NULL));
}

static void wrong_size(struct es_paint *paint) {
	xdg_toplevel_set_fullscreen(paint->toplevel, NULL);
	wl_display_roundtrip(paint->display);
	for (int32_t i = 1; i < 200 && alive(paint); i++) {
		show(paint->surface, create_buffer(paint, i * 37 % 3000 + 1, i * 91 % 2000 + 1, NULL));
		xdg_surface_set_window_geometry(paint->xdg_surface, -i, -i, i * 1000, 1);
		wl_display_roundtrip(paint->display);
	}
}

static void huge_size(struct es_paint *paint) {
	show(paint->surface, create_buffer(paint, 16384, 16384, NULL));
	wl_display_roundtrip(paint->display);
	show(paint->surface, create_buffer(paint, INT16_MAX, 1, NULL));
	wl_display_roundtrip(paint->display);
	show(paint->surface, create_buffer(paint, 1, 1 << 20, NULL));
}

static void truncate_shm(struct es_paint *paint) {
	int fd;
	struct wl_buffer *buffer = create_buffer(paint, 640, 480, &fd);
	show(paint->surface, buffer);
	wl_display_roundtrip(paint->display);
	for (int i = 0; i < 50 && alive(paint); i++) {
		show(paint->surface, buffer);
		wl_display_flush(paint->display);
		if (ftruncate(fd, i % 2 == 0 ? 0 : 4096) < 0) {
			break;
		}
		wl_display_roundtrip(paint->display);
	}
	close(fd);
}

static void outside_pool(struct es_paint *paint) {
	int fd;
	uint32_t *px;
	struct wl_shm_pool *pool = paint_window_create_pool(paint, 4096, 4096, &fd, &px);
	struct wl_buffer *buffer =
			wl_shm_pool_create_buffer(pool, 2048, SMALL, SMALL, SMALL * 4, WL_SHM_FORMAT_XRGB8888);
	show(paint->surface, buffer);
}

static void lying_pool(struct es_paint *paint) {
	// The file is smaller than the pool claims.
	int fd;
	uint32_t *px;
	struct wl_shm_pool *pool = paint_window_create_pool(paint, 4096, 1 << 24, &fd, &px);
	show(paint->surface,
			wl_shm_pool_create_buffer(pool, 0, 1024, 1024, 4096, WL_SHM_FORMAT_XRGB8888));
	wl_display_roundtrip(paint->display);
	show(paint->surface, NULL);
}

static void flood_surfaces(struct es_paint *paint) {
	for (int i = 0; i < MANY_SURFACES && alive(paint); i++) {
		wl_surface_commit(wl_compositor_create_surface(paint->compositor));
		if (i % 1000 == 0) {
			wl_display_roundtrip(paint->display);
		}
	}
}

static void flood_windows(struct es_paint *paint) {
	for (int i = 0; i < 2000 && alive(paint); i++) {
		struct wl_surface *surface = wl_compositor_create_surface(paint->compositor);
		struct xdg_surface *xdg = xdg_wm_base_get_xdg_surface(paint->wm_base, surface);
		xdg_toplevel_set_title(xdg_surface_get_toplevel(xdg), "another one");
		wl_surface_commit(surface);
		if (i % 100 == 0) {
			wl_display_roundtrip(paint->display);
		}
	}
}

static void flood_requests(struct es_paint *paint) {
	struct wl_buffer *buffer = create_buffer(paint, SMALL, SMALL, NULL);
	show(paint->surface, buffer);
	int64_t until = paint_now_ns() + INT64_C(2000000000);
	while (alive(paint) && paint_now_ns() < until) {
		for (int i = 0; i < 200; i++) {
			wl_surface_damage_buffer(paint->surface, i, i, 7, 7);
			wl_surface_attach(paint->surface, buffer, 0, 0);
			wl_surface_commit(paint->surface);
		}
		wl_display_flush(paint->display);
	}
}

static void flood_pools(struct es_paint *paint) {
	for (int i = 0; i < MANY_POOLS && alive(paint); i++) {
		int fd;
		uint32_t *px;
		if (paint_window_create_pool(paint, 4096, 4096, &fd, &px) == NULL) {
			return;
		}
		munmap(px, 4096);
		close(fd);
		if (i % 100 == 0) {
			wl_display_roundtrip(paint->display);
		}
	}
}

// Sends until the socket is full and never takes an answer.
static void never_read(struct es_paint *paint) {
	int64_t until = paint_now_ns() + INT64_C(3000000000);
	while (alive(paint) && paint_now_ns() < until) {
		for (int i = 0; i < 100; i++) {
			wl_callback_destroy(wl_display_sync(paint->display));
		}
		if (wl_display_flush(paint->display) < 0) {
			struct pollfd fd = {.fd = wl_display_get_fd(paint->display), .events = POLLOUT};
			poll(&fd, 1, 100);
		}
	}
}

static void stop_reading(struct es_paint *paint) {
	show(paint->surface, create_buffer(paint, SMALL, SMALL, NULL));
	wl_display_flush(paint->display);
	int64_t seconds = paint->options.seconds > 0 ? (int64_t)paint->options.seconds : 1;
	poll(NULL, 0, (int)seconds * 1000);
}

static void destroyed_buffer(struct es_paint *paint) {
	for (int i = 0; i < 100 && alive(paint); i++) {
		struct wl_buffer *buffer = create_buffer(paint, SMALL + i, SMALL, NULL);
		wl_surface_attach(paint->surface, buffer, 0, 0);
		wl_surface_damage_buffer(paint->surface, 0, 0, SMALL, SMALL);
		wl_buffer_destroy(buffer);
		wl_surface_commit(paint->surface);
		wl_display_roundtrip(paint->display);
	}
}

static void deep_subsurfaces(struct es_paint *paint) {
	struct wl_buffer *buffer = create_buffer(paint, SMALL, SMALL, NULL);
	struct wl_surface *parent = paint->surface;
	for (int i = 0; i < CHAIN_DEPTH && alive(paint); i++) {
		struct wl_surface *child = wl_compositor_create_surface(paint->compositor);
		wl_subcompositor_get_subsurface(paint->subcompositor, child, parent);
		show(child, buffer);
		parent = child;
		if (i % 50 == 0) {
			wl_display_roundtrip(paint->display);
		}
	}
	show(paint->surface, buffer);
}

static void subsurface_loop(struct es_paint *paint) {
	struct wl_surface *a = wl_compositor_create_surface(paint->compositor);
	struct wl_surface *b = wl_compositor_create_surface(paint->compositor);
	wl_subcompositor_get_subsurface(paint->subcompositor, a, b);
	wl_subcompositor_get_subsurface(paint->subcompositor, b, a);
}

static struct xdg_positioner *create_positioner(struct es_paint *paint) {
	struct xdg_positioner *positioner = xdg_wm_base_create_positioner(paint->wm_base);
	xdg_positioner_set_size(positioner, SMALL, SMALL);
	xdg_positioner_set_anchor_rect(positioner, 0, 0, SMALL, SMALL);
	return positioner;
}

static void popup_loop(struct es_paint *paint) {
	show(paint->surface, create_buffer(paint, SMALL, SMALL, NULL));
	struct xdg_surface *parent = paint->xdg_surface;
	struct xdg_positioner *positioner = create_positioner(paint);
	for (int i = 0; i < 300 && alive(paint); i++) {
		struct wl_surface *surface = wl_compositor_create_surface(paint->compositor);
		struct xdg_surface *xdg = xdg_wm_base_get_xdg_surface(paint->wm_base, surface);
		xdg_surface_get_popup(xdg, parent, positioner);
		wl_surface_commit(surface);
		wl_display_roundtrip(paint->display);
		parent = xdg;
	}
	// The parent goes before its popups.
	xdg_toplevel_destroy(paint->toplevel);
	xdg_surface_destroy(paint->xdg_surface);
	paint->toplevel = NULL;
	paint->xdg_surface = NULL;
	wl_display_roundtrip(paint->display);
}

static void popup_orphan(struct es_paint *paint) {
	struct xdg_positioner *positioner = create_positioner(paint);
	struct wl_surface *surface = wl_compositor_create_surface(paint->compositor);
	struct xdg_surface *xdg = xdg_wm_base_get_xdg_surface(paint->wm_base, surface);
	xdg_surface_get_popup(xdg, NULL, positioner);
	wl_surface_commit(surface);
}

static void huge_title(struct es_paint *paint) {
	char title[TITLE_SIZE + 1];
	memset(title, 'W', TITLE_SIZE);
	title[TITLE_SIZE] = '\0';
	for (int i = 0; i < 1000 && alive(paint); i++) {
		xdg_toplevel_set_title(paint->toplevel, title);
		xdg_toplevel_set_app_id(paint->toplevel, title);
		wl_display_roundtrip(paint->display);
	}
}

static void map_unmap(struct es_paint *paint) {
	struct wl_buffer *buffer = create_buffer(paint, SMALL, SMALL, NULL);
	for (int i = 0; i < 300 && alive(paint); i++) {
		show(paint->surface, buffer);
		wl_display_roundtrip(paint->display);
		show(paint->surface, NULL);
		wl_surface_commit(paint->surface);
		wl_display_roundtrip(paint->display);
	}
}

static void vanish(struct es_paint *paint) {
	show(paint->surface, create_buffer(paint, SMALL, SMALL, NULL));
	wl_display_flush(paint->display);
	raise(SIGKILL);
}

static void garbage(struct es_paint *paint) {
	uint8_t bytes[4096];
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i * 131 + 7);
	}
	if (write(wl_display_get_fd(paint->display), bytes, sizeof(bytes)) < 0) {
		perror("paint: garbage");
	}
}

static const struct {
	const char *name;
	void (*run)(struct es_paint *paint);
} ways[] = {
		{"no-ack-configure", no_ack_configure},
		{"wrong-size", wrong_size},
		{"huge-size", huge_size},
		{"truncate-shm", truncate_shm},
		{"outside-pool", outside_pool},
		{"lying-pool", lying_pool},
		{"flood-surfaces", flood_surfaces},
		{"flood-windows", flood_windows},
		{"flood-requests", flood_requests},
		{"flood-pools", flood_pools},
		{"never-read", never_read},
		{"stop-reading", stop_reading},
		{"destroyed-buffer", destroyed_buffer},
		{"deep-subsurfaces", deep_subsurfaces},
		{"subsurface-loop", subsurface_loop},
		{"popup-loop", popup_loop},
		{"popup-orphan", popup_orphan},
		{"huge-title", huge_title},
		{"map-unmap", map_unmap},
		{"vanish", vanish},
		{"garbage", garbage},
		{"dmabuf-planes", paint_bad_dmabuf_planes},
		{"dmabuf-truncated", paint_bad_dmabuf_truncated},
		{"dmabuf-modifier", paint_bad_dmabuf_modifier},
		{"dmabuf-stride", paint_bad_dmabuf_stride},
		{"dmabuf-offset", paint_bad_dmabuf_offset},
		{"dmabuf-format", paint_bad_dmabuf_format},
		{"dmabuf-file", paint_bad_dmabuf_file},
		{"dmabuf-destroyed", paint_bad_dmabuf_destroyed},
		{"dmabuf-thousand", paint_bad_dmabuf_thousand},
};

#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

const char *paint_bad_names(void) {
	static char names[1024];
	size_t used = 0;
	for (size_t i = 0; i < WAY_COUNT && used < sizeof(names); i++) {
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s ", ways[i].name);
	}
	return names;
}

bool paint_bad_known(const char *name) {
	for (size_t i = 0; i < WAY_COUNT; i++) {
		if (strcmp(name, ways[i].name) == 0) {
			return true;
		}
	}
	return false;
}

static void stay(struct es_paint *paint) {
	double seconds = paint->options.seconds > 0 ? paint->options.seconds : 1;
	int64_t until = paint->started_ns + (int64_t)(seconds * 1e9);
	while (alive(paint) && paint_now_ns() < until) {
		wl_display_roundtrip(paint->display);
		poll(NULL, 0, 20);
	}
}

void paint_bad_run(struct es_paint *paint) {
	while (!paint->configured) {
		if (wl_display_dispatch(paint->display) < 0) {
			_exit(4);
		}
	}
	for (size_t i = 0; i < WAY_COUNT; i++) {
		if (strcmp(paint->options.bad, ways[i].name) == 0) {
			ways[i].run(paint);
		}
	}
	stay(paint);
	fprintf(stderr, "paint: %s: %s\n", paint->options.bad,
			alive(paint) ? "the compositor lives on" : "the compositor ended the connection");
	// A client that floods does not tidy up either; leak checkers need not look at it.
	_exit(alive(paint) ? paint->options.exit_code : 4);
}
