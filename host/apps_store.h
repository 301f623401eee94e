// The apps that were made over the API, in a state file beside those of the configuration: these are
// listed too, but only a text editor changes them. Single-threaded, on the host's event loop.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "host/settings.h"

#define ES_APPS_FILE "apps.json"
#define ES_APPS_FIRST_ID 1000001 // far from those that the configuration counts from 1

struct es_apps_store;

// Reads the file in the state folder `dir_fd` (borrowed, kept). NULL with the reason in error[cap] if
// it is there but cannot be read.
struct es_apps_store *apps_store_load(int dir_fd, char *error, size_t cap);
void apps_store_destroy(struct es_apps_store *store); // NULL is fine

// Puts the store's apps among those of the settings (borrowed, kept: after each change it is done
// again), and all in order.
void apps_store_merge(struct es_apps_store *store, struct es_settings *settings);

bool apps_store_has(const struct es_apps_store *store, uint32_t id);

// An object of the members title, command, env, before, after (lists of words), keyboard, gamepad,
// local_devices, private, contain; a change names only what changes, and null or "" takes it away. Each change is on disk
// before this returns true; false with the reason in error[cap]: all is as before.
bool apps_store_add(
		struct es_apps_store *store, yyjson_val *app, uint32_t *id, char *error, size_t cap);
bool apps_store_change(
		struct es_apps_store *store, uint32_t id, yyjson_val *change, char *error, size_t cap);
bool apps_store_remove(struct es_apps_store *store, uint32_t id, char *error, size_t cap);
// Those that are not named follow in their old order.
bool apps_store_order(struct es_apps_store *store, yyjson_val *ids, char *error, size_t cap);
// A picture as app_image_type knows it.
bool apps_store_set_cover(struct es_apps_store *store, uint32_t id, const void *data, size_t size,
		char *error, size_t cap);
