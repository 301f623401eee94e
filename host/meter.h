// Follows the figures of all sessions: makes a window of each session every second while it is played,
// and adds up what there has been since the host's start. Single-threaded, on the host's event loop.
#pragma once

#include "host/figures.h"

struct es_meter;

// NULL: no memory.
struct es_meter *meter_create(void);
void meter_destroy(struct es_meter *meter); // NULL is fine
// A session has told its figures: the window from the ones before ends now.
void meter_hear(struct es_meter *meter, const struct es_play_info *info, int64_t now_ns);
// Called for each window; info is valid during the call.
void meter_on_window(struct es_meter *meter,
		void (*hear)(void *data, const struct es_window *window), void *data);
// All sessions since the host's start, those that are over too.
const struct es_figures *meter_totals(const struct es_meter *meter);
