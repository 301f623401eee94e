#include "compositor/display.h"

#include <stdio.h>
#include <stdlib.h>
#include <wlr/backend.h>
#include <wlr/render/allocator.h>
#include <wlr/render/wlr_renderer.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_output.h>
#include <wlr/types/wlr_output_layout.h>
#include <wlr/types/wlr_scene.h>

#include "base/clock.h"
#include "base/log.h"
#include "compositor/app.h"
#include "compositor/clipboard.h"
#include "compositor/commit_hold.h"
#include "compositor/commit_ledger.h"
#include "compositor/cursor.h"
#include "compositor/gamepad.h"
#include "compositor/globals.h"
#include "compositor/local_devices.h"
#include "compositor/remote_input.h"
#include "compositor/pen.h"
#include "compositor/render_device.h"
#include "compositor/repaint.h"
#include "compositor/screen_source.h"
#include "compositor/seat.h"
#include "compositor/session.h"
#include "compositor/view.h"
#include "compositor/sound_card.h"
#include "compositor/viewers.h"
#include "compositor/virtual_output.h"
#include "compositor/xdg_shell.h"
#include "compositor/xwayland.h"

static float scale_of(const struct es_display *display) {
	return (float)display->scale_milli / 1000.0f;
}

static bool create_loop(struct es_display *display) {
	display->wl_display = wl_display_create();
	if (display->wl_display == NULL) {
		es_log(ES_LOG_ERROR, "cannot make a Wayland display: out of memory or descriptors");
		return false;
	}
	display->loop = wl_display_get_event_loop(display->wl_display);
	return true;
}

static void handle_gpu_lost(struct wl_listener *listener, void *data) {
	struct es_display *display = wl_container_of(listener, display, gpu_lost);
	session_handle_gpu_lost(display->session);
}

static bool create_output(struct es_display *display) {
	display->output = virtual_output_create(display->loop);
	if (display->output == NULL ||
			!render_device_create(display->output, &display->renderer, &display->allocator)) {
		return false;
	}
	display->gpu_lost.notify = handle_gpu_lost;
	wl_signal_add(&display->renderer->events.lost, &display->gpu_lost);
	return true;
}

static void choose_depth(struct es_display *display) {
	if (display->colour.depth > 8 && !virtual_output_use_10_bits(display->output)) {
		es_log(ES_LOG_WARN,
				"windows are put together with 8 bits a channel: the %s renderer here "
				"has no more",
				render_device_name(display->renderer));
	}
}

static bool create_scene(struct es_display *display) {
	struct wlr_output *wlr_output = &display->output->wlr_output;
	display->output_layout = wlr_output_layout_create(display->wl_display);
	display->scene = wlr_scene_create();
	if (display->output_layout == NULL || display->scene == NULL) {
		return false;
	}
	display->layer_views = wlr_scene_tree_create(&display->scene->tree);
	display->layer_unmanaged = wlr_scene_tree_create(&display->scene->tree);
	display->layer_overlay = wlr_scene_tree_create(&display->scene->tree);
	// After the renderer: the scene looks at its features here.
	display->scene_output = wlr_scene_output_create(display->scene, wlr_output);
	struct wlr_scene_output_layout *layout =
			wlr_scene_attach_output_layout(display->scene, display->output_layout);
	struct wlr_output_layout_output *place =
			wlr_output_layout_add(display->output_layout, wlr_output, 0, 0);
	if (display->layer_views == NULL || display->layer_unmanaged == NULL ||
			display->layer_overlay == NULL || display->scene_output == NULL || layout == NULL ||
			place == NULL) {
		return false;
	}
	wlr_scene_output_layout_add_output(layout, place, display->scene_output);
	return true;
}

static bool switch_on(struct es_display *display) {
	const struct es_mode *mode = &display->mode;
	choose_depth(display);
	if (!wlr_backend_start(&display->output->backend) ||
			!virtual_output_set_mode(display->output, mode, scale_of(display))) {
		es_log(ES_LOG_ERROR, "cannot switch a screen of %ux%u on: is there memory for it?",
				mode->width, mode->height);
		return false;
	}
	virtual_output_end(display->output);
	return true;
}

static bool create_core(struct es_display *display, int32_t detached_mhz) {
	display->commits = commit_ledger_create(display);
	display->viewers = viewers_create(display);
	display->hold = commit_hold_create(display);
	if (display->commits == NULL || display->viewers == NULL || display->hold == NULL) {
		return false;
	}
	display->repaint = repaint_create(display, detached_mhz);
	return display->repaint != NULL;
}

static bool create_desk(struct es_display *display) {
	display->seat = seat_create(display);
	if (display->seat == NULL) {
		return false;
	}
	display->cursor = cursor_create(display);
	display->pen = pen_create(display);
	display->xdg_shell = xdg_shell_create(display);
	display->clipboard = clipboard_create(display);
	if (display->cursor == NULL || display->pen == NULL || display->xdg_shell == NULL ||
			display->clipboard == NULL) {
		return false;
	}
	display->xwayland = xwayland_create(display);
	return true;
}

static bool open_socket(struct es_display *display) {
	const char *name = wl_display_add_socket_auto(display->wl_display);
	if (name == NULL) {
		const char *dir = getenv("XDG_RUNTIME_DIR");
		es_log(ES_LOG_ERROR, "cannot make a Wayland socket in XDG_RUNTIME_DIR (%s)",
				dir != NULL ? dir : "not set");
		return false;
	}
	snprintf(display->wayland_socket, sizeof(display->wayland_socket), "%s", name);
	return true;
}

struct es_display *display_create(const struct es_mode *mode, const struct es_colour *colour,
		uint32_t scale_milli, int32_t detached_mhz, struct es_spawner *spawner) {
	struct es_display *display = calloc(1, sizeof(*display));
	if (display == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the display: out of memory");
		return NULL;
	}
	display->mode = *mode;
	display->colour = *colour;
	display->scale_milli = scale_milli;
	display->spawner = spawner;
	wl_list_init(&display->views);
	wl_list_init(&display->gpu_lost.link);
	if (!create_loop(display) || !create_output(display)) {
		goto fail;
	}
	if (!create_scene(display)) {
		es_log(ES_LOG_ERROR, "cannot make the scene: out of memory");
		goto fail;
	}
	if (!globals_create(display) || !switch_on(display) || !create_core(display, detached_mhz) ||
			!create_desk(display)) {
		goto fail;
	}
	wlr_output_create_global(&display->output->wlr_output, display->wl_display);
	if (!open_socket(display)) {
		goto fail;
	}
	return display;
fail:
	display_destroy(display);
	return NULL;
}

// Apps first, so that no request comes for what is gone.
static void destroy_apps(struct es_display *display) {
	app_destroy(display->app);
	display->app = NULL;
	xwayland_destroy(display->xwayland);
	display->xwayland = NULL;
	sound_card_destroy(display->sound_card);
	display->sound_card = NULL;
	screen_source_destroy(display->screen_source);
	display->screen_source = NULL;
	gamepads_destroy(display->gamepads);
	display->gamepads = NULL;
	if (display->wl_display != NULL) {
		wl_display_destroy_clients(display->wl_display);
	}
}

// wlroots asserts that nobody listens to what is destroyed.
static void destroy_desk(struct es_display *display) {
	remote_input_destroy(display->remote_input);
	clipboard_destroy(display->clipboard);
	local_devices_destroy(display->local_devices);
	display->local_devices = NULL;
	xdg_shell_destroy(display->xdg_shell);
	pen_destroy(display->pen);
	cursor_destroy(display->cursor);
	seat_destroy(display->seat);
}

static void destroy_core(struct es_display *display) {
	repaint_destroy(display->repaint);
	viewers_destroy(display->viewers); // gives held buffers back
	commit_hold_destroy(display->hold);
	commit_ledger_destroy(display->commits);
	virtual_output_destroy(display->output);
	if (display->scene != NULL) {
		wlr_scene_node_destroy(&display->scene->tree.node);
	}
	wlr_allocator_destroy(display->allocator);
	wl_list_remove(&display->gpu_lost.link);
	wlr_renderer_destroy(display->renderer);
}

void display_destroy(struct es_display *display) {
	if (display == NULL) {
		return;
	}
	destroy_apps(display);
	destroy_desk(display);
	destroy_core(display);
	if (display->wl_display != NULL) {
		wl_display_destroy(display->wl_display); // with the socket
	}
	free(display);
}

bool display_set_mode(struct es_display *display, const struct es_mode *mode) {
	if (!virtual_output_set_mode(display->output, mode, scale_of(display))) {
		es_log(ES_LOG_WARN, "cannot switch the screen to %ux%u, it stays at %ux%u", mode->width,
				mode->height, display->mode.width, display->mode.height);
		return false;
	}
	display->mode = *mode;
	viewers_set_mode(display->viewers, mode);
	screen_source_set_mode(display->screen_source, mode);
	repaint_set_refresh(display->repaint, mode->refresh_mhz);
	views_arrange(display);
	xwayland_update_screen(display->xwayland);
	repaint_damage_whole(display->repaint);
	virtual_output_end(display->output);
	return true;
}

void display_logical_size(const struct es_display *display, int *width, int *height) {
	// As wlroots computes it, so that a full-screen window fills the last pixel.
	*width = (int)((float)display->mode.width / scale_of(display));
	*height = (int)((float)display->mode.height / scale_of(display));
}

void display_handle_app_exit(struct es_display *display, int status) {
	session_handle_app_exit(display->session, status);
}
