#include "host/event_timer.h"

#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#define ACCURACY_US 1000

bool event_timer_set(sd_event *event, sd_event_source **timer, int64_t delay_ns,
		sd_event_time_handler_t fire, void *data) {
	event_timer_clear(timer);
	uint64_t delay_us = delay_ns > 0 ? (uint64_t)(delay_ns / ES_NS_PER_US) : 0;
	if (sd_event_add_time_relative(
				event, timer, CLOCK_MONOTONIC, delay_us, ACCURACY_US, fire, data) < 0) {
		es_log(ES_LOG_ERROR, "cannot set a timer: out of memory");
		*timer = NULL;
		return false;
	}
	return true;
}

void event_timer_clear(sd_event_source **timer) {
	*timer = sd_event_source_disable_unref(*timer);
}
