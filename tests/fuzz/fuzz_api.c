// A request to the API: its first byte says who asks, its first line is method and target, the rest the
// body. Whatever it is, there is exactly one answer: a JSON object of printable ASCII, with a reason if
// it was refused. What stands behind the routes are stand-ins.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "host/api_route.h"
#include "host/apps_store.h"
#include "host/clients.h"
#include "host/gamestream.h"
#include "host/log_ring.h"
#include "host/news.h"
#include "host/login.h"
#include "host/pairing_desk.h"
#include "host/play.h"
#include "host/play_web.h"
#include "host/probe_process.h"
#include "host/settings.h"
#include "host/settings_store.h"
#include "host/spawn.h"
#include "host/web_address.h"

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "api: %s\n", what);
		abort();
	}
}

// --- stand-ins

size_t pairing_desk_list(
		const struct es_pairing_desk *desk, struct es_pairing_info *out, size_t cap) {
	out[0] = (struct es_pairing_info){.id = 1, .name = "\x1b\xff", .address = "192.0.2.1"};
	return 1;
}

bool pairing_desk_enter_pin(struct es_pairing_desk *desk, uint32_t id, const char *pin,
		es_pairing_done done, void *data, char *error, size_t cap) {
	if (strlen(pin) != 4) {
		snprintf(error, cap, "'%s' is no PIN", pin);
		return false;
	}
	done(data, id % 4, pin);
	return true;
}

bool pairing_desk_refuse(struct es_pairing_desk *desk, uint32_t id) {
	return id % 2 == 0;
}

void pairing_desk_forget(struct es_pairing_desk *desk, void *data) {
}

size_t plays_count(const struct es_plays *plays) {
	return 0;
}

struct es_play *plays_at(const struct es_plays *plays, size_t index) {
	return NULL;
}

void play_info(const struct es_play *play, struct es_play_info *info) {
}

int plays_launch_web(struct es_plays *plays, const struct es_web_launch *launch,
		struct es_play **play, char *error, size_t cap) {
	snprintf(error, cap, "\xff");
	return 503;
}

bool plays_ask_idr(struct es_plays *plays, uint32_t id) {
	return id % 2 == 0;
}

bool plays_set_bitrate(struct es_plays *plays, uint32_t id, uint32_t kbps) {
	return kbps % 2 == 0;
}

bool plays_stop(struct es_plays *plays, uint32_t id, void (*done)(void *data, bool ended),
		void *data, char *error, size_t cap) {
	done(data, id % 2 == 0);
	return true;
}

struct es_children *plays_children(const struct es_plays *plays) {
	return NULL;
}

bool login_has_password(const struct es_login *login) {
	return false;
}

const char *login_setup(const struct es_login *login) {
	return "setup";
}

bool login_make_setup(struct es_login *login, char *error, size_t cap) {
	snprintf(error, cap, "no");
	return false;
}

void login_end(struct es_login *login, uint64_t session) {
}

void login_try(struct es_login *login, const struct es_login_try *attempt) {
	struct es_login_result result = {.status = 401, .text = attempt->password};
	attempt->done(attempt->data, &result);
}

void login_forget(struct es_login *login, const void *data) {
}

size_t login_tokens(const struct es_login *login, struct es_login_token *out, size_t cap) {
	out[0] = (struct es_login_token){.id = 1, .name = "\x1b\xff", .role = ES_ROLE_VIEW};
	return 1;
}

bool login_make_token(struct es_login *login, const char *name, enum es_role role,
		struct es_login_token *token, char secret[ES_LOGIN_TOKEN_SIZE], char *error, size_t cap) {
	*token = (struct es_login_token){.id = 1, .role = role};
	snprintf(token->name, sizeof(token->name), "%s", name);
	snprintf(secret, ES_LOGIN_TOKEN_SIZE, "secret");
	return true;
}

bool login_drop_token(struct es_login *login, uint32_t id, bool *known, char *error, size_t cap) {
	*known = id % 2 == 0;
	snprintf(error, cap, "no");
	return false;
}

size_t web_address_list(const struct es_settings *settings, uint16_t port,
		char out[ES_WEB_MAX_ADDRESSES][ES_WEB_ADDRESS_SIZE]) {
	snprintf(out[0], ES_WEB_ADDRESS_SIZE, "https://localhost:1/");
	return 1;
}

bool spawn_find_room(const char *name, char *out, size_t cap) {
	return false;
}

struct es_probe_process *probe_process_start(const struct es_probe_start *start) {
	return NULL;
}

void probe_process_destroy(struct es_probe_process *process) {
}

uint64_t log_ring_last(const struct es_log_ring *ring) {
	return 3;
}

bool log_ring_get(const struct es_log_ring *ring, uint64_t id, struct es_log_line *line) {
	*line = (struct es_log_line){.id = id, .level = id % 4, .text = "\xff\x1b"};
	return true;
}

void news_tell(struct es_news *news, enum es_event_type type) {
}

bool apps_store_add(
		struct es_apps_store *store, yyjson_val *app, uint32_t *id, char *error, size_t cap) {
	*id = 1;
	return true;
}

bool apps_store_change(
		struct es_apps_store *store, uint32_t id, yyjson_val *change, char *error, size_t cap) {
	return true;
}

bool apps_store_remove(struct es_apps_store *store, uint32_t id, char *error, size_t cap) {
	return true;
}

bool apps_store_order(struct es_apps_store *store, yyjson_val *ids, char *error, size_t cap) {
	return true;
}

bool apps_store_set_cover(struct es_apps_store *store, uint32_t id, const void *data, size_t size,
		char *error, size_t cap) {
	return true;
}

bool settings_store_has(const struct es_settings_store *store, const char *name) {
	return name[0] == 'f';
}

bool settings_store_change(
		struct es_settings_store *store, yyjson_val *change, char *error, size_t cap) {
	return true;
}

void settings_store_undo(struct es_settings_store *store) {
}

static bool reload(void *serve, char *error, size_t cap) {
	snprintf(error, cap, "a \xff mistake");
	return false;
}

static void drain(void *serve) {
}

static bool is_draining(void *serve) {
	return true;
}

void plays_forget(struct es_plays *plays, void *data) {
}

void plays_revoke(struct es_plays *plays, uint32_t client_id) {
}

void gamestream_revoke(struct es_gamestream *gamestream) {
}

size_t clients_count(const struct es_clients *clients) {
	return 0;
}

const struct es_client *clients_find(const struct es_clients *clients, uint32_t id) {
	static const struct es_client client = {.id = 1, .name = "\x1b\xff", .role = ES_ROLE_VIEW};
	return id == 1 ? &client : NULL;
}

const struct es_client *clients_at(const struct es_clients *clients, size_t index) {
	return NULL;
}

bool clients_change(struct es_clients *clients, uint32_t id, const struct es_client_change *change,
		char *error, size_t cap) {
	snprintf(error, cap, "'%s' cannot be", change->name != NULL ? change->name : "nothing");
	return change->name == NULL && (change->keyboard == NULL || change->keyboard[0] == '\0');
}

void plays_set_keyboard(struct es_plays *plays, uint32_t client_id, const char *layout) {
}

void plays_set_clipboard(struct es_plays *plays, uint32_t client_id, bool clipboard) {
}

bool clients_revoke(struct es_clients *clients, uint32_t id, char *error, size_t cap) {
	return true;
}

// --- the check

static void on_answer(void *data, const struct es_api_answer *answer) {
	++*(unsigned *)data;
	require(answer->body != NULL && answer->size > 0, "no answer");
	if (strcmp(answer->type, "application/json") != 0) {
		free(answer->body);
		return;
	}
	for (size_t i = 0; i < answer->size; i++) {
		require(answer->body[i] >= ' ' && answer->body[i] <= '~', "not printable");
	}
	yyjson_doc *doc = yyjson_read(answer->body, answer->size, 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	require(yyjson_is_obj(root), "no JSON");
	require((answer->status == 200) == (yyjson_obj_get(root, "error") == NULL), "no reason");
	require((answer->status == 405) == (answer->allow != NULL), "no methods");
	yyjson_doc_free(doc);
	free(answer->body);
}

// Takes the bytes up to one of `ends` off; a copy as a text.
static char *take_word(const uint8_t **data, size_t *size, const char *ends) {
	size_t n = 0;
	while (n < *size && (*data)[n] != 0 && strchr(ends, (*data)[n]) == NULL) {
		n++;
	}
	char *word = malloc(n + 1);
	require(word != NULL, "no memory");
	memcpy(word, *data, n);
	word[n] = '\0';
	n += n < *size ? 1 : 0;
	*data += n;
	*size -= n;
	return word;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static char *command[] = {(char *)"\xff\n", NULL};
	static struct es_app app = {
			.id = 1, .title = (char *)"a", .command = command, .env = command, .made_here = true};
	static const struct es_settings settings = {
			.name = (char *)"box",
			.address = (char *)"",
			.keyboard = (char *)"",
			.encoder = (char *)"",
			.gpu = (char *)"",
			.apps = &app,
			.n_apps = 1,
	};
	static const struct es_identity identity;
	static const struct es_ports ports = {.http = 1};
	struct es_api_busy busy = {0};
	const struct es_api_host host = {
			.settings = &settings,
			.identity = &identity,
			.unique_id = "0123",
			.ports = &ports,
			.busy = &busy,
			.drain = drain,
			.draining = is_draining,
			.reload = reload,
	};
	unsigned answers = 0;
	if (size == 0) {
		return 0;
	}
	unsigned who = *data++;
	size--;
	char *method = take_word(&data, &size, " \n"), *target = take_word(&data, &size, "\n");
	struct es_api_call call = {
			.host = &host,
			.method = method,
			.target = target,
			.body = size > 0 ? data : NULL,
			.body_size = size,
			.role = who % 4,
			.confirmed = (who & 4) != 0,
			.answer = on_answer,
			.data = &answers,
	};
	api_handle(&call);
	free(method);
	free(target);
	require(answers == 1 && !call.waits, "not one answer");
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char *const seeds[] = {
			"7POST /api/v1/pairings/2/accept\n{\"pin\":\"1234\"}",
			"7PATCH /api/v1/clients/1\n{\"name\":\"a\\u001bb\",\"legacy\":true,\"keyboard\":\"\"}",
			"7DELETE /api/v1/clients/1\n",
			"6DELETE /api/v1/sessions\n",
			"1GET /api/v1/pairings\n",
			"7GET /api/v1/apps?a=%20b&c\n",
			"7GET /api/v1/status\n",
			"3GET /api/v1/log?limit=2&level=warn\n",
			"3GET /api/v1/doctor\n",
			"7POST /api/v1/apps\n{\"title\":\"a\",\"command\":[\"b\"],\"gamepad\":\"xbox\"}",
			"7PATCH /api/v1/apps/1\n{\"env\":[\"A=b\"]}",
			"7POST /api/v1/apps/order\n{\"ids\":[1]}",
			"7PUT /api/v1/apps/1/cover\n\xff\xd8\xff\xe0",
			"7GET /api/v1/apps/1/cover\n",
			"7GET /api/v1/settings\n",
			"7POST /api/v1/sessions\n{\"app\":1,\"width\":1280,\"height\":720,\"codec\":\"h264\"}",
			"7PATCH /api/v1/sessions/2\n{\"bitrate_kbps\":2000}",
			"7POST /api/v1/sessions/2/idr\n",
			"5GET /api/v1/sessions/2/stats\n",
			"7PATCH /api/v1/settings\n{\"fec\":\"3\",\"idle\":null}",
			"7BREW /api/v1/help\n",
	};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[index]) > cap) {
		return 0;
	}
	memcpy(out, seeds[index], strlen(seeds[index]));
	return strlen(seeds[index]);
}
