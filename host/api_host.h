// What the routes of the API work on.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

struct es_apps_store;
struct es_clients;
struct es_identity;
struct es_events;
struct es_gamestream;
struct es_log_ring;
struct es_news;
struct es_login;
struct es_pairing_desk;
struct es_plays;
struct es_recorder;
struct es_ports;
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
	struct es_news *news;
	struct es_log_ring *log;
	struct es_login *login;
	struct es_apps_store *apps;
	struct es_recorder *recorder; // NULL: there is none
	struct es_settings_store *settings_store;
	const struct es_identity *identity; // the host's key and certificate
	const char *unique_id; // of the host
	const struct es_ports *ports;
	struct es_api_busy *busy;
	int state_fd; // the state folder
	// Of the host as a whole; called with `serve`.
	void (*drain)(void *serve); // ends all sessions, then the host
	bool (*draining)(void *serve);
	// Reads the settings again, as at SIGHUP; false with the reason: they stay as they were.
	bool (*reload)(void *serve, char *error, size_t cap);
	void *serve;
};

// What is under way and must not be too much of.
struct es_api_busy {
	unsigned doctors;
};
