#include <stdio.h>

#include "host/api_route.h"
#include "host/pairing_desk.h"

#define MAX_PAIRINGS 16

static const struct es_api_field pairing_fields[] = {
		{"id", ES_API_NUMBER, true, .help = "of the request, never used again"},
		{"name", ES_API_TEXT, true, .help = "as the device calls itself; may be forged"},
		{"address", ES_API_TEXT, true, .help = "numeric"},
		{"seconds_left", ES_API_NUMBER, true, .help = "until the request ends by itself"},
		{"waits_for_pin", ES_API_BOOL, true, .help = "false: its PIN was entered"},
		{NULL},
};
static const struct es_api_schema pairing_schema = {"Pairing", pairing_fields};

static const struct es_api_field pairings_fields[] = {
		{"pairings", ES_API_OBJECTS, true, .of = &pairing_schema, .help = "in order of id"},
		{NULL},
};
static const struct es_api_schema pairings_schema = {"Pairings", pairings_fields};

static const struct es_api_field paired_fields[] = {
		{"result", ES_API_TEXT, true, .help = "paired"},
		{NULL},
};
static const struct es_api_schema paired_schema = {"Paired", paired_fields};

static const struct es_api_field pin_fields[] = {
		{"pin", ES_API_TEXT, true, 4, 4, .help = "the four digits that the device shows"},
		{NULL},
};

static enum es_api_outcome list_pairings(struct es_api_request *request) {
	struct es_pairing_info infos[MAX_PAIRINGS];
	size_t n = pairing_desk_list(request->host->desk, infos, MAX_PAIRINGS);
	yyjson_mut_doc *doc = request->doc;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(doc, request->root, "pairings");
	for (size_t i = 0; i < n; i++) {
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
		yyjson_mut_obj_add_uint(doc, item, "id", infos[i].id);
		api_add_text(doc, item, "name", infos[i].name);
		api_add_text(doc, item, "address", infos[i].address);
		yyjson_mut_obj_add_uint(doc, item, "seconds_left", infos[i].seconds_left);
		yyjson_mut_obj_add_bool(doc, item, "waits_for_pin", infos[i].waits_for_pin);
	}
	return ES_API_DONE;
}

static void on_paired(void *data, enum es_pairing_result result, const char *text) {
	static const struct {
		unsigned status;
		const char *word, *text;
	} results[] = {
			[ES_PAIRING_PAIRED] = {200, "paired", ""},
			[ES_PAIRING_WRONG_PIN] = {409, "wrong-pin",
					"the device has shown another PIN, or the connection is not the device's; start "
					"the pairing there again"},
			[ES_PAIRING_FAILED] = {409, "failed", "the pairing failed"},
			[ES_PAIRING_EXPIRED] = {409, "expired",
					"the device did not finish the pairing in time; start it there again"},
	};
	yyjson_mut_val *root;
	yyjson_mut_doc *doc = api_begin(&root);
	yyjson_mut_obj_add_str(doc, root, "result", results[result].word);
	if (result != ES_PAIRING_PAIRED) {
		bool told = result == ES_PAIRING_FAILED && text != NULL && text[0] != '\0';
		api_add_text(doc, root, "error", told ? text : results[result].text);
	}
	api_end(data, results[result].status, doc);
}

static void forget(struct es_api_call *call) {
	pairing_desk_forget(call->host->desk, call);
}

// With an id, or for the one that waits alone.
static enum es_api_outcome accept_pairing(struct es_api_request *request) {
	char error[256];
	struct es_api_call *call = request->call;
	call->waits = true; // it may be answered before the desk returns
	call->forget = forget;
	if (pairing_desk_enter_pin(request->host->desk, request->id, api_text(request, "pin"),
				on_paired, call, error, sizeof(error))) {
		return ES_API_LATER;
	}
	call->waits = false;
	return api_refuse(request, request->id != 0 ? 404 : 409, "%s", error);
}

static enum es_api_outcome refuse_pairing(struct es_api_request *request) {
	if (!pairing_desk_refuse(request->host->desk, request->id)) {
		return api_refuse(request, 404, "there is no request %u; it may have ended", request->id);
	}
	return ES_API_DONE;
}

const struct es_route api_pairing_routes[] = {
		{"GET", "/pairings", ES_ROLE_ADMIN, .answer = &pairings_schema, .handle = list_pairings,
				.help = "Devices that ask to be paired"},
		{"POST", "/pairings/{id}/accept", ES_ROLE_ADMIN, .fields = pin_fields,
				.answer = &paired_schema, .handle = accept_pairing,
				.help = "Enters the PIN of one; answered once the device has finished, or not"},
		{"DELETE", "/pairings/{id}", ES_ROLE_ADMIN, .handle = refuse_pairing,
				.help = "Refuses one"},
		{"POST", "/pair", ES_ROLE_ADMIN, .fields = pin_fields, .answer = &paired_schema,
				.handle = accept_pairing, .help = "Enters the PIN of the one that waits alone"},
		{NULL},
};
