#include "host/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_KEPT 256
#define MAX_BYTES ((size_t)512 << 10)

struct kept {
	uint64_t id;
	enum es_event_type type;
	char *json;
	size_t size;
};

struct es_listener {
	enum es_role role;
	void (*hear)(void *data, const struct es_event *event);
	void *data;
	bool gone; // while it is being told
	struct es_listener *next;
};

struct es_events {
	struct kept kept[MAX_KEPT]; // a ring
	size_t first, n, bytes;
	uint64_t last_id;
	uint64_t missed_id; // of the last one that is not kept any more
	struct es_listener *listeners;
	unsigned telling;
	void (*changed)(void *data);
	void *changed_data;
};

static const struct {
	const char *name;
	enum es_role role;
	bool kept;
} types[ES_EVENT_COUNT] = {
		[ES_EVENT_RESET] = {"reset", ES_ROLE_VIEW, false},
		[ES_EVENT_PAIRING] = {"pairing", ES_ROLE_ADMIN, true},
		[ES_EVENT_CLIENTS] = {"clients", ES_ROLE_ADMIN, true},
		[ES_EVENT_APPS] = {"apps", ES_ROLE_VIEW, true},
		[ES_EVENT_SESSION] = {"session", ES_ROLE_VIEW, true},
		[ES_EVENT_STATS] = {"stats", ES_ROLE_VIEW, false},
		[ES_EVENT_LOG] = {"log", ES_ROLE_ADMIN, true},
		[ES_EVENT_SETTINGS] = {"settings", ES_ROLE_ADMIN, true},
		[ES_EVENT_CAPTURE] = {"capture", ES_ROLE_VIEW, true},
};

const char *event_name(enum es_event_type type) {
	return types[type].name;
}

enum es_role event_role(enum es_event_type type) {
	return types[type].role;
}

struct es_events *events_create(void) {
	struct es_events *events = calloc(1, sizeof(*events));
	if (events != NULL) {
		// Above all of a host before this one, so that who comes back to it with an old number is told
		// to ask anew.
		events->last_id = (uint64_t)time(NULL) << 20;
		events->missed_id = events->last_id;
	}
	return events;
}

static void drop_first(struct es_events *events) {
	struct kept *kept = &events->kept[events->first];
	events->missed_id = kept->id;
	events->bytes -= kept->size;
	free(kept->json);
	*kept = (struct kept){0};
	events->first = (events->first + 1) % MAX_KEPT;
	events->n--;
}

void events_destroy(struct es_events *events) {
	if (events == NULL) {
		return;
	}
	assert(events->listeners == NULL);
	while (events->n > 0) {
		drop_first(events);
	}
	free(events);
}

static void keep(struct es_events *events, const struct es_event *event, size_t size) {
	while (events->n > 0 && (events->n == MAX_KEPT || events->bytes + size > MAX_BYTES)) {
		drop_first(events);
	}
	char *copy = size <= MAX_BYTES ? malloc(size + 1) : NULL;
	if (copy == NULL) {
		while (events->n > 0) {
			drop_first(events);
		}
		events->missed_id = event->id;
		return;
	}
	memcpy(copy, event->json, size + 1);
	events->kept[(events->first + events->n++) % MAX_KEPT] =
			(struct kept){.id = event->id, .type = event->type, .json = copy, .size = size};
	events->bytes += size;
}

static void tell(struct es_listener *listener, const struct es_event *event) {
	if (!listener->gone && listener->role >= types[event->type].role) {
		listener->hear(listener->data, event);
	}
}

static void sweep(struct es_events *events) {
	struct es_listener **link = &events->listeners;
	while (*link != NULL) {
		struct es_listener *listener = *link;
		if (listener->gone) {
			*link = listener->next;
			free(listener);
		} else {
			link = &listener->next;
		}
	}
}

static void begin_telling(struct es_events *events) {
	events->telling++;
}

static void end_telling(struct es_events *events) {
	if (--events->telling == 0) {
		sweep(events);
	}
}

void events_publish(
		struct es_events *events, enum es_event_type type, const char *json, size_t size) {
	assert(events->telling == 0);
	char *copy = malloc(size + 1); // with its end, which the caller's may lack
	if (copy == NULL) {
		return;
	}
	memcpy(copy, json, size);
	copy[size] = '\0';
	struct es_event event = {.id = ++events->last_id, .type = type, .json = copy};
	if (types[type].kept) {
		keep(events, &event, size);
	}
	begin_telling(events);
	for (struct es_listener *l = events->listeners; l != NULL; l = l->next) {
		tell(l, &event);
	}
	end_telling(events);
	free(copy);
}

static void tell_kept(struct es_events *events, struct es_listener *listener, uint64_t after) {
	if (after < events->missed_id || after > events->last_id) {
		const struct es_event reset = {.id = events->last_id, .type = ES_EVENT_RESET, .json = "{}"};
		tell(listener, &reset);
		return;
	}
	for (size_t i = 0; i < events->n; i++) {
		const struct kept *kept = &events->kept[(events->first + i) % MAX_KEPT];
		const struct es_event event = {.id = kept->id, .type = kept->type, .json = kept->json};
		if (event.id > after) {
			tell(listener, &event);
		}
	}
}

struct es_listener *events_listen(struct es_events *events, enum es_role role, uint64_t after,
		void (*hear)(void *data, const struct es_event *event), void *data) {
	struct es_listener *listener = calloc(1, sizeof(*listener));
	if (listener == NULL) {
		return NULL;
	}
	*listener = (struct es_listener){
			.role = role, .hear = hear, .data = data, .next = events->listeners};
	events->listeners = listener;
	if (after > 0) {
		begin_telling(events);
		tell_kept(events, listener, after);
		listener = listener->gone ? NULL : listener;
		end_telling(events);
	}
	if (listener != NULL && events->changed != NULL && events_count_listeners(events) == 1) {
		events->changed(events->changed_data);
	}
	return listener;
}

void events_leave(struct es_events *events, struct es_listener *listener) {
	if (listener == NULL) {
		return;
	}
	listener->gone = true;
	if (events->telling == 0) {
		sweep(events);
	}
	if (events->changed != NULL && events_count_listeners(events) == 0) {
		events->changed(events->changed_data);
	}
}

size_t events_count_listeners(const struct es_events *events) {
	size_t n = 0;
	for (const struct es_listener *l = events->listeners; l != NULL; l = l->next) {
		n += l->gone ? 0 : 1;
	}
	return n;
}

void events_on_listeners(struct es_events *events, void (*changed)(void *data), void *data) {
	events->changed = changed;
	events->changed_data = data;
}
