#include <stdio.h>

#include "host/api_route.h"
#include "host/clients.h"
#include "host/gamestream.h"
#include "host/play.h"

static const char *const role_words[] = {"view", "play", NULL};

static const struct es_api_field client_fields[] = {
		{"id", ES_API_NUMBER, true, .help = "never used again"},
		{"name", ES_API_TEXT, true, .help = "as the operator names it"},
		{"paired_at", ES_API_NUMBER, true, .help = "seconds since 1970"},
		{"legacy", ES_API_BOOL, true, .help = "may use unencrypted RTSP"},
		{"clipboard", ES_API_BOOL, true,
				.help = "may read the text that the app copies, and set it"},
		{"keyboard", ES_API_TEXT, true, .help = "its layout; empty: the app's or the host's"},
		{"role", ES_API_TEXT, true, .words = role_words, .help = "view: it may not play"},
		{"fingerprint", ES_API_TEXT, true, .help = "SHA-256 of its certificate, in hex"},
		{NULL},
};
static const struct es_api_schema client_schema = {"Client", client_fields};

static const struct es_api_field clients_fields[] = {
		{"clients", ES_API_OBJECTS, true, .of = &client_schema, .help = "in order of id"},
		{NULL},
};
static const struct es_api_schema clients_schema = {"Clients", clients_fields};

static const struct es_api_field change_fields[] = {
		{"name", ES_API_TEXT, .min = 1, .max = ES_CLIENT_NAME_MAX - 1, .help = "plain text"},
		{"legacy", ES_API_BOOL, .help = "whether it may use unencrypted RTSP"},
		{"clipboard", ES_API_BOOL, .help = "whether it may read and set the text that is copied"},
		{"keyboard", ES_API_TEXT, .max = ES_LAYOUT_SIZE - 1,
				.help = "an xkb layout; empty: the app's or the host's"},
		{"role", ES_API_TEXT, .max = 8, .words = role_words,
				.help = "view: it sees what there is, and may not play"},
		{NULL},
};

static void add_client(yyjson_mut_doc *doc, yyjson_mut_val *item, const struct es_client *client) {
	char fingerprint[2 * ES_SHA256_SIZE + 1];
	hex_encode(client->fingerprint, ES_SHA256_SIZE, fingerprint);
	yyjson_mut_obj_add_uint(doc, item, "id", client->id);
	api_add_text(doc, item, "name", client->name);
	yyjson_mut_obj_add_sint(doc, item, "paired_at", client->paired_at);
	yyjson_mut_obj_add_bool(doc, item, "legacy", client->legacy);
	yyjson_mut_obj_add_bool(doc, item, "clipboard", client->clipboard);
	api_add_text(doc, item, "keyboard", client->keyboard);
	yyjson_mut_obj_add_str(doc, item, "role", role_name(client->role));
	yyjson_mut_obj_add_strcpy(doc, item, "fingerprint", fingerprint);
}

static enum es_api_outcome list_clients(struct es_api_request *request) {
	const struct es_clients *clients = request->host->clients;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "clients");
	for (size_t i = 0; i < clients_count(clients); i++) {
		add_client(
				request->doc, yyjson_mut_arr_add_obj(request->doc, items), clients_at(clients, i));
	}
	return ES_API_DONE;
}

static enum es_api_outcome refuse_unknown(struct es_api_request *request) {
	return api_refuse(request, 404, "there is no client %u", request->id);
}

static enum es_api_outcome change_client(struct es_api_request *request) {
	struct es_clients *clients = request->host->clients;
	struct es_plays *plays = request->host->plays;
	bool legacy = api_bool(request, "legacy"), clipboard = api_bool(request, "clipboard");
	enum es_role role;
	const struct es_client_change change = {
			.name = api_text(request, "name"),
			.keyboard = api_text(request, "keyboard"),
			.legacy = api_has(request, "legacy") ? &legacy : NULL,
			.clipboard = api_has(request, "clipboard") ? &clipboard : NULL,
			.role = api_has(request, "role") && role_parse(api_text(request, "role"), &role) ? &role
																							 : NULL,
	};
	char error[512];
	if (clients_find(clients, request->id) == NULL) {
		return refuse_unknown(request);
	}
	if (!clients_change(clients, request->id, &change, error, sizeof(error))) {
		return api_refuse(request, 400, "%s", error);
	}
	if (clients_find(clients, request->id)->role < ES_ROLE_PLAY) {
		plays_revoke(plays, request->id); // what it plays now ends for it
	}
	if (change.keyboard != NULL) {
		plays_set_keyboard(plays, request->id, change.keyboard);
	}
	if (change.clipboard != NULL) {
		plays_set_clipboard(plays, request->id, clipboard);
	}
	add_client(request->doc, request->root, clients_find(clients, request->id));
	return ES_API_DONE;
}

static enum es_api_outcome revoke_client(struct es_api_request *request) {
	const struct es_api_host *host = request->host;
	char error[512];
	if (clients_find(host->clients, request->id) == NULL) {
		return refuse_unknown(request);
	}
	if (!clients_revoke(host->clients, request->id, error, sizeof(error))) {
		return api_refuse(request, 500, "%s", error);
	}
	gamestream_revoke(host->gamestream);
	plays_revoke(host->plays, request->id);
	return ES_API_DONE;
}

const struct es_route api_clients_routes[] = {
		{"GET", "/clients", ES_ROLE_ADMIN, .answer = &clients_schema, .handle = list_clients,
				.help = "Paired devices"},
		{"PATCH", "/clients/{id}", ES_ROLE_ADMIN, .fields = change_fields, .answer = &client_schema,
				.handle = change_client, .help = "Changes what is known of one"},
		{"DELETE", "/clients/{id}", ES_ROLE_ADMIN, .handle = revoke_client,
				.help = "Takes one's trust away; a session that it plays ends"},
		{NULL},
};
