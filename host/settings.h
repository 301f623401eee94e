// What the operator has written down: earthshine.5, a file of directives (scfg).
//
// A value is either right or refused with file, line, value and remedy; there is no half-read
// configuration.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/session_msg.h"

#define ES_SETTINGS_ERROR_MAX 1024

struct es_app {
	uint32_t id; // 1..2^31-1, unique and stable
	char *title;
	char **command; // argv, ended by NULL; never NULL or empty
	char **env; // "NAME=value", ended by NULL; may be empty, not NULL
	char **before, **after; // argv of commands that run to their end around the app; NULL: none
	char *image; // path of a PNG; NULL: the default picture
	char *keyboard; // xkb "layout" or "layout(variant)"; NULL: the host's
	enum es_gamepad gamepad; // what the app is shown of the client's
	char *local_devices; // a seat of udev; "": none; NULL: the host's
	bool is_private; // a detached session shows to the client that started it alone
	bool is_free; // not contained: it sees all that the user's programs see
	bool made_here; // over the API, not written down by the operator
};

enum es_encryption_policy {
	ES_ENCRYPT_ASKED, // video and audio encryption is asked for, not demanded
	ES_ENCRYPT_REQUIRED,
	ES_ENCRYPT_OFF, // of video and audio; RTSP and control are always encrypted
};

struct es_console_settings {
	bool off;
	bool plain; // HTTP, on loopback only
	bool port_given; // else the base port's next
	uint16_t port; // 0: chosen by the kernel
	char *address; // IPv4 to listen on; NULL: as for clients
	char *certificate, *key; // paths; NULL: the host's own
	char **names; // by which it may be called, ended by NULL; never NULL
};

struct es_settings {
	char *name; // of the host as clients show it
	char *address; // IPv4 to listen on, "0.0.0.0" by default
	uint16_t port; // base; 0: every port chosen by the kernel
	bool announce; // over mDNS
	enum es_encryption_policy encryption;
	uint32_t max_sessions;
	uint64_t max_pixel_rate; // pixels per second of one session
	uint32_t max_kbps; // of one session
	uint32_t idle_minutes; // a detached session ends after; 0: never
	uint8_t fec_percent; // at least
	uint32_t keepalive_ms; // repeats of a still picture; 0: none
	char *keyboard; // default layout; "" : the system's
	char *local_devices; // a seat of udev, whose keyboards, mice and so on are apps', too; "": none
	char *encoder; // as after -e: "auto", "software", ...
	char *gpu; // to render and encode on, as in gpu_matches; "auto": the first that encodes
	bool sound; // apps have a sound card
	bool microphone; // and a microphone beside it
	bool screen_source; // the user's PipeWire has their screens
	bool inhibit_sleep; // while somebody streams
	struct es_console_settings console;
	char *metrics_address; // IPv4 to listen on for health and metrics; NULL: none
	uint16_t metrics_port; // 0: chosen by the kernel
	struct es_app *apps;
	size_t n_apps;
	uint64_t given, fixed; // directives, see settings_source
};

// Reads the file; with path NULL the default one ($XDG_CONFIG_HOME/earthshine/config, else
// /etc/earthshine/config), or the defaults alone if there is none. NULL with the reason in
// error[cap].
struct es_settings *settings_load(const char *path, char *error, size_t cap);
void settings_destroy(struct es_settings *settings); // NULL is fine
// Who has said what a directive's value is.
enum es_settings_source { ES_SOURCE_DEFAULT, ES_SOURCE_FILE, ES_SOURCE_COMMAND_LINE };
enum es_settings_source settings_source(const struct es_settings *settings, const char *name);
// The command line has settled this one.
void settings_fix(struct es_settings *settings, const char *name);
// Sets one as if the file had said so; its source stays what it is. False with the reason in error[cap]:
// the value is as before.
bool settings_set(
		struct es_settings *settings, const char *name, const char *value, char *error, size_t cap);
// Removes one from the list.
void settings_drop_app(struct es_settings *settings, size_t index);
// NULL: there is none.
const struct es_app *settings_find_app(const struct es_settings *settings, uint32_t id);
