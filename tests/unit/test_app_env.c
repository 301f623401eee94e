#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "compositor/app_env.h"

static const char *find(char *const env[], const char *name) {
	size_t length = strlen(name);
	for (size_t i = 0; env[i] != NULL; i++) {
		if (strncmp(env[i], name, length) == 0 && env[i][length] == '=') {
			return env[i] + length + 1;
		}
	}
	return NULL;
}

static size_t count(char *const env[]) {
	size_t n = 0;
	while (env[n] != NULL) {
		n++;
	}
	return n;
}

static void test_drops_what_leads_out(void **state) {
	const char *caller[] = {"PATH=/bin", "WAYLAND_DISPLAY=wayland-9", "WAYLAND_SOCKET=7",
			"DISPLAY=:9", "NOTIFY_SOCKET=/n", "LISTEN_FDS=1", "LISTEN_PID=1",
			"EARTHSHINE_LOG=debug", "SWAYSOCK=/s", "HYPRLAND_INSTANCE_SIGNATURE=h",
			"XDG_ACTIVATION_TOKEN=t", "DESKTOP_STARTUP_ID=d", "XDG_CURRENT_DESKTOP=GNOME",
			"XDG_SESSION_TYPE=x11", NULL};
	char **env = app_env_create((char *const *)caller, NULL, "wayland-3", ":4");
	assert_non_null(env);
	assert_string_equal(find(env, "PATH"), "/bin");
	assert_string_equal(find(env, "WAYLAND_DISPLAY"), "wayland-3");
	assert_string_equal(find(env, "DISPLAY"), ":4");
	assert_string_equal(find(env, "XDG_SESSION_TYPE"), "wayland");
	assert_string_equal(find(env, "XDG_CURRENT_DESKTOP"), "earthshine");
	assert_int_equal(count(env), 7); // those and the two defaults
	app_env_free(env);
}

static void test_keeps_what_only_looks_alike(void **state) {
	const char *caller[] = {
			"DISPLAYS=1", "MY_DISPLAY=2", "LISTENER=3", "EARTHSHINES=4", "NO_VALUE", "=x", NULL};
	char **env = app_env_create((char *const *)caller, NULL, "wayland-0", NULL);
	assert_non_null(env);
	for (size_t i = 0; caller[i] != NULL; i++) {
		assert_string_equal(env[i], caller[i]);
	}
	assert_null(find(env, "DISPLAY"));
	app_env_free(env);
}

static void test_what_is_for_the_app(void **state) {
	const char *caller[] = {"LANG=de", "EARTHSHINE_APP_ENV_LANG=fr", "EARTHSHINE_APP_ENV_NEW=a=b",
			"EARTHSHINE_APP_ENV_XDG_CURRENT_DESKTOP=KDE", "EARTHSHINE_APP_ENV_QT_QPA_PLATFORM=xcb",
			"EARTHSHINE_APP_ENV_DISPLAY=:9", "EARTHSHINE_APP_ENV_WAYLAND_DISPLAY=w", NULL};
	char **env = app_env_create((char *const *)caller, NULL, "wayland-3", ":4");
	assert_non_null(env);
	assert_string_equal(find(env, "LANG"), "fr");
	assert_string_equal(find(env, "NEW"), "a=b");
	assert_string_equal(find(env, "XDG_CURRENT_DESKTOP"), "KDE");
	assert_string_equal(find(env, "QT_QPA_PLATFORM"), "xcb");
	assert_string_equal(find(env, "DISPLAY"), ":4");
	assert_string_equal(find(env, "WAYLAND_DISPLAY"), "wayland-3");
	assert_int_equal(count(env), 8); // each once, with SDL's default and the session's type
	app_env_free(env);
}

static void test_defaults_yield(void **state) {
	const char *caller[] = {"SDL_VIDEODRIVER=x11", NULL};
	char **env = app_env_create((char *const *)caller, NULL, "wayland-0", NULL);
	assert_non_null(env);
	assert_string_equal(find(env, "SDL_VIDEODRIVER"), "x11");
	assert_string_equal(find(env, "QT_QPA_PLATFORM"), "wayland;xcb");
	app_env_free(env);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_drops_what_leads_out),
			cmocka_unit_test(test_keeps_what_only_looks_alike),
			cmocka_unit_test(test_what_is_for_the_app),
			cmocka_unit_test(test_defaults_yield),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
