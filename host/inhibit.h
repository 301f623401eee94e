// Keeps the machine awake while somebody plays: systemd-logind's inhibitor lock. Where there is no
// logind nothing is done. Nothing here blocks. Single-threaded, on the host's event loop.
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

struct es_inhibit;

// NULL: no system bus, or no memory; the functions below take NULL.
struct es_inhibit *inhibit_create(sd_event *event);
void inhibit_destroy(struct es_inhibit *inhibit); // gives the lock back
void inhibit_set(struct es_inhibit *inhibit, bool active);
// For tests: the lock is held.
bool inhibit_is_held(const struct es_inhibit *inhibit);
