// The host as a whole.
#include <stdio.h>

#include "host/api_route.h"
#include "host/clients.h"
#include "host/pairing_desk.h"
#include "host/play.h"
#include "host/settings.h"

#define MAX_PAIRINGS 16

static const struct es_api_field status_fields[] = {
		{"version", ES_API_TEXT, true, .help = "of earthshine"},
		{"name", ES_API_TEXT, true, .help = "of the host, as devices show it"},
		{"apps", ES_API_NUMBER, true, .help = "how many can be launched"},
		{"clients", ES_API_NUMBER, true, .help = "how many devices are paired"},
		{"sessions", ES_API_NUMBER, true, .help = "how many run"},
		{"pairings", ES_API_NUMBER, true, .help = "how many devices ask to be paired"},
		{NULL},
};
static const struct es_api_schema status_schema = {"Status", status_fields};

static enum es_api_outcome tell_status(struct es_api_request *request) {
	const struct es_api_host *host = request->host;
	struct es_pairing_info infos[MAX_PAIRINGS];
	yyjson_mut_doc *doc = request->doc;
	yyjson_mut_val *root = request->root;
	yyjson_mut_obj_add_str(doc, root, "version", ES_VERSION);
	api_add_text(doc, root, "name", host->settings->name);
	yyjson_mut_obj_add_uint(doc, root, "apps", host->settings->n_apps);
	yyjson_mut_obj_add_uint(doc, root, "clients", clients_count(host->clients));
	yyjson_mut_obj_add_uint(doc, root, "sessions", plays_count(host->plays));
	yyjson_mut_obj_add_uint(
			doc, root, "pairings", pairing_desk_list(host->desk, infos, MAX_PAIRINGS));
	return ES_API_DONE;
}

static const struct es_api_field route_fields[] = {
		{"method", ES_API_TEXT, true, .help = "GET, POST, PUT, PATCH or DELETE"},
		{"path", ES_API_TEXT, true, .help = "with {id} or {name} where one belongs"},
		{"role", ES_API_TEXT, true, .help = "none, view, play or admin"},
		{"confirm", ES_API_BOOL, true, .help = "the password must have been given lately"},
		{"help", ES_API_TEXT, true, .help = "what it does"},
		{NULL},
};
static const struct es_api_schema route_schema = {"Route", route_fields};

static const struct es_api_field help_fields[] = {
		{"routes", ES_API_OBJECTS, true, .of = &route_schema, .help = "all there are"},
		{NULL},
};
static const struct es_api_schema help_schema = {"Help", help_fields};

static enum es_api_outcome tell_routes(struct es_api_request *request) {
	yyjson_mut_doc *doc = request->doc;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(doc, request->root, "routes");
	const struct es_route *route;
	for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
		char path[128];
		snprintf(path, sizeof(path), ES_API_ROOT "%s", route->path);
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
		yyjson_mut_obj_add_str(doc, item, "method", route->method);
		yyjson_mut_obj_add_strcpy(doc, item, "path", path);
		yyjson_mut_obj_add_str(doc, item, "role", role_name(route->role));
		yyjson_mut_obj_add_bool(doc, item, "confirm", route->confirm);
		yyjson_mut_obj_add_str(doc, item, "help", route->help);
	}
	return ES_API_DONE;
}

const struct es_route api_system_routes[] = {
		{"GET", "/status", ES_ROLE_VIEW, .answer = &status_schema, .handle = tell_status,
				.help = "Version, name and counts"},
		{"GET", "/help", ES_ROLE_NONE, .answer = &help_schema, .handle = tell_routes,
				.help = "This table"},
		{NULL},
};
