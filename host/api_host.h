// What the routes of the API work on.
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

struct es_apps_store;
struct es_clients;
struct es_events;
struct es_gamestream;
struct es_log_ring;
struct es_login;
struct es_pairing_desk;
struct es_plays;
struct es_settings;
struct es_settings_store;

// All borrowed. One lives in `serve`, everybody else points to it: what is replaced there (the
// settings, at SIGHUP) is replaced for all.
struct es_api_host {
	sd_event *event;
	const struct es_settings *settings; // those in force, with all apps
	struct es_clients *clients;
	struct es_pairing_desk *desk;
	struct es_plays *plays;
	struct es_gamestream *gamestream;
	struct es_events *events;
	struct es_log_ring *log;
	struct es_login *login;
	struct es_apps_store *apps;
	struct es_settings_store *settings_store;
	int state_fd; // the state folder
	// Of the host as a whole; called with `serve`.
	void (*drain)(void *serve);
	bool (*draining)(void *serve);
	void *serve;
};
