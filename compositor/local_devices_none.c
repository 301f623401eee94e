// Chosen by the build where wlroots has no libinput.
#include "compositor/local_devices.h"

#include <stddef.h>

#include "base/log.h"

void local_devices_prepare(void) {
}

struct es_local_devices *local_devices_create(struct es_display *display, const char *seat) {
	es_log(ES_LOG_WARN,
			"the devices of %s are not the app's: built with a wlroots that has no libinput", seat);
	return NULL;
}

void local_devices_destroy(struct es_local_devices *devices) {
}

void local_devices_set_leds(struct es_local_devices *devices, uint32_t leds) {
}
