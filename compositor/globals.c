#include "compositor/globals.h"

#include <stdlib.h>
#include <string.h>
#include <wlr/render/wlr_renderer.h>
#include <wlr/types/wlr_buffer.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_content_type_v1.h>
#include <wlr/types/wlr_cursor_shape_v1.h>
#include <wlr/types/wlr_data_device.h>
#include <wlr/types/wlr_ext_data_control_v1.h>
#include <wlr/types/wlr_fixes.h>
#include <wlr/types/wlr_fractional_scale_v1.h>
#include <wlr/types/wlr_idle_notify_v1.h>
#include <wlr/types/wlr_linux_dmabuf_v1.h>
#include <wlr/types/wlr_linux_drm_syncobj_v1.h>
#include <wlr/types/wlr_pointer_constraints_v1.h>
#include <wlr/types/wlr_pointer_gestures_v1.h>
#include <wlr/types/wlr_presentation_time.h>
#include <wlr/types/wlr_primary_selection_v1.h>
#include <wlr/types/wlr_relative_pointer_v1.h>
#include <wlr/types/wlr_shm.h>
#include <wlr/types/wlr_single_pixel_buffer_v1.h>
#include <wlr/types/wlr_subcompositor.h>
#include <wlr/types/wlr_tablet_v2.h>
#include <wlr/types/wlr_tearing_control_v1.h>
#include <wlr/types/wlr_text_input_v3.h>
#include <wlr/types/wlr_viewporter.h>
#include <wlr/types/wlr_xdg_dialog_v1.h>
#include <wlr/types/wlr_xdg_output_v1.h>
#include <wlr/types/wlr_xdg_shell.h>
#include <wlr/types/wlr_xdg_system_bell_v1.h>
#include <wlr/types/wlr_xdg_toplevel_icon_v1.h>
#include <wlr/types/wlr_xdg_toplevel_tag_v1.h>

#include "base/log.h"
#include "compositor/decoration.h"
#include "compositor/display.h"
#include "compositor/flood_guard.h"
#include "compositor/quota.h"
#include "compositor/requests.h"
#include "compositor/virtual_output.h"
#include "compositor/xwayland.h"

// Bytes that may wait for a client that does not read before it is disconnected.
#define MAX_CLIENT_BUFFER (1024 * 1024)

struct globals {
	struct es_globals public;
	struct es_display *display; // borrowed
	struct wl_listener display_destroy;
};

static bool create_fixes(struct es_display *display) {
	return wlr_fixes_create(display->wl_display, 1) != NULL;
}

static bool create_compositor(struct es_display *display) {
	display->compositor = wlr_compositor_create(display->wl_display, 6, display->renderer);
	return display->compositor != NULL;
}

static bool create_subcompositor(struct es_display *display) {
	return wlr_subcompositor_create(display->wl_display) != NULL;
}

static bool create_shm(struct es_display *display) {
	return wlr_shm_create_with_renderer(display->wl_display, 2, display->renderer) != NULL;
}

static bool create_linux_dmabuf(struct es_display *display) {
	if (wlr_renderer_get_drm_fd(display->renderer) < 0 ||
			wlr_renderer_get_texture_formats(display->renderer, WLR_BUFFER_CAP_DMABUF) == NULL) {
		return true; // nothing here could import one: shared memory only
	}
	struct wlr_linux_dmabuf_v1 *dmabuf =
			wlr_linux_dmabuf_v1_create_with_renderer(display->wl_display, 5, display->renderer);
	if (dmabuf == NULL) {
		return false;
	}
	wlr_scene_set_linux_dmabuf_v1(display->scene, dmabuf);
	display->globals->linux_dmabuf = dmabuf;
	return true;
}

// Without the output's consent apps would be told to draw while an encoder still reads.
static bool create_syncobj(struct es_display *display) {
	struct wlr_backend *backend = &display->output->backend;
	int drm_fd = wlr_backend_get_drm_fd(backend);
	if (drm_fd < 0 || !backend->features.timeline || !display->renderer->features.timeline) {
		return true;
	}
	// NULL also where the kernel has timelines but cannot watch them.
	wlr_linux_drm_syncobj_manager_v1_create(display->wl_display, 1, drm_fd);
	return true;
}

static bool create_viewporter(struct es_display *display) {
	return wlr_viewporter_create(display->wl_display) != NULL;
}

static bool create_single_pixel_buffer(struct es_display *display) {
	return wlr_single_pixel_buffer_manager_v1_create(display->wl_display) != NULL;
}

static bool create_presentation(struct es_display *display) {
	// The backend is not looked at: the clock is CLOCK_MONOTONIC with all of them.
	return wlr_presentation_create(display->wl_display, NULL, 2) != NULL;
}

static bool create_xdg_shell(struct es_display *display) {
	display->globals->xdg_shell = wlr_xdg_shell_create(display->wl_display, 7);
	return display->globals->xdg_shell != NULL;
}

static bool create_data_device(struct es_display *display) {
	return wlr_data_device_manager_create(display->wl_display) != NULL;
}

static bool create_primary_selection(struct es_display *display) {
	return wlr_primary_selection_v1_device_manager_create(display->wl_display) != NULL;
}

static bool create_data_control(struct es_display *display) {
	return wlr_ext_data_control_manager_v1_create(display->wl_display, 1) != NULL;
}

static bool create_xdg_output(struct es_display *display) {
	return wlr_xdg_output_manager_v1_create(display->wl_display, display->output_layout) != NULL;
}

static bool create_fractional_scale(struct es_display *display) {
	return wlr_fractional_scale_manager_v1_create(display->wl_display, 1) != NULL;
}

static bool create_cursor_shape(struct es_display *display) {
	display->globals->cursor_shape = wlr_cursor_shape_manager_v1_create(display->wl_display, 2);
	return display->globals->cursor_shape != NULL;
}

static bool create_relative_pointer(struct es_display *display) {
	display->globals->relative_pointer =
			wlr_relative_pointer_manager_v1_create(display->wl_display);
	return display->globals->relative_pointer != NULL;
}

static bool create_pointer_constraints(struct es_display *display) {
	display->globals->pointer_constraints = wlr_pointer_constraints_v1_create(display->wl_display);
	return display->globals->pointer_constraints != NULL;
}

static bool create_pointer_gestures(struct es_display *display) {
	return wlr_pointer_gestures_v1_create(display->wl_display) != NULL;
}

static bool create_tablet(struct es_display *display) {
	display->globals->tablet = wlr_tablet_v2_create(display->wl_display);
	return display->globals->tablet != NULL;
}

static bool create_text_input(struct es_display *display) {
	display->globals->text_input = wlr_text_input_manager_v3_create(display->wl_display);
	return display->globals->text_input != NULL;
}

static bool create_idle_notify(struct es_display *display) {
	display->globals->idle_notifier = wlr_idle_notifier_v1_create(display->wl_display);
	return display->globals->idle_notifier != NULL;
}

static bool create_toplevel_icon(struct es_display *display) {
	return wlr_xdg_toplevel_icon_manager_v1_create(display->wl_display, 1) != NULL;
}

static bool create_toplevel_tag(struct es_display *display) {
	return wlr_xdg_toplevel_tag_manager_v1_create(display->wl_display, 1) != NULL;
}

static bool create_dialog(struct es_display *display) {
	return wlr_xdg_wm_dialog_v1_create(display->wl_display, 1) != NULL;
}

static bool create_system_bell(struct es_display *display) {
	return wlr_xdg_system_bell_v1_create(display->wl_display, 1) != NULL;
}

static bool create_content_type(struct es_display *display) {
	return wlr_content_type_manager_v1_create(display->wl_display, 1) != NULL;
}

static bool create_tearing_control(struct es_display *display) {
	return wlr_tearing_control_manager_v1_create(display->wl_display, 1) != NULL;
}

// What the registry shows. Without a function: made elsewhere.
static const struct {
	const char *interface;
	bool (*create)(struct es_display *display);
} table[] = {
		{"wl_fixes", create_fixes},
		{"wl_compositor", create_compositor},
		{"wl_subcompositor", create_subcompositor},
		{"wl_shm", create_shm},
		{"zwp_linux_dmabuf_v1", create_linux_dmabuf},
		{"wp_linux_drm_syncobj_manager_v1", create_syncobj},
		{"wp_viewporter", create_viewporter},
		{"wp_single_pixel_buffer_manager_v1", create_single_pixel_buffer},
		{"wp_presentation", create_presentation},
		{"wl_output", NULL},
		{"zxdg_output_manager_v1", create_xdg_output},
		{"wp_fractional_scale_manager_v1", create_fractional_scale},
		{"wp_content_type_manager_v1", create_content_type},
		{"wp_tearing_control_manager_v1", create_tearing_control},
		{"wl_seat", NULL},
		{"wl_data_device_manager", create_data_device},
		{"zwp_primary_selection_device_manager_v1", create_primary_selection},
		{"ext_data_control_manager_v1", create_data_control},
		{"wp_cursor_shape_manager_v1", create_cursor_shape},
		{"zwp_relative_pointer_manager_v1", create_relative_pointer},
		{"zwp_pointer_constraints_v1", create_pointer_constraints},
		{"zwp_pointer_gestures_v1", create_pointer_gestures},
		{"zwp_tablet_manager_v2", create_tablet},
		{"zwp_text_input_manager_v3", create_text_input},
		{"zwp_keyboard_shortcuts_inhibit_manager_v1", requests_create_shortcuts_inhibit},
		{"ext_idle_notifier_v1", create_idle_notify},
		{"zwp_idle_inhibit_manager_v1", requests_create_idle_inhibit},
		{"xdg_wm_base", create_xdg_shell},
		{"zxdg_decoration_manager_v1", decoration_create_xdg},
		{"org_kde_kwin_server_decoration_manager", decoration_create_kde},
		{"xdg_activation_v1", requests_create_activation},
		{"xdg_toplevel_icon_manager_v1", create_toplevel_icon},
		{"xdg_toplevel_tag_manager_v1", create_toplevel_tag},
		{"xdg_wm_dialog_v1", create_dialog},
		{"xdg_system_bell_v1", create_system_bell},
};

// Asked for every global and client, at the registry and again at bind.
static bool is_offered(const struct wl_client *client, const struct wl_global *global, void *data) {
	const struct globals *globals = data;
	const char *interface = wl_global_get_interface(global)->name;
	if (strcmp(interface, "xwayland_shell_v1") == 0) {
		return xwayland_is_client(globals->display->xwayland, client);
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(interface, table[i].interface) == 0) {
			return true;
		}
	}
	return false;
}

static void handle_display_destroy(struct wl_listener *listener, void *data) {
	struct globals *globals = wl_container_of(listener, globals, display_destroy);
	wl_display_set_global_filter(globals->display->wl_display, NULL, NULL);
	wl_list_remove(&globals->display_destroy.link);
	globals->display->globals = NULL;
	free(globals);
}

bool globals_create(struct es_display *display) {
	struct globals *globals = calloc(1, sizeof(*globals));
	if (globals == NULL) {
		es_log(ES_LOG_ERROR, "cannot offer Wayland protocols: out of memory");
		return false;
	}
	globals->display = display;
	globals->display_destroy.notify = handle_display_destroy;
	wl_display_add_destroy_listener(display->wl_display, &globals->display_destroy);
	display->globals = &globals->public;
	wl_display_set_default_max_buffer_size(display->wl_display, MAX_CLIENT_BUFFER);
	wl_display_set_global_filter(display->wl_display, is_offered, globals);
	if (!quota_create(display) || !flood_guard_create(display)) {
		es_log(ES_LOG_ERROR, "cannot set limits for clients: out of memory");
		return false;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].create != NULL && !table[i].create(display)) {
			es_log(ES_LOG_ERROR, "cannot offer %s: out of memory", table[i].interface);
			return false;
		}
	}
	return true;
}
