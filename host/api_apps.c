#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/api_route.h"
#include "host/app_image.h"
#include "host/apps_store.h"
#include "host/box_art.h"
#include "host/command_check.h"
#include "host/news.h"
#include "host/safe_text.h"
#include "host/settings.h"

#define MAX_TITLE 127
#define MAX_WORDS 64
#define MAX_APPS 512

static const char *const gamepad_names[] = {
		[ES_GAMEPAD_AUTO] = "auto",
		[ES_GAMEPAD_XBOX] = "xbox",
		[ES_GAMEPAD_DUALSENSE] = "dualsense",
		[ES_GAMEPAD_DUALSHOCK4] = "dualshock4",
		[ES_GAMEPAD_SWITCH] = "switch",
		[ES_GAMEPAD_GENERIC] = "generic",
		[ES_GAMEPAD_COUNT] = NULL,
};

// --- what an app looks like

static const struct es_api_field app_fields[] = {
		{"id", ES_API_NUMBER, true, .help = "stable, whatever the order; never used again"},
		{"title", ES_API_TEXT, true, .help = "as devices show it"},
		{"private", ES_API_BOOL, true,
				.help = "a detached session shows to the device that started it alone"},
		{"command", ES_API_TEXTS, .help = "the program and its arguments; for admins"},
		{"env", ES_API_TEXTS, .help = "NAME=VALUE; for admins"},
		{"before", ES_API_TEXTS, .help = "a command before the app; for admins"},
		{"after", ES_API_TEXTS, .help = "a command after the app; for admins"},
		{"keyboard", ES_API_TEXT, true, .help = "xkb layout; empty: the host's"},
		{"gamepad", ES_API_TEXT, true, .words = gamepad_names,
				.help = "what the app is shown of a gamepad"},
		{"local_devices", ES_API_TEXT, true,
				.help = "a seat of this machine whose keyboards and mice are the app's; none; empty: as the "
						"host has it"},
		{"contain", ES_API_BOOL, true, .help = "the app sees nothing of the user's other programs"},
		{"cover", ES_API_BOOL, true, .help = "has a picture of its own"},
		{"locked", ES_API_BOOL, true, .help = "of the configuration: it cannot be changed here"},
		{"problem", ES_API_TEXT, true, .help = "why it would not start; empty: it would"},
		{NULL},
};
static const struct es_api_schema app_schema = {"App", app_fields};

static const struct es_api_field apps_fields[] = {
		{"apps", ES_API_OBJECTS, true, .of = &app_schema, .help = "in the order of the list"},
		{NULL},
};
static const struct es_api_schema apps_schema = {"Apps", apps_fields};

#define APP_PARTS \
	{"env", ES_API_TEXTS, .max = MAX_WORDS, .help = "NAME=VALUE for the app"}, \
			{"before", ES_API_TEXTS, .max = MAX_WORDS, \
					.help = "a command that runs to its end before the app"}, \
			{"after", ES_API_TEXTS, .max = MAX_WORDS, \
					.help = "a command that runs to its end after the app"}, \
			{"keyboard", ES_API_TEXT, .max = ES_SESSION_MAX_KEYBOARD - 1, \
					.help = "xkb layout; empty: the host's"}, \
			{"gamepad", ES_API_TEXT, .max = 16, .words = gamepad_names, \
					.help = "what the app is shown of a gamepad"}, \
			{"local_devices", ES_API_TEXT, .max = 63, \
					.help = "a seat of this machine, or none; empty: as the host has it"}, \
			{"contain", ES_API_BOOL, \
					.help = "false: the app sees all that the user's programs see"}, \
			{"private", ES_API_BOOL, \
					.help = "a detached session shows to the device that started it alone"}, \
	{ \
		NULL \
	}

static const struct es_api_field new_fields[] = {
		{"title", ES_API_TEXT, true, 1, MAX_TITLE, .help = "as devices show it"},
		{"command", ES_API_TEXTS, true, 1, MAX_WORDS,
				.help = "the program, a whole path or in PATH, and its arguments; no shell"},
		APP_PARTS,
};

static const struct es_api_field change_fields[] = {
		{"title", ES_API_TEXT, false, 1, MAX_TITLE, .help = "as devices show it"},
		{"command", ES_API_TEXTS, false, 1, MAX_WORDS,
				.help = "the program, a whole path or in PATH, and its arguments; no shell"},
		APP_PARTS,
};

static const struct es_api_field order_fields[] = {
		{"ids", ES_API_NUMBERS, true, 1, MAX_APPS,
				.help = "of apps, the first ones of the list; the others follow as they do now"},
		{NULL},
};

static void add_words(
		yyjson_mut_doc *doc, yyjson_mut_val *item, const char *key, char *const *words) {
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, item, key);
	for (; words != NULL && *words != NULL; words++) {
		char safe[2048];
		safe_text(safe, sizeof(safe), *words);
		yyjson_mut_arr_add_strcpy(doc, list, safe_text_is_utf8(*words) ? *words : safe);
	}
}

static void add_commands(yyjson_mut_doc *doc, yyjson_mut_val *item, const struct es_app *app) {
	add_words(doc, item, "command", app->command);
	add_words(doc, item, "env", app->env);
	add_words(doc, item, "before", app->before);
	add_words(doc, item, "after", app->after);
}

static void add_app(
		const struct es_api_request *request, yyjson_mut_val *item, const struct es_app *app) {
	yyjson_mut_doc *doc = request->doc;
	yyjson_mut_obj_add_uint(doc, item, "id", app->id);
	api_add_text(doc, item, "title", app->title);
	yyjson_mut_obj_add_bool(doc, item, "private", app->is_private);
	if (request->call->role >= ES_ROLE_ADMIN) { // they may hold secrets
		add_commands(doc, item, app);
	}
	int reason = command_check(app->command[0]);
	api_add_text(doc, item, "keyboard", app->keyboard != NULL ? app->keyboard : "");
	yyjson_mut_obj_add_str(doc, item, "gamepad", gamepad_names[app->gamepad]);
	const char *seat = app->local_devices;
	api_add_text(doc, item, "local_devices", seat == NULL ? "" : seat[0] == '\0' ? "none" : seat);
	yyjson_mut_obj_add_bool(doc, item, "contain", !app->is_free);
	yyjson_mut_obj_add_bool(doc, item, "cover", app->image != NULL);
	yyjson_mut_obj_add_bool(doc, item, "locked", !app->made_here);
	yyjson_mut_obj_add_strcpy(doc, item, "problem", reason != 0 ? strerror(reason) : "");
}

static enum es_api_outcome list_apps(struct es_api_request *request) {
	const struct es_settings *settings = request->host->settings;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "apps");
	for (size_t i = 0; i < settings->n_apps; i++) {
		add_app(request, yyjson_mut_arr_add_obj(request->doc, items), &settings->apps[i]);
	}
	return ES_API_DONE;
}

// --- changes

static enum es_api_outcome answer_app(struct es_api_request *request, uint32_t id) {
	const struct es_app *app = settings_find_app(request->host->settings, id);
	if (app == NULL) {
		return api_refuse(request, 500, "the app is stored, but cannot be listed: see the log");
	}
	add_app(request, request->root, app);
	news_tell(request->host->news, ES_EVENT_APPS);
	return ES_API_DONE;
}

// False, refused: it is not there, or not ours to change.
static bool is_ours(struct es_api_request *request) {
	const struct es_app *app = settings_find_app(request->host->settings, request->id);
	if (app != NULL && app->made_here) {
		return true;
	}
	if (app == NULL) {
		api_refuse(request, 404, "there is no app %u", request->id);
	} else {
		api_refuse(request, 409,
				"'%.64s' stands in the configuration: change it there, then reload the host",
				app->title);
	}
	return false;
}

static enum es_api_outcome make_app(struct es_api_request *request) {
	char error[512];
	uint32_t id;
	if (!apps_store_add(request->host->apps, request->args, &id, error, sizeof(error))) {
		return api_refuse(request, 400, "%s", error);
	}
	return answer_app(request, id);
}

static enum es_api_outcome change_app(struct es_api_request *request) {
	char error[512];
	if (!is_ours(request)) {
		return ES_API_REFUSED;
	}
	if (!apps_store_change(request->host->apps, request->id, request->args, error, sizeof(error))) {
		return api_refuse(request, 400, "%s", error);
	}
	return answer_app(request, request->id);
}

static enum es_api_outcome remove_app(struct es_api_request *request) {
	char error[512];
	if (!is_ours(request)) {
		return ES_API_REFUSED;
	}
	if (!apps_store_remove(request->host->apps, request->id, error, sizeof(error))) {
		return api_refuse(request, 500, "%s", error);
	}
	news_tell(request->host->news, ES_EVENT_APPS);
	return ES_API_DONE;
}

static enum es_api_outcome order_apps(struct es_api_request *request) {
	char error[512];
	yyjson_val *ids = api_list(request, "ids"), *item;
	size_t index, n;
	yyjson_arr_foreach(ids, index, n, item) {
		uint32_t id = (uint32_t)yyjson_get_uint(item);
		if (settings_find_app(request->host->settings, id) == NULL) {
			return api_refuse(request, 404, "there is no app %u", id);
		}
	}
	if (!apps_store_order(request->host->apps, ids, error, sizeof(error))) {
		return api_refuse(request, 500, "%s", error);
	}
	news_tell(request->host->news, ES_EVENT_APPS);
	return list_apps(request);
}

// --- covers

static enum es_api_outcome tell_cover(struct es_api_request *request) {
	const struct es_app *app = settings_find_app(request->host->settings, request->id);
	if (app == NULL) {
		return api_refuse(request, 404, "there is no app %u", request->id);
	}
	const char *type = NULL;
	size_t size = 0;
	void *image = app->image != NULL ? app_image_read(app->image, &size, &type) : NULL;
	if (image == NULL) {
		type = "image/png";
		size = box_art_png_size;
		image = malloc(size);
		if (image != NULL) {
			memcpy(image, box_art_png, size);
		}
	}
	api_end_raw(request->call, type, image, size);
	return ES_API_LATER;
}

static enum es_api_outcome set_cover(struct es_api_request *request) {
	const struct es_api_call *call = request->call;
	char error[512];
	if (!is_ours(request)) {
		return ES_API_REFUSED;
	}
	if (app_image_type(call->body, call->body_size) == NULL) {
		return api_refuse(request, 415, "the picture is neither a PNG nor a JPEG");
	}
	if (!apps_store_set_cover(request->host->apps, request->id, call->body, call->body_size, error,
				sizeof(error))) {
		return api_refuse(request, 500, "%s", error);
	}
	return answer_app(request, request->id);
}

const struct es_route api_apps_routes[] = {
		{"GET", "/apps", ES_ROLE_VIEW, .answer = &apps_schema, .handle = list_apps,
				.help = "What can be launched"},
		{"POST", "/apps", ES_ROLE_ADMIN, true, new_fields, &app_schema, "Adds an app", make_app},
		{"POST", "/apps/order", ES_ROLE_ADMIN, .fields = order_fields, .answer = &apps_schema,
				.handle = order_apps, .help = "Sorts the list"},
		{"PATCH", "/apps/{id}", ES_ROLE_ADMIN, true, change_fields, &app_schema,
				"Changes an app that was made here", change_app},
		{"DELETE", "/apps/{id}", ES_ROLE_ADMIN, true, NULL, NULL,
				"Removes an app that was made here; one that runs goes on", remove_app},
		{"GET", "/apps/{id}/cover", ES_ROLE_VIEW, .handle = tell_cover, .produces = "image/png",
				.help = "Its picture, PNG or JPEG; the host's own if it has none"},
		{"PUT", "/apps/{id}/cover", ES_ROLE_ADMIN, .answer = &app_schema, .handle = set_cover,
				.consumes = "image/png",
				.help = "Gives an app that was made here a picture, PNG or JPEG"},
		{NULL},
};
