// The host as a whole.
#include <stdio.h>

#include "host/api_openapi.h"
#include "host/api_route.h"
#include "host/clients.h"
#include "host/gamestream.h"
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

static const struct es_api_field ports_fields[] = {
		{"http", ES_API_NUMBER, true, .help = "of GameStream, in clear"},
		{"https", ES_API_NUMBER, true, .help = "of GameStream"},
		{"rtsp", ES_API_NUMBER, true, .help = "of GameStream"},
		{NULL},
};
static const struct es_api_schema ports_schema = {"Ports", ports_fields};

static const struct es_api_field info_fields[] = {
		{"name", ES_API_TEXT, true, .help = "of the host, as devices show it"},
		{"id", ES_API_TEXT, true, .help = "of the host, whatever its name"},
		{"version", ES_API_TEXT, true, .help = "of earthshine"},
		{"api", ES_API_NUMBER, true, .help = "version of this API"},
		{"fingerprint", ES_API_TEXT, true, .help = "SHA-256 of the host's certificate, in hex"},
		{"ports", ES_API_OBJECT, true, .of = &ports_schema, .help = "where the host listens"},
		{"draining", ES_API_BOOL, true, .help = "the host ends, and takes no new session"},
		{NULL},
};
static const struct es_api_schema info_schema = {"Info", info_fields};

static enum es_api_outcome tell_info(struct es_api_request *request) {
	const struct es_api_host *host = request->host;
	yyjson_mut_doc *doc = request->doc;
	yyjson_mut_val *root = request->root;
	char fingerprint[2 * ES_SHA256_SIZE + 1];
	hex_encode(host->identity->cert.fingerprint, ES_SHA256_SIZE, fingerprint);
	api_add_text(doc, root, "name", host->settings->name);
	api_add_text(doc, root, "id", host->unique_id);
	yyjson_mut_obj_add_str(doc, root, "version", ES_VERSION);
	yyjson_mut_obj_add_uint(doc, root, "api", 1);
	yyjson_mut_obj_add_strcpy(doc, root, "fingerprint", fingerprint);
	yyjson_mut_val *ports = yyjson_mut_obj_add_obj(doc, root, "ports");
	yyjson_mut_obj_add_uint(doc, ports, "http", host->ports->http);
	yyjson_mut_obj_add_uint(doc, ports, "https", host->ports->https);
	yyjson_mut_obj_add_uint(doc, ports, "rtsp", host->ports->rtsp);
	yyjson_mut_obj_add_bool(doc, root, "draining", host->draining(host->serve));
	return ES_API_DONE;
}

static enum es_api_outcome drain(struct es_api_request *request) {
	request->host->drain(request->host->serve);
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

static enum es_api_outcome describe(struct es_api_request *request) {
	yyjson_mut_doc_free(request->doc);
	request->doc = api_openapi();
	return ES_API_DONE;
}

const struct es_route api_system_routes[] = {
		{"GET", "/info", ES_ROLE_NONE, .answer = &info_schema, .handle = tell_info,
				.help = "Who this host is, for whoever wants to use it"},
		{"POST", "/drain", ES_ROLE_ADMIN, .handle = drain,
				.help = "Ends all sessions, takes no new ones, and then ends the host"},
		{"GET", "/events", ES_ROLE_VIEW, .produces = "text/event-stream",
				.help = "What changes, as it changes: events pairing, clients, apps, session, stats, "
						"log, settings, capture and reset, as far as the role may hear of them"},
		{"GET", "/status", ES_ROLE_VIEW, .answer = &status_schema, .handle = tell_status,
				.help = "Version, name and counts"},
		{"GET", "/openapi.json", ES_ROLE_NONE, .handle = describe,
				.help = "The description of this API for programs"},
		{"GET", "/help", ES_ROLE_NONE, .answer = &help_schema, .handle = tell_routes,
				.help = "This table"},
		{NULL},
};
