// The environment of the app: the caller's, without what would lead the app out of the virtual
// screen, and with what leads it in. EARTHSHINE_APP_ENV_NAME=value in the caller's sets NAME for the
// app alone; in the environment, unlike in arguments, other users cannot read it.
#pragma once

// A NULL-terminated array of "NAME=value" made from `caller` (as environ), freed with app_env_free;
// NULL: out of memory. x11_display may be NULL, and so may `more`: assignments, NULL at the end, which
// replace the caller's.
char **app_env_create(char *const caller[], char *const more[], const char *wayland_display,
		const char *x11_display);
void app_env_free(char **env);
