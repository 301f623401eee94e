#include <stdio.h>

#include "host/api_route.h"
#include "host/safe_text.h"
#include "host/settings.h"

static const struct es_api_field app_fields[] = {
		{"id", ES_API_NUMBER, true, .help = "stable, whatever the order"},
		{"title", ES_API_TEXT, true, .help = "as devices show it"},
		{"private", ES_API_BOOL, true,
				.help = "a detached session shows to the device that started it alone"},
		{"command", ES_API_TEXTS, true, .help = "the program and its arguments"},
		{NULL},
};
static const struct es_api_schema app_schema = {"App", app_fields};

static const struct es_api_field apps_fields[] = {
		{"apps", ES_API_OBJECTS, true, .of = &app_schema, .help = "in the order of the list"},
		{NULL},
};
static const struct es_api_schema apps_schema = {"Apps", apps_fields};

static void add_words(
		yyjson_mut_doc *doc, yyjson_mut_val *item, const char *key, char *const *words) {
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, item, key);
	for (; words != NULL && *words != NULL; words++) {
		char safe[2048];
		safe_text(safe, sizeof(safe), *words);
		yyjson_mut_arr_add_strcpy(doc, list, safe);
	}
}

static void add_app(yyjson_mut_doc *doc, yyjson_mut_val *item, const struct es_app *app) {
	yyjson_mut_obj_add_uint(doc, item, "id", app->id);
	api_add_text(doc, item, "title", app->title);
	yyjson_mut_obj_add_bool(doc, item, "private", app->is_private);
	add_words(doc, item, "command", app->command);
}

static enum es_api_outcome list_apps(struct es_api_request *request) {
	const struct es_settings *settings = request->host->settings;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "apps");
	for (size_t i = 0; i < settings->n_apps; i++) {
		add_app(request->doc, yyjson_mut_arr_add_obj(request->doc, items), &settings->apps[i]);
	}
	return ES_API_DONE;
}

const struct es_route api_apps_routes[] = {
		{"GET", "/apps", ES_ROLE_VIEW, .answer = &apps_schema, .handle = list_apps,
				.help = "What can be launched"},
		{NULL},
};
