// What doctor found out, line by line.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define ES_MAX_FINDINGS 96

struct es_finding {
	char name[64];
	bool ok;
	char state[16]; // "ok", "missing", or more exactly what it is
	char detail[256];
	char remedy[256]; // "" if ok
};

struct es_findings {
	struct es_finding items[ES_MAX_FINDINGS];
	size_t n;
};

// printf-style detail; the remedy is copied and may be NULL.
void findings_add(struct es_findings *findings, const char *name, bool ok, const char *remedy,
		const char *format, ...) __attribute__((format(printf, 5, 6)));
// Of the one added last.
void findings_set_state(struct es_findings *findings, const char *state);

// For people: one line each. For programs: one JSON object. False: could not be written.
bool findings_print_text(const struct es_findings *findings, bool usable, FILE *out);
bool findings_print_json(const struct es_findings *findings, bool usable, FILE *out);
