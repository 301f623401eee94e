// The settings that were made over the API, in a state file: they count where neither the command line
// nor the configuration says anything. Single-threaded, on the host's event loop.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <yyjson.h>

#include "host/settings.h"

#define ES_SETTINGS_FILE "settings.json"

struct es_settings_store;

// Reads the file in the state folder `dir_fd` (borrowed, kept). NULL with the reason in error[cap] if
// it is there but cannot be read.
struct es_settings_store *settings_store_load(int dir_fd, char *error, size_t cap);
void settings_store_destroy(struct es_settings_store *store); // NULL is fine

void settings_store_merge(const struct es_settings_store *store, struct es_settings *settings);
bool settings_store_has(const struct es_settings_store *store, const char *name);

// Members are names of directives, values texts as in the configuration; null or "" takes one away. On
// disk before it returns true; false with the reason in error[cap]: all is as before.
bool settings_store_change(
		struct es_settings_store *store, yyjson_val *change, char *error, size_t cap);
// Undoes the change before.
void settings_store_undo(struct es_settings_store *store);
