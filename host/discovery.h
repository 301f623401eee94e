// Announces the host in the local network (mDNS), so that clients find it by themselves: by Avahi, over
// the system bus. Where there is none, or it comes and goes, the host works all the same. Nothing here
// blocks. Single-threaded, on the host's event loop.
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#define ES_DISCOVERY_NAME_SIZE 64

struct es_discovery;

// Starts to announce `name` at the HTTP port; on the interface of `address` alone unless that is
// 0.0.0.0. NULL after a logged line if there is no system bus.
struct es_discovery *discovery_create(
		sd_event *event, const char *name, const char *address, uint16_t port);
// Takes the announcement back. NULL is fine.
void discovery_destroy(struct es_discovery *discovery);

// What is announced for a host of that name: its letters, digits and dashes up to the first other
// character, blanks as dashes. The n-th attempt (0..) after collisions gets a number.
void discovery_instance(const char *name, unsigned attempt, char out[ES_DISCOVERY_NAME_SIZE]);
