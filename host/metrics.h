// What a collector of metrics reads: counters since the host's start, and how things are now. Names of
// apps, clients and addresses are not in it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct es_meter;
struct es_plays;
struct es_recorder;

// openmetrics: as OpenMetrics 1.0, else as Prometheus' text format 0.0.4. The caller frees the text of *size
// bytes; NULL: no memory. recorder may be NULL.
char *metrics_text(const struct es_meter *meter, const struct es_plays *plays,
		const struct es_recorder *recorder, bool openmetrics, size_t *size);
