// An app that is white for one picture now and then, and clicks at that instant: for the measurement of what
// lies between picture and sound where they arrive. It draws for each frame callback and compensates
// nothing. Writes down when it committed, when the click's samples were written, and all input.
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <wayland-client.h>

#include "tests/clients/click.h"
#include "tests/clients/listen.h"
#include "xdg-shell-client-protocol.h"

#define N_BUFFERS 4
#define EVERY_NS INT64_C(400000000)
#define STEP_NS INT64_C(7300000) // so that they come at any time within a cycle of sound
#define N_STEPS 23
#define BAR 16

struct buffer {
	struct wl_buffer *buffer;
	uint32_t *px;
	bool busy;
};

struct app {
	struct es_listen listen; // its log is ours
	struct wl_display *display;
	struct wl_compositor *compositor;
	struct wl_shm *shm;
	struct xdg_wm_base *wm_base;
	struct wl_surface *surface;
	int32_t width, height;
	bool done, drawing; // drawing: a frame callback is on its way
	struct buffer buffers[N_BUFFERS];
	struct es_click *click; // owned; NULL: no sound
	uint32_t n_frames, n_flashes;
	int64_t next_ns, flashed_ns; // flashed_ns 0: it is written down
};

void listen_note(struct es_listen *listen, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vfprintf(listen->log, format, args);
	va_end(args);
	fputc('\n', listen->log);
	fflush(listen->log);
}

static int64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void handle_release(void *data, struct wl_buffer *buffer) {
	((struct buffer *)data)->busy = false;
}

static const struct wl_buffer_listener buffer_listener = {.release = handle_release};

static void make_buffers(struct app *app) {
	size_t size = (size_t)app->width * (size_t)app->height * 4;
	int fd = memfd_create("flash", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)(size * N_BUFFERS)) < 0) {
		fprintf(stderr, "flash_click: no memory\n");
		exit(1);
	}
	uint8_t *px = mmap(NULL, size * N_BUFFERS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (px == MAP_FAILED) {
		exit(1);
	}
	struct wl_shm_pool *pool = wl_shm_create_pool(app->shm, fd, (int32_t)(size * N_BUFFERS));
	for (int i = 0; i < N_BUFFERS; i++) {
		struct buffer *buffer = &app->buffers[i];
		buffer->px = (uint32_t *)(void *)(px + size * (size_t)i);
		buffer->buffer = wl_shm_pool_create_buffer(pool, (int32_t)size * i, app->width, app->height,
				app->width * 4, WL_SHM_FORMAT_XRGB8888);
		wl_buffer_add_listener(buffer->buffer, &buffer_listener, buffer);
	}
	wl_shm_pool_destroy(pool);
	close(fd);
}

static struct buffer *free_buffer(struct app *app) {
	for (int i = 0; i < N_BUFFERS; i++) {
		if (!app->buffers[i].busy) {
			return &app->buffers[i];
		}
	}
	return NULL;
}

// Dark with a bar that moves, or white.
static void paint(struct app *app, struct buffer *buffer, bool flash) {
	memset(buffer->px, flash ? 0xff : 0x10, (size_t)app->width * (size_t)app->height * 4);
	int32_t left = (int32_t)(app->n_frames * 4 % (uint32_t)(app->width - BAR));
	for (int32_t y = 0; !flash && y < BAR; y++) {
		memset(buffer->px + y * app->width + left, 0x80, BAR * 4);
	}
}

static void note(struct app *app) {
	int64_t written_ns = app->click != NULL ? click_written_ns(app->click) : 0;
	if (app->flashed_ns == 0 || written_ns == 0) {
		return;
	}
	listen_note(&app->listen, "{\"commit_ns\":%" PRId64 ",\"click_ns\":%" PRId64 "}",
			app->flashed_ns, written_ns);
	app->flashed_ns = 0;
}

static void draw(struct app *app);

static void handle_frame(void *data, struct wl_callback *callback, uint32_t time) {
	struct app *app = data;
	wl_callback_destroy(callback);
	app->drawing = false;
	note(app);
	draw(app);
}

static const struct wl_callback_listener frame_listener = {.done = handle_frame};

static void draw(struct app *app) {
	struct buffer *buffer = free_buffer(app);
	int64_t now = now_ns();
	if (buffer == NULL) {
		return; // goes on when one is free
	}
	bool flash = app->click != NULL && click_running(app->click) && now >= app->next_ns;
	paint(app, buffer, flash);
	wl_callback_add_listener(wl_surface_frame(app->surface), &frame_listener, app);
	app->drawing = true;
	wl_surface_attach(app->surface, buffer->buffer, 0, 0);
	wl_surface_damage_buffer(app->surface, 0, 0, app->width, app->height);
	wl_surface_commit(app->surface);
	buffer->busy = true;
	app->n_frames++;
	if (flash) {
		click_play(app->click);
		wl_display_flush(app->display);
		app->flashed_ns = now_ns();
		app->next_ns = now + EVERY_NS + app->n_flashes++ % N_STEPS * STEP_NS;
	}
}

static void handle_ping(void *data, struct xdg_wm_base *wm_base, uint32_t serial) {
	xdg_wm_base_pong(wm_base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = {.ping = handle_ping};

static void handle_global(void *data, struct wl_registry *registry, uint32_t name,
		const char *interface, uint32_t version) {
	struct app *app = data;
	if (strcmp(interface, wl_compositor_interface.name) == 0) {
		app->compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 4);
	} else if (strcmp(interface, wl_shm_interface.name) == 0) {
		app->shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
	} else if (strcmp(interface, xdg_wm_base_interface.name) == 0) {
		app->wm_base = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
		xdg_wm_base_add_listener(app->wm_base, &wm_base_listener, app);
	} else if (strcmp(interface, wl_seat_interface.name) == 0) {
		uint32_t known = version < 9 ? version : 9;
		app->listen.seat = wl_registry_bind(registry, name, &wl_seat_interface, known);
	}
}

static void handle_global_remove(void *data, struct wl_registry *registry, uint32_t name) {
}

static const struct wl_registry_listener registry_listener = {
		.global = handle_global,
		.global_remove = handle_global_remove,
};

static void handle_toplevel_configure(void *data, struct xdg_toplevel *toplevel, int32_t width,
		int32_t height, struct wl_array *states) {
	struct app *app = data;
	if (app->buffers[0].buffer == NULL) { // its first size is kept
		app->width = width > 2 * BAR ? width : 320;
		app->height = height > BAR ? height : 180;
	}
}

static void handle_toplevel_close(void *data, struct xdg_toplevel *toplevel) {
	((struct app *)data)->done = true;
}

static const struct xdg_toplevel_listener toplevel_listener = {
		.configure = handle_toplevel_configure,
		.close = handle_toplevel_close,
};

static void handle_surface_configure(void *data, struct xdg_surface *xdg_surface, uint32_t serial) {
	struct app *app = data;
	xdg_surface_ack_configure(xdg_surface, serial);
	if (app->buffers[0].buffer == NULL) {
		make_buffers(app);
		draw(app);
	}
}

static const struct xdg_surface_listener surface_listener = {.configure = handle_surface_configure};

static void make_window(struct app *app) {
	app->surface = wl_compositor_create_surface(app->compositor);
	struct xdg_surface *xdg_surface = xdg_wm_base_get_xdg_surface(app->wm_base, app->surface);
	struct xdg_toplevel *toplevel = xdg_surface_get_toplevel(xdg_surface);
	xdg_surface_add_listener(xdg_surface, &surface_listener, app);
	xdg_toplevel_add_listener(toplevel, &toplevel_listener, app);
	xdg_toplevel_set_title(toplevel, "flash");
	xdg_toplevel_set_fullscreen(toplevel, NULL);
	wl_surface_commit(app->surface);
}

int main(int argc, char **argv) {
	struct app app = {0};
	if (argc != 2 || (app.listen.log = fopen(argv[1], "we")) == NULL) {
		fprintf(stderr, "usage: flash_click LOG\n");
		return 2;
	}
	app.display = wl_display_connect(NULL);
	if (app.display == NULL) {
		fprintf(stderr, "flash_click: no Wayland display\n");
		return 3;
	}
	wl_registry_add_listener(wl_display_get_registry(app.display), &registry_listener, &app);
	wl_display_roundtrip(app.display);
	if (app.compositor == NULL || app.shm == NULL || app.wm_base == NULL) {
		fprintf(stderr, "flash_click: the compositor lacks something\n");
		return 3;
	}
	if (app.listen.seat != NULL) {
		listen_to_seat(&app.listen);
	}
	app.click = click_create();
	make_window(&app);
	while (!app.done && wl_display_dispatch(app.display) >= 0) {
		if (!app.drawing && app.buffers[0].buffer != NULL) {
			draw(&app);
		}
	}
	click_destroy(app.click);
	wl_display_disconnect(app.display);
	fclose(app.listen.log);
	return 0;
}
