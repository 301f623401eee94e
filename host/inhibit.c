#include "host/inhibit.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/fd.h"
#include "base/log.h"

struct es_inhibit {
	sd_bus *bus;
	sd_bus_slot *call; // that asks for the lock
	bool active; // as last set
	int fd; // the lock, as long as it is open
};

static int on_lock(sd_bus_message *answer, void *data, sd_bus_error *error) {
	struct es_inhibit *inhibit = data;
	const sd_bus_error *failure = sd_bus_message_get_error(answer);
	int fd = -1; // the message's
	inhibit->call = sd_bus_slot_unref(inhibit->call);
	if (failure != NULL) {
		es_log(ES_LOG_DEBUG, "cannot keep the machine from sleeping: %s",
				failure->message != NULL ? failure->message : failure->name);
	} else if (sd_bus_message_read(answer, "h", &fd) > 0 && inhibit->active) {
		inhibit->fd = fd_dup(fd);
	}
	return 0;
}

void inhibit_set(struct es_inhibit *inhibit, bool active) {
	if (inhibit == NULL || inhibit->active == active) {
		return;
	}
	inhibit->active = active;
	inhibit->call = sd_bus_slot_unref(inhibit->call); // an answer that is on its way is dropped
	fd_close(&inhibit->fd);
	if (!active) {
		return;
	}
	int result = sd_bus_call_method_async(inhibit->bus, &inhibit->call, "org.freedesktop.login1",
			"/org/freedesktop/login1", "org.freedesktop.login1.Manager", "Inhibit", on_lock,
			inhibit, "ssss", "sleep:idle", "Earthshine", "An app is being streamed", "block");
	if (result < 0) {
		es_log(ES_LOG_DEBUG, "cannot keep the machine from sleeping: %s", strerror(-result));
	}
}

struct es_inhibit *inhibit_create(sd_event *event) {
	struct es_inhibit *inhibit = calloc(1, sizeof(*inhibit));
	if (inhibit == NULL) {
		return NULL;
	}
	inhibit->fd = -1;
	int result = sd_bus_open_system(&inhibit->bus);
	if (result >= 0) {
		result = sd_bus_attach_event(inhibit->bus, event, SD_EVENT_PRIORITY_NORMAL);
	}
	if (result < 0) {
		es_log(ES_LOG_DEBUG, "no system bus, so the machine may sleep while somebody plays: %s",
				strerror(-result));
		inhibit_destroy(inhibit);
		return NULL;
	}
	return inhibit;
}

void inhibit_destroy(struct es_inhibit *inhibit) {
	if (inhibit == NULL) {
		return;
	}
	inhibit->call = sd_bus_slot_unref(inhibit->call);
	fd_close(&inhibit->fd);
	if (inhibit->bus != NULL) {
		sd_bus_detach_event(inhibit->bus);
	}
	sd_bus_close_unref(inhibit->bus);
	free(inhibit);
}

bool inhibit_is_held(const struct es_inhibit *inhibit) {
	return inhibit != NULL && inhibit->fd >= 0;
}
