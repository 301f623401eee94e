#include "compositor/app_env.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Names, or with a '*' at the end how names begin: other compositors, service managers, launchers
// and our own.
static const char *const dropped[] = {
		"WAYLAND_*",
		"DISPLAY",
		"SWAYSOCK",
		"I3SOCK",
		"HYPRLAND_*",
		"WINDOWID",
		"XAUTHORITY",
		"NOTIFY_SOCKET",
		"LISTEN_*",
		"XDG_ACTIVATION_TOKEN",
		"DESKTOP_STARTUP_ID",
		"XDG_SESSION_TYPE",
		"XDG_CURRENT_DESKTOP",
		"EARTHSHINE_*",
		"SEATD_*",
		"LIBSEAT_*",
		"WLR_LIBINPUT_*",
};

// Toolkits that would try X11 first. What the caller has set stays.
static const char *const defaults[] = {
		"QT_QPA_PLATFORM=wayland;xcb",
		"SDL_VIDEODRIVER=wayland,x11",
};

#define N_DROPPED (sizeof(dropped) / sizeof(dropped[0]))
#define N_DEFAULTS (sizeof(defaults) / sizeof(defaults[0]))
#define N_OWN 4

// What the host wants to be set for the app, and not for us: EARTHSHINE_APP_ENV_NAME=value.
static const char for_app[] = "EARTHSHINE_APP_ENV_";

static bool is_dropped(const char *variable) {
	for (size_t i = 0; i < N_DROPPED; i++) {
		size_t length = strlen(dropped[i]);
		bool prefix = dropped[i][length - 1] == '*';
		if (prefix ? strncmp(variable, dropped[i], length - 1) == 0
				   : strncmp(variable, dropped[i], length) == 0 && variable[length] == '=') {
			return true;
		}
	}
	return false;
}

static bool same_name(const char *a, const char *b) {
	size_t length = strcspn(a, "=");
	return strncmp(a, b, length + 1) == 0;
}

static bool contains(char *const env[], size_t n, const char *variable) {
	for (size_t i = 0; i < n; i++) {
		if (same_name(env[i], variable)) {
			return true;
		}
	}
	return false;
}

// The assignment that is meant for the app, NULL if this is none.
static const char *find_for_app(const char *variable) {
	return strncmp(variable, for_app, strlen(for_app)) == 0 ? variable + strlen(for_app) : NULL;
}

static bool is_for_app(char *const caller[], const char *variable) {
	for (size_t i = 0; caller[i] != NULL; i++) {
		const char *assignment = find_for_app(caller[i]);
		if (assignment != NULL && same_name(assignment, variable)) {
			return true;
		}
	}
	return false;
}

// The way into the virtual screen is ours to tell.
static bool is_way_in(const char *variable) {
	return same_name(variable, "WAYLAND_DISPLAY=") || same_name(variable, "WAYLAND_SOCKET=") ||
			same_name(variable, "DISPLAY=");
}

static bool append(char **env, size_t *n, const char *name, const char *value) {
	size_t size = strlen(name) + strlen(value) + 1;
	env[*n] = malloc(size);
	if (env[*n] == NULL) {
		return false;
	}
	snprintf(env[*n], size, "%s%s", name, value);
	(*n)++;
	return true;
}

static size_t count(char *const env[]) {
	size_t n = 0;
	while (env != NULL && env[n] != NULL) {
		n++;
	}
	return n;
}

char **app_env_create(char *const caller[], char *const more[], const char *wayland_display,
		const char *x11_display) {
	size_t n_caller = count(caller), n_more = count(more), n = 0;
	char **env = calloc(n_caller + n_more + N_OWN + N_DEFAULTS + 1, sizeof(*env));
	if (env == NULL) {
		return NULL;
	}
	bool ok = true;
	for (size_t i = 0; i < n_caller && ok; i++) {
		ok = is_dropped(caller[i]) || is_for_app(caller, caller[i]) ||
				contains(more, n_more, caller[i]) || append(env, &n, caller[i], "");
	}
	for (size_t i = 0; i < n_caller && ok; i++) {
		const char *assignment = find_for_app(caller[i]);
		ok = assignment == NULL || is_way_in(assignment) || append(env, &n, assignment, "");
	}
	for (size_t i = 0; i < n_more && ok; i++) {
		ok = contains(env, n, more[i]) ||
				append(env, &n, more[i], ""); // set for the app: that counts
	}
	for (size_t i = 0; i < N_DEFAULTS && ok; i++) {
		ok = contains(env, n, defaults[i]) || append(env, &n, defaults[i], "");
	}
	ok = ok && append(env, &n, "WAYLAND_DISPLAY=", wayland_display) &&
			(contains(env, n, "XDG_SESSION_TYPE=") ||
					append(env, &n, "XDG_SESSION_TYPE=", "wayland")) &&
			(contains(env, n, "XDG_CURRENT_DESKTOP=") ||
					append(env, &n, "XDG_CURRENT_DESKTOP=", "earthshine")) &&
			(x11_display == NULL || append(env, &n, "DISPLAY=", x11_display));
	if (!ok) {
		app_env_free(env);
		return NULL;
	}
	return env;
}

void app_env_free(char **env) {
	for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
		free(env[i]);
	}
	free(env);
}
