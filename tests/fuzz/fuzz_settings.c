// The operator's settings file: what is taken is within its limits, what is not has a reason with
// its place.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/settings_parse.h"
#include "protocol/keymap.h"

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "settings: %s\n", what);
		abort();
	}
}

static void check_app(const struct es_settings *s, size_t index) {
	const struct es_app *app = &s->apps[index];
	require(app->id >= 1 && app->id <= INT32_MAX, "an id");
	require(settings_find_app(s, app->id) == app, "an id twice");
	require(app->title != NULL && app->title[0] != '\0', "a title");
	require(app->command != NULL && app->command[0] != NULL && app->command[0][0] != '\0',
			"a command");
	require(app->env != NULL, "an environment");
	for (char **env = app->env; *env != NULL; env++) {
		require(strchr(*env, '=') != NULL, "an assignment");
	}
	require(app->keyboard == NULL || keymap_is_layout(app->keyboard), "an app's keyboard");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char *text = malloc(size > 0 ? size : 1); // of its own size, without an end
	char error[ES_SETTINGS_ERROR_MAX] = "";
	if (text == NULL) {
		return 0;
	}
	if (size > 0) {
		memcpy(text, data, size);
	}
	struct es_settings *s = settings_parse(text, size, "config", error, sizeof(error));
	free(text);
	if (s == NULL) {
		require(strncmp(error, "config:", 7) == 0 && error[7] >= '1' && error[7] <= '9', "a place");
		return 0;
	}
	require(s->port == 0 || s->port >= 1029, "a port");
	require(s->max_sessions >= 1 && s->max_sessions <= 25, "sessions");
	require(s->fec_percent <= 100 && s->keepalive_ms <= 1000, "fec or keepalive");
	require(s->max_kbps >= 100 && s->max_pixel_rate > 0, "a limit");
	for (size_t i = 0; i < s->n_apps; i++) {
		check_app(s, i);
	}
	settings_destroy(s);
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char *const seeds[] = {
			"name \"My box\"\nlisten 192.0.2.1\nport 47989\nannounce no\nencryption required\n",
			"fec 20\nkeepalive 2\nmax-sessions 4\nmax-pixel-rate 1920x1080@60\nmax-bitrate 20M\n",
			"idle 90m\nkeyboard de(nodeadkeys)\ninhibit-sleep no\nsound no\n# comment\n",
			"app \"A game\" {\n\tid 3\n\tcommand sh -c 'echo \"x\"'\n\tenv A=1 B=2\n\tprivate\n}\n",
			"app b {\n before /bin/a\n after /bin/b c\n image /c.png\n keyboard us,ru\n command x\n}",
	};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[index]) > cap) {
		return 0;
	}
	memcpy(out, seeds[index], strlen(seeds[index]));
	return strlen(seeds[index]);
}
