#include <stdio.h>
#include <string.h>

#include "host/api_route.h"
#include "host/settings.h"
#include "host/settings_parse.h"
#include "host/settings_store.h"
#include "host/settings_tell.h"

#define MAX_VALUE 255

static const char *const source_names[] = {"default", "file", "command line", "console", NULL};

static const struct es_api_field setting_fields[] = {
		{"name", ES_API_TEXT, true, .help = "as in the configuration"},
		{"value", ES_API_TEXT, true, .help = "in force, as the configuration would say it"},
		{"default", ES_API_TEXT, true, .help = "without anybody's word"},
		{"source", ES_API_TEXT, true, .words = source_names, .help = "whose word counts"},
		{"locked", ES_API_BOOL, true,
				.help = "it cannot be changed here: the configuration or the command line says it, or "
						"it needs a new start"},
		{"live", ES_API_BOOL, true, .help = "a change counts at once"},
		{"help", ES_API_TEXT, true, .help = "what it is"},
		{NULL},
};
static const struct es_api_schema setting_schema = {"Setting", setting_fields};

static const struct es_api_field settings_fields[] = {
		{"settings", ES_API_OBJECTS, true, .of = &setting_schema, .help = "all but the apps"},
		{NULL},
};
static const struct es_api_schema settings_schema = {"Settings", settings_fields};

#define SETTING(name) \
	{name, ES_API_TEXT, false, 0, MAX_VALUE, \
			.help = "as in the configuration; null or empty: what counts without this", \
			.nullable = true}
static const struct es_api_field change_fields[] = {
		SETTING("name"),
		SETTING("announce"),
		SETTING("encryption"),
		SETTING("fec"),
		SETTING("keepalive"),
		SETTING("max-sessions"),
		SETTING("max-pixel-rate"),
		SETTING("max-bitrate"),
		SETTING("idle"),
		SETTING("keyboard"),
		SETTING("encoder"),
		SETTING("gpu"),
		SETTING("sound"),
		SETTING("microphone"),
		SETTING("screen-source"),
		SETTING("inhibit-sleep"),
		{NULL},
};

static const char *source_of(const struct es_api_host *host, const char *name) {
	enum es_settings_source source = settings_source(host->settings, name);
	bool console = source == ES_SOURCE_DEFAULT && settings_store_has(host->settings_store, name);
	return source_names[console ? 3 : source];
}

static void add_setting(const struct es_api_request *request, yyjson_mut_val *item,
		const struct es_setting *setting, const struct es_settings *defaults) {
	const struct es_settings *settings = request->host->settings;
	yyjson_mut_doc *doc = request->doc;
	char value[512], fallback[512];
	setting->tell(settings, value, sizeof(value));
	setting->tell(defaults, fallback, sizeof(fallback));
	bool locked = !setting->live || settings_source(settings, setting->name) != ES_SOURCE_DEFAULT;
	yyjson_mut_obj_add_str(doc, item, "name", setting->name);
	api_add_text(doc, item, "value", value);
	api_add_text(doc, item, "default", fallback);
	yyjson_mut_obj_add_str(doc, item, "source", source_of(request->host, setting->name));
	yyjson_mut_obj_add_bool(doc, item, "locked", locked);
	yyjson_mut_obj_add_bool(doc, item, "live", setting->live);
	yyjson_mut_obj_add_str(doc, item, "help", setting->help);
}

static enum es_api_outcome list_settings(struct es_api_request *request) {
	char error[512];
	struct es_settings *defaults = settings_parse("", 0, "", error, sizeof(error));
	if (defaults == NULL) {
		return api_refuse(request, 500, "%s", error);
	}
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "settings");
	for (const struct es_setting *s = settings_list; s->name != NULL; s++) {
		add_setting(request, yyjson_mut_arr_add_obj(request->doc, items), s, defaults);
	}
	settings_destroy(defaults);
	return ES_API_DONE;
}

static enum es_api_outcome change_settings(struct es_api_request *request) {
	const struct es_api_host *host = request->host;
	char error[ES_SETTINGS_ERROR_MAX];
	size_t index, n;
	yyjson_val *key, *value;
	yyjson_obj_foreach(request->args, index, n, key, value) {
		const char *name = yyjson_get_str(key);
		if (settings_source(host->settings, name) != ES_SOURCE_DEFAULT) {
			return api_refuse(request, 409, "'%s' is set by the %s: change it there", name,
					source_of(host, name));
		}
	}
	if (!settings_store_change(host->settings_store, request->args, error, sizeof(error))) {
		return api_refuse(request, 400, "%s", error);
	}
	if (!host->reload(host->serve, error, sizeof(error))) {
		settings_store_undo(host->settings_store);
		return api_refuse(
				request, 409, "nothing was changed, as the configuration has a mistake: %s", error);
	}
	return list_settings(request);
}

const struct es_route api_settings_routes[] = {
		{"GET", "/settings", ES_ROLE_ADMIN, .answer = &settings_schema, .handle = list_settings,
				.help = "How the host is set, and who says so"},
		{"PATCH", "/settings", ES_ROLE_ADMIN, true, change_fields, &settings_schema,
				"Changes what neither configuration nor command line says", change_settings},
		{NULL},
};
