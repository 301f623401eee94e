// What has just changed on the host, for those who look on: a numbered stream, of which the last part is
// kept for who was away for a moment. Single-threaded, on the host's event loop.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/api.h"

enum es_event_type {
	ES_EVENT_RESET, // some were missed: ask for everything anew
	ES_EVENT_PAIRING, // as GET /pairings
	ES_EVENT_CLIENTS, // as GET /clients
	ES_EVENT_APPS, // {}: ask again
	ES_EVENT_SESSION, // as GET /sessions
	ES_EVENT_STATS, // the same, once a second while somebody listens
	ES_EVENT_LOG, // as GET /log: the new lines
	ES_EVENT_SETTINGS, // {}: ask again
	ES_EVENT_CAPTURE, // as GET /capture
	ES_EVENT_COUNT,
};
const char *event_name(enum es_event_type type); // "reset", "pairing", ...
enum es_role event_role(enum es_event_type type); // who may hear of it

struct es_event {
	uint64_t id; // rises, also over a restart of the host
	enum es_event_type type;
	const char *json; // one line of ASCII
};

struct es_events;
struct es_listener;

struct es_events *events_create(void); // NULL: no memory
// All listeners must have gone. NULL is fine.
void events_destroy(struct es_events *events);

// Takes a copy and tells the listeners. Statistics are told, but not kept.
void events_publish(
		struct es_events *events, enum es_event_type type, const char *json, size_t size);

// `hear` is called for each event that this role may hear of, first (before this returns) for those that
// are kept and came after `after` (0: none of them). It must not publish. NULL: no memory.
struct es_listener *events_listen(struct es_events *events, enum es_role role, uint64_t after,
		void (*hear)(void *data, const struct es_event *event), void *data);
// May be called from within `hear`. NULL is fine.
void events_leave(struct es_events *events, struct es_listener *listener);
size_t events_count_listeners(const struct es_events *events);
// Called when the first listener comes and when the last one has left.
void events_on_listeners(struct es_events *events, void (*changed)(void *data), void *data);
