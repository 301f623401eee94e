// One-shot timers on the host's event loop, on CLOCK_MONOTONIC.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

// Lets `fire` be called once in delay_ns; a timer that *timer holds already is replaced. False (no
// memory): it will never fire.
bool event_timer_set(sd_event *event, sd_event_source **timer, int64_t delay_ns,
		sd_event_time_handler_t fire, void *data);
// NULL in *timer is fine, and what is left there. May be called from within `fire`.
void event_timer_clear(sd_event_source **timer);
