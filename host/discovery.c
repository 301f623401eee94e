#include "host/discovery.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/log.h"
#include "host/mac.h"

#define AVAHI "org.freedesktop.Avahi"
#define SERVER AVAHI ".Server"
#define GROUP AVAHI ".EntryGroup"
#define COLLISION_ERROR AVAHI ".CollisionError"
#define SERVICE "_nvstream._tcp"
#define MAX_ATTEMPTS 32

// States of Avahi's server and of a group of entries are numbered alike.
enum { AVAHI_REGISTERING = 1, AVAHI_ESTABLISHED = 2, AVAHI_COLLISION = 3, AVAHI_FAILURE = 4 };
#define ANY_INTERFACE (-1)
#define IPV4 0

struct es_discovery {
	sd_bus *bus;
	char host_name[ES_DISCOVERY_NAME_SIZE * 4];
	int32_t interface;
	uint16_t port;
	unsigned attempt;
	char *group; // path of our entries; NULL: none
	sd_bus_slot *call; // the one that is under way
	bool told; // that there is no Avahi
};

void discovery_instance(const char *name, unsigned attempt, char out[ES_DISCOVERY_NAME_SIZE]) {
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	char number[16] = "", base[ES_DISCOVERY_NAME_SIZE];
	size_t n = 0;
	if (attempt > 0) {
		snprintf(number, sizeof(number), "-%u", attempt + 1);
	}
	size_t cap = sizeof(base) - strlen(number);
	for (; name[n] != '\0' && n + 1 < cap; n++) {
		base[n] = name[n] == ' ' ? '-' : name[n];
		if (strchr(letters, base[n]) == NULL) {
			break;
		}
	}
	base[n] = '\0';
	snprintf(out, ES_DISCOVERY_NAME_SIZE, "%.*s%s", (int)(cap - 1), n > 0 ? base : "earthshine",
			number);
}

static void forget_group(struct es_discovery *discovery) {
	discovery->call = sd_bus_slot_unref(discovery->call);
	free(discovery->group);
	discovery->group = NULL;
}

static void tell_absent(struct es_discovery *discovery, const char *why) {
	if (!discovery->told) {
		es_log(ES_LOG_INFO,
				"this host is not announced in the network (%s); clients find it by its address, or "
				"once avahi-daemon runs",
				why);
	}
	discovery->told = true;
}

// Each step of an announcement is a call whose answer starts the next one.
static void begin(struct es_discovery *discovery);
static void add_service(struct es_discovery *discovery);

static bool call(struct es_discovery *discovery, sd_bus_message *message,
		sd_bus_message_handler_t answered) {
	discovery->call = sd_bus_slot_unref(discovery->call);
	int result =
			sd_bus_call_async(discovery->bus, &discovery->call, message, answered, discovery, 0);
	if (result < 0) {
		tell_absent(discovery, strerror(-result));
	}
	sd_bus_message_unref(message);
	return result >= 0;
}

static sd_bus_message *make_call(
		struct es_discovery *discovery, const char *path, const char *interface, const char *name) {
	sd_bus_message *message = NULL;
	if (sd_bus_message_new_method_call(discovery->bus, &message, AVAHI, path, interface, name) <
			0) {
		return NULL;
	}
	// Whether Avahi runs is the operator's decision.
	sd_bus_message_set_auto_start(message, 0);
	return message;
}

static int on_reset(sd_bus_message *answer, void *data, sd_bus_error *error) {
	if (!sd_bus_message_is_method_error(answer, NULL)) {
		add_service(data);
	}
	return 0;
}

// Somebody has that name already: the next one.
static void rename_and_retry(struct es_discovery *discovery) {
	if (discovery->group == NULL || ++discovery->attempt >= MAX_ATTEMPTS) {
		return;
	}
	sd_bus_message *message = make_call(discovery, discovery->group, GROUP, "Reset");
	if (message != NULL) {
		call(discovery, message, on_reset);
	}
}

// True: go on. A step that failed is told once.
static bool succeeded(struct es_discovery *discovery, sd_bus_message *answer, const char *what) {
	const sd_bus_error *error = sd_bus_message_get_error(answer);
	if (error == NULL) {
		return true;
	}
	if (sd_bus_error_has_name(error, COLLISION_ERROR)) {
		rename_and_retry(discovery);
	} else if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
			sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
		tell_absent(discovery, "Avahi does not run");
	} else {
		es_log(ES_LOG_WARN, "cannot announce this host in the network: %s: %s", what,
				error->message != NULL ? error->message : error->name);
	}
	return false;
}

static int on_committed(sd_bus_message *answer, void *data, sd_bus_error *error) {
	succeeded(data, answer, "Commit");
	return 0;
}

static int on_added(sd_bus_message *answer, void *data, sd_bus_error *error) {
	struct es_discovery *discovery = data;
	if (succeeded(discovery, answer, "AddService")) {
		sd_bus_message *message = make_call(discovery, discovery->group, GROUP, "Commit");
		if (message != NULL) {
			call(discovery, message, on_committed);
		}
	}
	return 0;
}

static void add_service(struct es_discovery *discovery) {
	char name[ES_DISCOVERY_NAME_SIZE];
	discovery_instance(discovery->host_name, discovery->attempt, name);
	sd_bus_message *message = make_call(discovery, discovery->group, GROUP, "AddService");
	if (message == NULL) {
		return;
	}
	if (sd_bus_message_append(message, "iiussssq", discovery->interface, IPV4, 0, name, SERVICE, "",
				"", discovery->port) < 0 ||
			sd_bus_message_append(message, "aay", 0) < 0) {
		sd_bus_message_unref(message);
		return;
	}
	call(discovery, message, on_added);
}

static int on_group(sd_bus_message *answer, void *data, sd_bus_error *error) {
	struct es_discovery *discovery = data;
	const char *path = NULL;
	if (succeeded(discovery, answer, "EntryGroupNew") &&
			sd_bus_message_read(answer, "o", &path) > 0) {
		discovery->group = strdup(path);
		if (discovery->group != NULL) {
			add_service(discovery);
		}
	}
	return 0;
}

static void begin(struct es_discovery *discovery) {
	forget_group(discovery);
	discovery->attempt = 0;
	sd_bus_message *message = make_call(discovery, "/", SERVER, "EntryGroupNew");
	if (message != NULL) {
		call(discovery, message, on_group);
	}
}

static int on_owner(sd_bus_message *signal, void *data, sd_bus_error *error) {
	struct es_discovery *discovery = data;
	const char *name, *old_owner, *new_owner;
	if (sd_bus_message_read(signal, "sss", &name, &old_owner, &new_owner) < 0) {
		return 0;
	}
	if (new_owner[0] != '\0') {
		begin(discovery); // it has started, or started again
	} else {
		forget_group(discovery);
	}
	return 0;
}

static int on_group_state(sd_bus_message *signal, void *data, sd_bus_error *error) {
	struct es_discovery *discovery = data;
	const char *why, *path = sd_bus_message_get_path(signal);
	int32_t state;
	if (discovery->group == NULL || path == NULL || strcmp(path, discovery->group) != 0 ||
			sd_bus_message_read(signal, "is", &state, &why) < 0) {
		return 0;
	}
	if (state == AVAHI_ESTABLISHED) {
		char name[ES_DISCOVERY_NAME_SIZE];
		discovery_instance(discovery->host_name, discovery->attempt, name);
		es_log(ES_LOG_INFO, "announced in the network as '%s'", name);
	} else if (state == AVAHI_COLLISION) {
		rename_and_retry(discovery);
	} else if (state == AVAHI_FAILURE) {
		es_log(ES_LOG_WARN, "Avahi cannot announce this host in the network: %s", why);
	}
	return 0;
}

// The machine's own name has changed or collided: entries have to be made anew.
static int on_server_state(sd_bus_message *signal, void *data, sd_bus_error *error) {
	struct es_discovery *discovery = data;
	const char *why;
	int32_t state;
	if (sd_bus_message_read(signal, "is", &state, &why) >= 0 && state == AVAHI_ESTABLISHED &&
			discovery->group != NULL) {
		sd_bus_message *message = make_call(discovery, discovery->group, GROUP, "Reset");
		if (message != NULL) {
			call(discovery, message, on_reset);
		}
	}
	return 0;
}

static int watch(struct es_discovery *discovery) {
	int result = sd_bus_match_signal_async(discovery->bus, NULL, AVAHI, NULL, GROUP, "StateChanged",
			on_group_state, NULL, discovery);
	if (result >= 0) {
		result = sd_bus_match_signal_async(discovery->bus, NULL, AVAHI, "/", SERVER, "StateChanged",
				on_server_state, NULL, discovery);
	}
	if (result >= 0) {
		result = sd_bus_add_match_async(discovery->bus, NULL,
				"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
				"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" AVAHI "'",
				on_owner, NULL, discovery);
	}
	return result;
}

struct es_discovery *discovery_create(
		sd_event *event, const char *name, const char *address, uint16_t port) {
	struct es_discovery *discovery = calloc(1, sizeof(*discovery));
	int result = -ENOMEM;
	if (discovery == NULL) {
		goto fail;
	}
	snprintf(discovery->host_name, sizeof(discovery->host_name), "%s", name);
	unsigned interface = mac_interface_of_address(address);
	discovery->interface = interface > 0 ? (int32_t)interface : ANY_INTERFACE;
	discovery->port = port;
	result = sd_bus_open_system(&discovery->bus);
	if (result < 0) {
		goto fail;
	}
	result = sd_bus_attach_event(discovery->bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (result >= 0) {
		result = watch(discovery);
	}
	if (result < 0) {
		goto fail;
	}
	begin(discovery);
	return discovery;
fail:
	es_log(ES_LOG_INFO,
			"this host is not announced in the network (no system bus: %s); clients find it by its "
			"address",
			strerror(-result));
	discovery_destroy(discovery);
	return NULL;
}

void discovery_destroy(struct es_discovery *discovery) {
	if (discovery == NULL) {
		return;
	}
	forget_group(discovery);
	// Avahi drops the entries with the connection.
	if (discovery->bus != NULL) {
		sd_bus_detach_event(discovery->bus);
	}
	discovery->bus = sd_bus_close_unref(discovery->bus);
	free(discovery);
}
