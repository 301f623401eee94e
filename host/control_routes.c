#include "host/control_routes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/clock.h"
#include "host/nearest.h"
#include "host/safe_text.h"
#include "protocol/mode.h"

#define MAX_PAIRINGS 16

// An answer that is being made.
struct answer {
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;
};

struct request {
	struct es_control_call *call;
	const struct es_control_host *host;
	yyjson_val *args;
	struct answer answer;
	char error[512];
};

enum outcome {
	DONE, // request->answer is complete
	REFUSED, // the reason is in request->error
	LATER, // call->waits
};

static struct answer begin_answer(bool ok) {
	struct answer answer = {.doc = yyjson_mut_doc_new(NULL)};
	answer.root = answer.doc != NULL ? yyjson_mut_obj(answer.doc) : NULL;
	yyjson_mut_doc_set_root(answer.doc, answer.root);
	yyjson_mut_obj_add_bool(answer.doc, answer.root, "ok", ok);
	return answer;
}

static void send_answer(struct es_control_call *call, struct answer answer) {
	size_t size = 0;
	// All of ASCII: a terminal cannot be made to do anything by what a device calls itself.
	char *text = answer.root == NULL
			? NULL
			: yyjson_mut_write(
					  answer.doc, YYJSON_WRITE_ESCAPE_UNICODE | YYJSON_WRITE_NEWLINE_AT_END, &size);
	yyjson_mut_doc_free(answer.doc);
	call->answer(call->data, text, size);
}

static void send_error(struct es_control_call *call, const char *error) {
	struct answer answer = begin_answer(false);
	char safe[1024];
	safe_text(safe, sizeof(safe), error);
	yyjson_mut_obj_add_strcpy(answer.doc, answer.root, "error", safe);
	send_answer(call, answer);
}

static void add_text(
		yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text) {
	char safe[512];
	if (!safe_text_is(text)) {
		safe_text(safe, sizeof(safe), text);
		text = safe;
	}
	yyjson_mut_obj_add_strcpy(doc, object, key, text);
}

// --- what a request says

static bool take_number(struct request *request, const char *key, bool needed, uint32_t *value) {
	yyjson_val *v = yyjson_obj_get(request->args, key);
	*value = 0;
	if (v == NULL && !needed) {
		return true;
	}
	if (!yyjson_is_uint(v) || yyjson_get_uint(v) < 1 || yyjson_get_uint(v) > UINT32_MAX) {
		snprintf(request->error, sizeof(request->error), "'%s' is not a whole number from 1 on",
				key);
		return false;
	}
	*value = (uint32_t)yyjson_get_uint(v);
	return true;
}

static const char *take_text(struct request *request, const char *key) {
	yyjson_val *v = yyjson_obj_get(request->args, key);
	const char *text = yyjson_get_str(v);
	if (text == NULL || strlen(text) != yyjson_get_len(v)) {
		snprintf(request->error, sizeof(request->error), "'%s' is not a text", key);
		return NULL;
	}
	return text;
}

// --- pairing

static enum outcome list_pairings(struct request *request) {
	struct es_pairing_info infos[MAX_PAIRINGS];
	size_t n = pairing_desk_list(request->host->desk, infos, MAX_PAIRINGS);
	yyjson_mut_doc *doc = request->answer.doc;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(doc, request->answer.root, "pairings");
	for (size_t i = 0; i < n; i++) {
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
		yyjson_mut_obj_add_uint(doc, item, "id", infos[i].id);
		add_text(doc, item, "name", infos[i].name);
		add_text(doc, item, "address", infos[i].address);
		yyjson_mut_obj_add_uint(doc, item, "seconds_left", infos[i].seconds_left);
		yyjson_mut_obj_add_bool(doc, item, "waits_for_pin", infos[i].waits_for_pin);
	}
	return DONE;
}

static void on_paired(void *data, enum es_pairing_result result, const char *text) {
	static const struct {
		const char *word, *text;
	} results[] = {
			[ES_PAIRING_PAIRED] = {"paired", ""},
			[ES_PAIRING_WRONG_PIN] = {"wrong-pin",
					"the device has shown another PIN, or the connection is not the device's; start "
					"the pairing there again"},
			[ES_PAIRING_FAILED] = {"failed", "the pairing failed"},
			[ES_PAIRING_EXPIRED] = {"expired",
					"the device did not finish the pairing in time; start it there again"},
	};
	struct es_control_call *call = data;
	bool paired = result == ES_PAIRING_PAIRED;
	struct answer answer = begin_answer(paired);
	yyjson_mut_obj_add_str(answer.doc, answer.root, "result", results[result].word);
	if (!paired) {
		bool told = result == ES_PAIRING_FAILED && text != NULL && text[0] != '\0';
		add_text(answer.doc, answer.root, "error", told ? text : results[result].text);
	}
	call->waits = false;
	send_answer(call, answer);
}

static enum outcome pair(struct request *request) {
	uint32_t id;
	const char *pin = take_text(request, "pin");
	if (pin == NULL || !take_number(request, "request", false, &id)) {
		return REFUSED;
	}
	request->call->waits = true; // it may be answered before the desk returns
	if (pairing_desk_enter_pin(request->host->desk, id, pin, on_paired, request->call,
				request->error, sizeof(request->error))) {
		return LATER;
	}
	request->call->waits = false;
	return REFUSED;
}

// --- clients

static enum outcome list_clients(struct request *request) {
	yyjson_mut_doc *doc = request->answer.doc;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(doc, request->answer.root, "clients");
	for (size_t i = 0; i < clients_count(request->host->clients); i++) {
		const struct es_client *client = clients_at(request->host->clients, i);
		char fingerprint[2 * ES_SHA256_SIZE + 1];
		hex_encode(client->fingerprint, ES_SHA256_SIZE, fingerprint);
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
		yyjson_mut_obj_add_uint(doc, item, "id", client->id);
		add_text(doc, item, "name", client->name);
		yyjson_mut_obj_add_sint(doc, item, "paired_at", client->paired_at);
		yyjson_mut_obj_add_bool(doc, item, "legacy", client->legacy);
		add_text(doc, item, "keyboard", client->keyboard);
		yyjson_mut_obj_add_strcpy(doc, item, "fingerprint", fingerprint);
	}
	return DONE;
}

static enum outcome rename_client(struct request *request) {
	uint32_t id;
	const char *name = take_text(request, "name");
	return name != NULL && take_number(request, "id", true, &id) &&
					clients_rename(request->host->clients, id, name, request->error,
							sizeof(request->error))
			? DONE
			: REFUSED;
}

static enum outcome revoke_client(struct request *request) {
	const struct es_control_host *host = request->host;
	uint32_t id;
	if (!take_number(request, "id", true, &id) ||
			!clients_revoke(host->clients, id, request->error, sizeof(request->error))) {
		return REFUSED;
	}
	gamestream_revoke(host->gamestream);
	plays_revoke(host->plays, id);
	return DONE;
}

static enum outcome set_legacy(struct request *request) {
	uint32_t id;
	yyjson_val *legacy = yyjson_obj_get(request->args, "legacy");
	if (!yyjson_is_bool(legacy)) {
		snprintf(request->error, sizeof(request->error), "'legacy' is neither true nor false");
		return REFUSED;
	}
	return take_number(request, "id", true, &id) &&
					clients_set_legacy(request->host->clients, id, yyjson_get_bool(legacy),
							request->error, sizeof(request->error))
			? DONE
			: REFUSED;
}

static enum outcome set_keyboard(struct request *request) {
	const struct es_control_host *host = request->host;
	uint32_t id;
	const char *layout = take_text(request, "keyboard");
	if (layout == NULL || !take_number(request, "id", true, &id) ||
			!clients_set_keyboard(
					host->clients, id, layout, request->error, sizeof(request->error))) {
		return REFUSED;
	}
	plays_set_keyboard(host->plays, id, layout);
	return DONE;
}

// --- apps and sessions

static enum outcome list_apps(struct request *request) {
	yyjson_mut_doc *doc = request->answer.doc;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(doc, request->answer.root, "apps");
	for (size_t i = 0; i < request->host->settings->n_apps; i++) {
		const struct es_app *app = &request->host->settings->apps[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
		yyjson_mut_obj_add_uint(doc, item, "id", app->id);
		add_text(doc, item, "title", app->title);
		yyjson_mut_obj_add_bool(doc, item, "private", app->is_private);
		yyjson_mut_val *command = yyjson_mut_obj_add_arr(doc, item, "command");
		for (char **word = app->command; *word != NULL; word++) {
			char safe[1024];
			safe_text(safe, sizeof(safe), *word);
			yyjson_mut_arr_add_strcpy(doc, command, safe);
		}
	}
	return DONE;
}

static void add_figures(
		yyjson_mut_doc *doc, yyjson_mut_val *item, const struct es_play_info *info) {
	const struct es_display_stats *display = info->display_stats;
	const struct es_encode_stats *encode = info->encode_stats;
	const struct es_stream_stats *stream = info->stream_stats;
	const struct {
		const char *key;
		uint64_t value;
	} figures[] = {
			{"committed", display->committed},
			{"superseded", display->superseded},
			{"frames_new", stream->units_new},
			{"frames_repeated", stream->units_repeated},
			{"frames_dropped", stream->dropped},
			{"bytes", stream->bytes},
			{"latency_p50_us", stream->recent[ES_STAGE_TOTAL].p50_us},
			{"latency_p99_us", stream->recent[ES_STAGE_TOTAL].p99_us},
			{"idr_made", encode->idr_made},
			{"datagrams", stream->net.datagrams},
			{"datagrams_lost", stream->net.lost},
			{"datagrams_refused", stream->net.refused},
			{"fec_percent", stream->net.fec_percent},
			{"rtt_us", stream->net.rtt_us},
			{"bitrate_kbps", stream->net.bitrate_kbps},
			{"sound_packets", stream->sound.packets},
			{"sound_dropped", stream->sound.dropped + display->sound_dropped},
			{"sound_inserted", stream->sound.inserted},
			{"sound_p50_us", stream->sound.p50_us},
			{"sound_p99_us", stream->sound.p99_us},
	};
	yyjson_mut_val *stats = yyjson_mut_obj_add_obj(doc, item, "stats");
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		yyjson_mut_obj_add_uint(doc, stats, figures[i].key, figures[i].value);
	}
}

static void add_session(yyjson_mut_doc *doc, yyjson_mut_val *items, const struct es_play *play) {
	static const char *const states[] = {[ES_PLAY_PENDING] = "pending",
			[ES_PLAY_NEGOTIATED] = "negotiated",
			[ES_PLAY_PLAYING] = "playing",
			[ES_PLAY_DETACHED] = "detached",
			[ES_PLAY_ENDING] = "ending"};
	struct es_play_info info;
	play_info(play, &info);
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
	yyjson_mut_obj_add_uint(doc, item, "id", info.id);
	yyjson_mut_obj_add_str(doc, item, "state", states[info.state]);
	yyjson_mut_obj_add_uint(doc, item, "app", info.app_id);
	add_text(doc, item, "title", info.app_title);
	add_text(doc, item, "client", info.client_name);
	yyjson_mut_obj_add_uint(doc, item, "width", info.mode.width);
	yyjson_mut_obj_add_uint(doc, item, "height", info.mode.height);
	yyjson_mut_obj_add_sint(doc, item, "refresh_mhz", info.mode.refresh_mhz);
	add_text(doc, item, "encoder", info.encoder);
	const char *codec = codec_name(info.codec);
	add_text(doc, item, "codec", info.encoder[0] != '\0' && codec != NULL ? codec : "");
	yyjson_mut_obj_add_sint(doc, item, "seconds", (clock_now_ns() - info.since_ns) / ES_NS_PER_S);
	add_figures(doc, item, &info);
}

static enum outcome list_sessions(struct request *request) {
	yyjson_mut_val *items =
			yyjson_mut_obj_add_arr(request->answer.doc, request->answer.root, "sessions");
	for (size_t i = 0; i < plays_count(request->host->plays); i++) {
		add_session(request->answer.doc, items, plays_at(request->host->plays, i));
	}
	return DONE;
}

static void on_stopped(void *data, bool ended) {
	struct es_control_call *call = data;
	call->waits = false;
	struct answer answer = begin_answer(ended);
	if (!ended) {
		yyjson_mut_obj_add_str(answer.doc, answer.root, "error", "the session could not be ended");
	}
	send_answer(call, answer);
}

static enum outcome stop_session(struct request *request) {
	uint32_t id;
	if (!take_number(request, "session", false, &id)) {
		return REFUSED;
	}
	request->call->waits = true;
	if (plays_stop(request->host->plays, id, on_stopped, request->call, request->error,
				sizeof(request->error))) {
		return LATER;
	}
	request->call->waits = false;
	return REFUSED;
}

static enum outcome tell_status(struct request *request) {
	yyjson_mut_doc *doc = request->answer.doc;
	yyjson_mut_val *root = request->answer.root;
	struct es_pairing_info infos[MAX_PAIRINGS];
	yyjson_mut_obj_add_str(doc, root, "version", ES_VERSION);
	add_text(doc, root, "name", request->host->settings->name);
	yyjson_mut_obj_add_uint(doc, root, "apps", request->host->settings->n_apps);
	yyjson_mut_obj_add_uint(doc, root, "clients", clients_count(request->host->clients));
	yyjson_mut_obj_add_uint(doc, root, "sessions", plays_count(request->host->plays));
	yyjson_mut_obj_add_uint(
			doc, root, "pairings", pairing_desk_list(request->host->desk, infos, MAX_PAIRINGS));
	return DONE;
}

// --- the table

static enum outcome tell_routes(struct request *request);

static const struct route {
	const char *name;
	enum outcome (*handle)(struct request *request);
	const char *help;
} routes[] = {
		{"status", tell_status, "version, name and counts"},
		{"pairings", list_pairings, "who waits for a PIN"},
		{"pair", pair, "pin, request (unless one waits alone)"},
		{"clients", list_clients, "who is paired"},
		{"client-rename", rename_client, "id, name"},
		{"client-revoke", revoke_client, "id"},
		{"client-legacy", set_legacy, "id, legacy (true or false)"},
		{"client-keyboard", set_keyboard,
				"id, keyboard (a layout; empty: the app's or the host's)"},
		{"apps", list_apps, "what can be launched"},
		{"sessions", list_sessions, "what runs"},
		{"stop", stop_session, "session (unless one runs alone)"},
		{"help", tell_routes, "this table"},
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static enum outcome tell_routes(struct request *request) {
	yyjson_mut_val *items =
			yyjson_mut_obj_add_obj(request->answer.doc, request->answer.root, "routes");
	for (size_t i = 0; i < N_ROUTES; i++) {
		yyjson_mut_obj_add_str(request->answer.doc, items, routes[i].name, routes[i].help);
	}
	return DONE;
}

static enum outcome find_and_handle(struct request *request) {
	const char *name = take_text(request, "route");
	const char *names[N_ROUTES];
	for (size_t i = 0; i < N_ROUTES; i++) {
		names[i] = routes[i].name;
		if (name != NULL && strcmp(name, routes[i].name) == 0) {
			return routes[i].handle(request);
		}
	}
	const char *nearest = name != NULL ? nearest_word(name, names, N_ROUTES) : NULL;
	if (name != NULL) {
		snprintf(request->error, sizeof(request->error),
				"unknown route '%.60s'; did you mean '%s'?", name,
				nearest != NULL ? nearest : "help");
	}
	return REFUSED;
}

void control_routes_handle(struct es_control_call *call, const char *line, size_t size) {
	assert(!call->waits);
	yyjson_doc *doc = yyjson_read(line, size, 0);
	yyjson_val *args = yyjson_doc_get_root(doc);
	if (!yyjson_is_obj(args)) {
		yyjson_doc_free(doc);
		send_error(call, "a request is one line with a JSON object, as {\"route\": \"help\"}");
		return;
	}
	struct request request = {
			.call = call, .host = call->host, .args = args, .answer = begin_answer(true)};
	// The call may be answered, and gone, before its handler returns LATER: not touched after that.
	switch (find_and_handle(&request)) {
	case DONE:
		send_answer(call, request.answer);
		break;
	case REFUSED:
		yyjson_mut_doc_free(request.answer.doc);
		send_error(call, request.error);
		break;
	case LATER:
		yyjson_mut_doc_free(request.answer.doc);
		break;
	}
	yyjson_doc_free(doc);
}

void control_routes_forget(struct es_control_call *call) {
	if (call->waits) {
		call->waits = false;
		pairing_desk_forget(call->host->desk, call);
		plays_forget(call->host->plays, call);
	}
}
