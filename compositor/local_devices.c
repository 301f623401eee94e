#include "compositor/local_devices.h"

#include <stdlib.h>
#include <string.h>
#include <wlr/backend.h>
#include <wlr/backend/libinput.h>
#include <wlr/backend/session.h>
#include <wlr/interfaces/wlr_keyboard.h>

#include "base/log.h"
#include "compositor/display.h"
#include "compositor/local_device.h"

struct es_local_devices {
	struct es_display *display; // borrowed
	char *seat; // of udev

	// owned; NULL when the seat manager has left
	struct wlr_session *session;
	struct wlr_backend *backend; // NULL before the session is active, too

	struct wl_list devices; // es_local_device.link

	struct wl_listener active;
	struct wl_listener session_destroy;
	struct wl_listener new_input;
	struct wl_listener backend_destroy;
};

void local_devices_prepare(void) {
	// A seat may be empty at first; and its screen is none of ours, nor a console of this machine.
	setenv("WLR_LIBINPUT_NO_DEVICES", "1", 1);
	setenv("SEATD_VTBOUND", "0", 0);
}

static void forget(struct wl_listener *listener) {
	wl_list_remove(&listener->link);
	wl_list_init(&listener->link);
}

static void handle_new_input(struct wl_listener *listener, void *data) {
	struct es_local_devices *devices = wl_container_of(listener, devices, new_input);
	struct wlr_input_device *input = data;
	struct es_local_device *device = local_device_create(devices->display, input);
	if (device != NULL) {
		wl_list_insert(&devices->devices, &device->link);
		es_log(ES_LOG_INFO, "'%s' of %s drives the app", input->name, devices->seat);
	}
}

static void handle_backend_destroy(struct wl_listener *listener, void *data) {
	struct es_local_devices *devices = wl_container_of(listener, devices, backend_destroy);
	forget(&devices->new_input);
	forget(&devices->backend_destroy);
	devices->backend = NULL;
}

static void start_backend(struct es_local_devices *devices) {
	devices->backend = wlr_libinput_backend_create(devices->session);
	if (devices->backend == NULL) {
		es_log(ES_LOG_WARN, "the devices of %s are not the app's: libinput cannot be started",
				devices->seat);
		return;
	}
	wl_signal_add(&devices->backend->events.new_input, &devices->new_input);
	wl_signal_add(&devices->backend->events.destroy, &devices->backend_destroy);
	if (!wlr_backend_start(devices->backend)) {
		es_log(ES_LOG_WARN,
				"the devices of %s are not the app's: libinput finds no seat of that name",
				devices->seat);
		wlr_backend_destroy(devices->backend);
	}
}

static void handle_active(struct wl_listener *listener, void *data) {
	struct es_local_devices *devices = wl_container_of(listener, devices, active);
	if (devices->session->active && devices->backend == NULL) {
		start_backend(devices);
	}
}

// The seat manager has ended or threw us out. The devices have told so themselves.
static void handle_session_destroy(struct wl_listener *listener, void *data) {
	struct es_local_devices *devices = wl_container_of(listener, devices, session_destroy);
	es_log(ES_LOG_WARN,
			"the devices of %s are no longer the app's: the seat manager has left; they are again "
			"with the next session",
			devices->seat);
	forget(&devices->active);
	forget(&devices->session_destroy);
	devices->session = NULL;
}

static bool open_session(struct es_local_devices *devices) {
	devices->session = wlr_session_create(devices->display->loop);
	if (devices->session == NULL) {
		es_log(ES_LOG_WARN,
				"the devices of %s are not the app's: no seat manager hands them out; start seatd, "
				"with SEATD_VTBOUND=0 where its console is used otherwise, and be in its group",
				devices->seat);
		return false;
	}
	wl_signal_add(&devices->session->events.active, &devices->active);
	wl_signal_add(&devices->session->events.destroy, &devices->session_destroy);
	// Whose devices they are is said by udev; seatd knows one seat only and opens what it is asked for.
	memcpy(devices->session->seat, devices->seat, strlen(devices->seat) + 1);
	return true;
}

struct es_local_devices *local_devices_create(struct es_display *display, const char *seat) {
	struct es_local_devices *devices = calloc(1, sizeof(*devices));
	if (devices == NULL) {
		es_log(ES_LOG_WARN, "no devices of %s: out of memory", seat);
		return NULL;
	}
	devices->display = display;
	wl_list_init(&devices->devices);
	devices->active.notify = handle_active;
	devices->session_destroy.notify = handle_session_destroy;
	devices->new_input.notify = handle_new_input;
	devices->backend_destroy.notify = handle_backend_destroy;
	wl_list_init(&devices->active.link);
	wl_list_init(&devices->session_destroy.link);
	wl_list_init(&devices->new_input.link);
	wl_list_init(&devices->backend_destroy.link);
	devices->seat = strdup(seat);
	if (devices->seat == NULL || strlen(seat) >= sizeof(devices->session->seat) ||
			!open_session(devices)) {
		local_devices_destroy(devices);
		return NULL;
	}
	if (devices->session->active) {
		start_backend(devices);
	} else {
		es_log(ES_LOG_INFO,
				"the devices of %s become the app's when another session lets go of them",
				devices->seat);
	}
	return devices;
}

void local_devices_destroy(struct es_local_devices *devices) {
	if (devices == NULL) {
		return;
	}
	wl_list_remove(&devices->active.link);
	wl_list_remove(&devices->session_destroy.link);
	if (devices->backend != NULL) {
		wlr_backend_destroy(devices->backend);
	}
	wl_list_remove(&devices->new_input.link);
	wl_list_remove(&devices->backend_destroy.link);
	struct es_local_device *device, *next;
	wl_list_for_each_safe (device, next, &devices->devices, link) {
		local_device_destroy(device);
	}
	if (devices->session != NULL) {
		wlr_session_destroy(devices->session);
	}
	free(devices->seat);
	free(devices);
}

void local_devices_set_leds(struct es_local_devices *devices, uint32_t leds) {
	struct es_local_device *device;
	if (devices == NULL) {
		return;
	}
	wl_list_for_each (device, &devices->devices, link) {
		local_device_set_leds(device, leds);
	}
}
