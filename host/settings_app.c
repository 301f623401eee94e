// The `app "Name" { ... }` block.
#include <stdlib.h>
#include <string.h>

#include "host/nearest.h"
#include "host/quantity.h"
#include "host/safe_text.h"
#include "host/settings_parse.h"
#include "protocol/keymap.h"

#define MAX_APPS 256
#define MAX_TITLE 127

static char **copy_words(char *const *words, size_t n) {
	char **copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < n; i++) {
		copy[i] = strdup(words[i]);
		if (copy[i] == NULL) {
			for (size_t j = 0; j < i; j++) {
				free(copy[j]);
			}
			free(copy);
			return NULL;
		}
	}
	return copy;
}

static bool no_memory(const struct es_settings_parse *parse, int line) {
	return settings_refuse(parse, line, "out of memory");
}

static bool take_id(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	uint64_t id;
	if (!settings_expect(parse, d, 1, 1, "id NUMBER")) {
		return false;
	}
	if (!quantity_whole(d->params[0], 1, INT32_MAX, &id)) {
		return settings_refuse(parse, d->lineno, "id '%s' is not a whole number from 1 to %d",
				d->params[0], INT32_MAX);
	}
	for (size_t i = 0; i < parse->settings->n_apps; i++) {
		const struct es_app *other = &parse->settings->apps[i];
		if (other != app && other->id == id) {
			return settings_refuse(parse, d->lineno,
					"id %s is that of the app \"%s\" already; give one of them another",
					d->params[0], other->title);
		}
	}
	app->id = (uint32_t)id;
	return true;
}

static bool take_argv(const struct es_settings_parse *parse, char ***argv,
		const struct scfg_directive *d, const char *usage) {
	if (!settings_expect(parse, d, 1, SIZE_MAX, usage)) {
		return false;
	}
	const char *program = d->params[0];
	if (program[0] == '\0' || (strchr(program, '/') != NULL && program[0] != '/')) {
		return settings_refuse(parse, d->lineno,
				"'%s' is no program: write its whole path, or its name alone if it is in PATH",
				program);
	}
	*argv = copy_words(d->params, d->params_len);
	return *argv != NULL || no_memory(parse, d->lineno);
}

static bool take_command(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	return take_argv(parse, &app->command, d, "command PROGRAM [ARGUMENT...]");
}

static bool take_before(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	return take_argv(parse, &app->before, d, "before PROGRAM [ARGUMENT...]");
}

static bool take_after(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	return take_argv(parse, &app->after, d, "after PROGRAM [ARGUMENT...]");
}

static bool is_assignment(const char *text) {
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
	return strspn(text, letters) > 0 && text[strspn(text, others)] == '=';
}

static bool take_env(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	if (!settings_expect(parse, d, 1, SIZE_MAX, "env NAME=VALUE")) {
		return false;
	}
	size_t n = 0;
	while (app->env[n] != NULL) {
		n++;
	}
	char **env = realloc(app->env, (n + d->params_len + 1) * sizeof(*env));
	if (env == NULL) {
		return no_memory(parse, d->lineno);
	}
	app->env = env;
	for (size_t i = 0; i < d->params_len; i++) {
		if (!is_assignment(d->params[i])) {
			return settings_refuse(parse, d->lineno, "env '%s' is not NAME=VALUE", d->params[i]);
		}
		env[n] = strdup(d->params[i]);
		if (env[n] == NULL) {
			return no_memory(parse, d->lineno);
		}
		env[++n] = NULL;
	}
	return true;
}

static bool take_image(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	if (!settings_expect(parse, d, 1, 1, "image PATH")) {
		return false;
	}
	if (d->params[0][0] != '/') {
		return settings_refuse(
				parse, d->lineno, "image '%s' is not the whole path of a PNG file", d->params[0]);
	}
	app->image = strdup(d->params[0]);
	return app->image != NULL || no_memory(parse, d->lineno);
}

static bool take_keyboard(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	if (!settings_expect(parse, d, 1, 1, "keyboard LAYOUT")) {
		return false;
	}
	if (!keymap_is_layout(d->params[0])) {
		return settings_refuse(parse, d->lineno,
				"keyboard '%s' is not an xkb layout (as us, or de(nodeadkeys))", d->params[0]);
	}
	app->keyboard = strdup(d->params[0]);
	return app->keyboard != NULL || no_memory(parse, d->lineno);
}

static bool take_gamepad(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	static const char *const names[ES_GAMEPAD_COUNT] = {
			[ES_GAMEPAD_AUTO] = "auto",
			[ES_GAMEPAD_XBOX] = "xbox",
			[ES_GAMEPAD_DUALSENSE] = "dualsense",
			[ES_GAMEPAD_DUALSHOCK4] = "dualshock4",
			[ES_GAMEPAD_SWITCH] = "switch",
			[ES_GAMEPAD_GENERIC] = "generic",
	};
	if (!settings_expect(parse, d, 1, 1, "gamepad KIND")) {
		return false;
	}
	for (int i = 0; i < ES_GAMEPAD_COUNT; i++) {
		if (strcmp(d->params[0], names[i]) == 0) {
			app->gamepad = (enum es_gamepad)i;
			return true;
		}
	}
	return settings_refuse(parse, d->lineno,
			"gamepad '%s' is none of auto, xbox, dualsense, dualshock4, switch and generic",
			d->params[0]);
}

static bool take_local_devices(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	const char *seat = settings_expect(parse, d, 1, 1, "local-devices SEAT|none")
			? settings_seat(parse, d)
			: NULL;
	app->local_devices = seat != NULL ? strdup(seat) : NULL;
	return app->local_devices != NULL || (seat != NULL && no_memory(parse, d->lineno));
}

static bool take_private(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	app->is_private = true;
	return settings_expect(parse, d, 0, 0, "private");
}

static bool take_contain(
		const struct es_settings_parse *parse, struct es_app *app, const struct scfg_directive *d) {
	bool contain = true;
	bool ok = settings_expect(parse, d, 1, 1, "contain yes|no") &&
			settings_yes_no(parse, d, &contain);
	app->is_free = !contain;
	return ok;
}

static const struct app_directive {
	const char *name;
	bool repeats;
	bool (*take)(const struct es_settings_parse *parse, struct es_app *app,
			const struct scfg_directive *directive);
} table[] = {
		{"id", false, take_id},
		{"command", false, take_command},
		{"env", true, take_env},
		{"before", false, take_before},
		{"after", false, take_after},
		{"image", false, take_image},
		{"keyboard", false, take_keyboard},
		{"gamepad", false, take_gamepad},
		{"local-devices", false, take_local_devices},
		{"private", false, take_private},
		{"contain", false, take_contain},
};
#define N_DIRECTIVES (sizeof(table) / sizeof(table[0]))

static bool refuse_unknown(
		const struct es_settings_parse *parse, const struct scfg_directive *directive) {
	const char *names[N_DIRECTIVES];
	for (size_t i = 0; i < N_DIRECTIVES; i++) {
		names[i] = table[i].name;
	}
	const char *nearest = nearest_word(directive->name, names, N_DIRECTIVES);
	return settings_refuse(parse, directive->lineno, "unknown directive '%s' of an app%s%s%s",
			directive->name, nearest != NULL ? "; did you mean '" : "; see earthshine(5)",
			nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static bool take_directive(const struct es_settings_parse *parse, struct es_app *app,
		const struct scfg_directive *directive, int first_lines[N_DIRECTIVES]) {
	for (size_t i = 0; i < N_DIRECTIVES; i++) {
		if (strcmp(directive->name, table[i].name) != 0) {
			continue;
		}
		if (first_lines[i] > 0 && !table[i].repeats) {
			return settings_refuse(parse, directive->lineno,
					"'%s' is there already in line %d; remove one", directive->name,
					first_lines[i]);
		}
		first_lines[i] = directive->lineno;
		return (directive->children.directives_len == 0 ||
					   settings_refuse(parse, directive->lineno, "'%s' takes no block in { }",
							   directive->name)) &&
				table[i].take(parse, app, directive);
	}
	return refuse_unknown(parse, directive);
}

// Owned by the settings from the first moment, so that a refused one is freed with them.
static struct es_app *add_app(struct es_settings *settings, const char *title) {
	struct es_app *apps = realloc(settings->apps, (settings->n_apps + 1) * sizeof(*apps));
	if (apps == NULL) {
		return NULL;
	}
	settings->apps = apps;
	struct es_app *app = &apps[settings->n_apps++];
	*app = (struct es_app){.title = strdup(title), .env = calloc(1, sizeof(char *))};
	return app->title != NULL && app->env != NULL ? app : NULL;
}

bool settings_take_app(
		const struct es_settings_parse *parse, const struct scfg_directive *directive) {
	if (!settings_expect(parse, directive, 1, 1, "app \"NAME\" { ... }")) {
		return false;
	}
	const char *title = directive->params[0];
	if (title[0] == '\0' || strlen(title) > MAX_TITLE || !safe_text_is(title)) {
		return settings_refuse(parse, directive->lineno,
				"an app's name is plain text of 1 to %d bytes", MAX_TITLE);
	}
	if (parse->settings->n_apps == MAX_APPS) {
		return settings_refuse(parse, directive->lineno, "there are more than %d apps", MAX_APPS);
	}
	struct es_app *app = add_app(parse->settings, title);
	if (app == NULL) {
		return no_memory(parse, directive->lineno);
	}
	int first_lines[N_DIRECTIVES] = {0};
	for (size_t i = 0; i < directive->children.directives_len; i++) {
		if (!take_directive(parse, app, &directive->children.directives[i], first_lines)) {
			return false;
		}
	}
	return app->command != NULL ||
			settings_refuse(parse, directive->lineno,
					"the app \"%s\" has no command; add a line: command PROGRAM [ARGUMENT...]",
					title);
}
