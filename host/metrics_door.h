// What an orchestrator asks of a host, on a listener of its own, in clear and off by default: /healthz (its
// loop turns), /readyz (its encoders have been tried, and it takes new sessions) and /metrics.
// Single-threaded, on the host's event loop.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct es_metrics_door;
struct es_metrics_door_params {
	sd_event *event; // borrowed
	const char *address; // IPv4
	uint16_t port; // 0: chosen by the kernel
	const char *(*unready)(void *data); // why not; NULL: it is ready
	// The text of /metrics, in one of two formats, from malloc; NULL: no memory. NULL in place of it:
	// there is none.
	char *(*metrics)(void *data, bool openmetrics, size_t *size);
	void *data;
};
// NULL after a logged error.
struct es_metrics_door *metrics_door_create(const struct es_metrics_door_params *params);
void metrics_door_destroy(struct es_metrics_door *door); // NULL is fine
uint16_t metrics_door_port(const struct es_metrics_door *door); // NULL: 0
