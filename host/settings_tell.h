// The other way round: settings to text, as the configuration would say them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/settings.h"

struct es_setting {
	const char *name; // of the directive
	bool live; // counts at once; else from the next start of the host
	const char *help;
	void (*tell)(const struct es_settings *settings, char *out, size_t cap);
};
extern const struct es_setting settings_list[]; // ended by one without a name
// NULL: there is none.
const struct es_setting *settings_find(const char *name);
