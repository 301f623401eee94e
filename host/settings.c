#define _GNU_SOURCE
#include "host/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/command_check.h"
#include "host/safe_text.h"
#include "host/settings_parse.h"
#include "host/spawn.h"

#define MAX_FILE ((size_t)1 << 20)
#define SYSTEM_PATH "/etc/earthshine/config"
#define TEST_CARD "earthshine-testcard"

static void destroy_words(char **words) {
	for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
		free(words[i]);
	}
	free(words);
}

void settings_drop_app(struct es_settings *settings, size_t index) {
	struct es_app *app = &settings->apps[index];
	free(app->title);
	destroy_words(app->command);
	destroy_words(app->env);
	destroy_words(app->before);
	destroy_words(app->after);
	free(app->image);
	free(app->keyboard);
	free(app->local_devices);
	settings->n_apps--;
	memmove(app, app + 1, (settings->n_apps - index) * sizeof(*app));
}

void settings_destroy(struct es_settings *settings) {
	if (settings == NULL) {
		return;
	}
	while (settings->n_apps > 0) {
		settings_drop_app(settings, settings->n_apps - 1);
	}
	free(settings->apps);
	free(settings->console.address);
	free(settings->metrics_address);
	free(settings->console.certificate);
	free(settings->console.key);
	destroy_words(settings->console.names);
	free(settings->name);
	free(settings->address);
	free(settings->keyboard);
	free(settings->local_devices);
	free(settings->encoder);
	free(settings->gpu);
	free(settings);
}

const struct es_app *settings_find_app(const struct es_settings *settings, uint32_t id) {
	for (size_t i = 0; i < settings->n_apps; i++) {
		if (settings->apps[i].id == id) {
			return &settings->apps[i];
		}
	}
	return NULL;
}

// False: there is none; path is the last place that was looked at.
static bool find_default(char *path, size_t cap) {
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = -1;
	if (config != NULL && config[0] == '/') {
		n = snprintf(path, cap, "%s/earthshine/config", config);
	} else if (home != NULL && home[0] == '/') {
		n = snprintf(path, cap, "%s/.config/earthshine/config", home);
	}
	// One that is there but cannot be read is an error, not a reason to look further.
	if (n > 0 && (size_t)n < cap && (access(path, F_OK) == 0 || errno != ENOENT)) {
		return true;
	}
	snprintf(path, cap, "%s", SYSTEM_PATH);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

static char *fail_read(const char *path, const char *why, char *error, size_t cap) {
	snprintf(error, cap, "cannot read the settings in '%s': %s", path, why);
	return NULL;
}

static char *read_text(int fd, const char *path, size_t *size, char *error, size_t cap) {
	char *text = malloc(MAX_FILE + 1);
	if (text == NULL) {
		return fail_read(path, "out of memory", error, cap);
	}
	*size = 0;
	while (*size <= MAX_FILE) {
		ssize_t n = read(fd, text + *size, MAX_FILE + 1 - *size);
		if (n == 0) {
			return text;
		}
		if (n < 0 && errno != EINTR) {
			int reason = errno;
			free(text);
			return fail_read(path, strerror(reason), error, cap);
		}
		*size += n > 0 ? (size_t)n : 0;
	}
	free(text);
	return fail_read(path, "it is larger than 1 MiB", error, cap);
}

static char *read_file(const char *path, size_t *size, char *error, size_t cap) {
	// Non-blocking: a named pipe that nobody writes to would keep us for ever.
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		int reason = errno;
		fd_close(&fd);
		return fail_read(path, strerror(reason), error, cap);
	}
	char *text = S_ISREG(st.st_mode) ? read_text(fd, path, size, error, cap)
									 : fail_read(path, "it is not a file", error, cap);
	fd_close(&fd);
	return text;
}

// Line ends of other systems.
static size_t drop_carriage_returns(char *text, size_t size) {
	size_t kept = 0;
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\r' || i + 1 == size || text[i + 1] != '\n') {
			text[kept++] = text[i];
		}
	}
	return kept;
}

static struct es_settings *load_file(const char *path, char *error, size_t cap) {
	size_t size = 0;
	char *text = read_file(path, &size, error, cap);
	if (text == NULL) {
		return NULL;
	}
	size = drop_carriage_returns(text, size);
	struct es_settings *settings = settings_parse(text, size, path, error, cap);
	free(text);
	return settings;
}

// The machine's name, unless the file gave one.
static bool settle_name(struct es_settings *settings) {
	char host[256] = "";
	if (settings->name[0] != '\0') {
		return true;
	}
	bool known = gethostname(host, sizeof(host) - 1) == 0;
	host[strcspn(host, ".")] = '\0';
	known = known && host[0] != '\0' && strlen(host) <= 63 && safe_text_is(host);
	free(settings->name);
	settings->name = strdup(known ? host : "earthshine");
	return settings->name != NULL;
}

// What can be streamed before anything was configured.
static bool add_test_card(struct es_settings *settings) {
	char path[4096];
	struct es_app *app = calloc(1, sizeof(*app));
	if (app == NULL) {
		return false;
	}
	settings->apps = app;
	settings->n_apps = 1;
	bool found = spawn_find_room(TEST_CARD, path, sizeof(path));
	*app = (struct es_app){
			.id = 1,
			.title = strdup("Test card"),
			.command = calloc(2, sizeof(char *)),
			.env = calloc(1, sizeof(char *)),
	};
	if (app->title == NULL || app->command == NULL || app->env == NULL) {
		return false;
	}
	app->command[0] = strdup(found ? path : TEST_CARD);
	return app->command[0] != NULL;
}

// They may be installed later, so a missing one is no error.
static void warn_of_missing(const struct es_settings *settings) {
	for (size_t i = 0; i < settings->n_apps; i++) {
		const struct es_app *app = &settings->apps[i];
		char *const *const commands[] = {app->command, app->before, app->after};
		for (size_t j = 0; j < sizeof(commands) / sizeof(commands[0]); j++) {
			int reason = commands[j] != NULL ? command_check(commands[j][0]) : 0;
			if (reason != 0) {
				es_log(ES_LOG_WARN, "the app \"%s\" cannot be started as it is: '%s': %s",
						app->title, commands[j][0],
						reason == ENOENT ? "not found; install it or correct its path"
										 : strerror(reason));
			}
		}
		if (app->image != NULL && access(app->image, R_OK) != 0) {
			es_log(ES_LOG_WARN, "the app \"%s\" has no picture: '%s': %s", app->title, app->image,
					strerror(errno));
		}
	}
}

struct es_settings *settings_load(const char *path, char *error, size_t cap) {
	char default_path[4096];
	bool any = path != NULL || find_default(default_path, sizeof(default_path));
	path = path != NULL ? path : default_path;
	struct es_settings *settings =
			any ? load_file(path, error, cap) : settings_parse("", 0, "", error, cap);
	if (settings == NULL) {
		return NULL;
	}
	if (!settle_name(settings) || (settings->n_apps == 0 && !add_test_card(settings))) {
		snprintf(error, cap, "cannot read the settings: out of memory");
		settings_destroy(settings);
		return NULL;
	}
	warn_of_missing(settings);
	return settings;
}
