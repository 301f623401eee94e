// The table of routes: what every one of them asks of who uses it, and what it takes and gives. What
// stands behind them are stand-ins; the clients, the apps and the settings are the real ones.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/api_route.h"
#include "host/apps_store.h"
#include "host/clients.h"
#include "host/clients_file.h"
#include "host/events.h"
#include "host/gamestream.h"
#include "host/log_ring.h"
#include "host/login.h"
#include "host/recorder.h"
#include "host/settings.h"
#include "host/settings_parse.h"
#include "host/settings_store.h"
#include "host/state_file.h"
#include "tests/unit/api_peers.h"
#include "tests/unit/check_schema.h"

struct fixture {
	char folder[64];
	struct es_identity *identity;
	struct es_settings *settings;
	struct es_clients *clients;
	struct es_ports ports;
	struct es_api_busy busy;
	struct es_api_host host;
	bool drains, config_is_broken;
	// the last answer
	unsigned status, answers;
	char type[32], allow[64];
	char *body;
	size_t size;
};

// --- the host of a test

static const char config[] = "fec 30\napp \"Theirs\" {\n\tcommand true\n}\n";

static void drain(void *serve) {
	((struct fixture *)serve)->drains = true;
}

static bool is_draining(void *serve) {
	return ((struct fixture *)serve)->drains;
}

static void load(struct fixture *f) {
	char error[512];
	struct es_settings *fresh =
			settings_parse(config, sizeof(config) - 1, "config", error, sizeof(error));
	assert_non_null(fresh);
	settings_store_merge(f->host.settings_store, fresh);
	apps_store_merge(f->host.apps, fresh);
	settings_destroy(f->settings);
	f->host.settings = f->settings = fresh;
}

static bool reload(void *serve, char *error, size_t cap) {
	struct fixture *f = serve;
	if (f->config_is_broken) {
		snprintf(error, cap, "line 7");
		return false;
	}
	load(f);
	return true;
}

static void open_stores(struct fixture *f) {
	char error[512];
	f->clients = clients_load(f->host.state_fd, error, sizeof(error));
	f->host.clients = f->clients;
	f->host.apps = apps_store_load(f->host.state_fd, error, sizeof(error));
	f->host.settings_store = settings_store_load(f->host.state_fd, error, sizeof(error));
	assert_non_null(f->clients);
	assert_non_null(f->host.apps);
	assert_non_null(f->host.settings_store);
	load(f);
}

static void close_stores(struct fixture *f) {
	clients_destroy(f->clients);
	apps_store_destroy(f->host.apps);
	settings_store_destroy(f->host.settings_store);
}

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	char error[512];
	memset(&desk, 0, sizeof(desk));
	memset(&plays, 0, sizeof(plays));
	snprintf(f->folder, sizeof(f->folder), "/tmp/es-api-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->identity = calloc(1, sizeof(*f->identity));
	f->ports.http = 47989;
	f->host = (struct es_api_host){
			.identity = f->identity,
			.unique_id = "0123456789ABCDEF",
			.ports = &f->ports,
			.busy = &f->busy,
			.log = log_ring_create(),
			.state_fd = state_dir_open_at(f->folder, error, sizeof(error)),
			.drain = drain,
			.draining = is_draining,
			.reload = reload,
			.serve = f,
	};
	open_stores(f);
	*state = f;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;
	static const char *const files[] = {
			ES_CLIENTS_FILE, ES_APPS_FILE, ES_SETTINGS_FILE, "cover-1000001"};
	close_stores(f);
	settings_destroy(f->settings);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		unlinkat(f->host.state_fd, files[i], 0);
	}
	fd_close(&f->host.state_fd);
	assert_int_equal(rmdir(f->folder), 0);
	log_ring_destroy(f->host.log);
	free(f->identity);
	free(f->body);
	free(f);
	return 0;
}

// --- asking

static void on_answer(void *data, const struct es_api_answer *answer) {
	struct fixture *f = data;
	free(f->body);
	f->status = answer->status;
	f->answers++;
	snprintf(f->type, sizeof(f->type), "%s", answer->type);
	snprintf(f->allow, sizeof(f->allow), "%s", answer->allow != NULL ? answer->allow : "");
	f->size = answer->size;
	f->body = malloc(answer->size + 1);
	memcpy(f->body, answer->body, answer->size);
	f->body[answer->size] = '\0';
	free(answer->body);
}

static struct es_api_call begin_call(
		struct fixture *f, const char *method, const char *target, const char *body) {
	return (struct es_api_call){
			.host = &f->host,
			.method = method,
			.target = target,
			.body = body,
			.body_size = body != NULL ? strlen(body) : 0,
			.role = ES_ROLE_ADMIN,
			.confirmed = true,
			.answer = on_answer,
			.data = f,
	};
}

// As an admin, below the root; the answer must be there at once, with that status.
static const char *ask(struct fixture *f, const char *method, const char *path, const char *body,
		unsigned status) {
	char target[256];
	snprintf(target, sizeof(target), ES_API_ROOT "%s", path);
	struct es_api_call call = begin_call(f, method, target, body);
	f->answers = 0;
	api_handle(&call);
	assert_int_equal(f->answers, 1);
	assert_false(call.waits);
	if (f->status != status) {
		fail_msg("%s %s: %u %s", method, path, f->status, f->body);
	}
	return f->body;
}

static void expect(const char *text, const char *word) {
	if (strstr(text, word) == NULL) {
		fail_msg("no '%s' in: %s", word, text);
	}
}

// --- the table

static void fill_path(const struct es_route *route, char *out, size_t cap) {
	const char *brace = strchr(route->path, '{'), *end = strchr(route->path, '}');
	if (brace == NULL) {
		snprintf(out, cap, ES_API_ROOT "%s", route->path);
	} else {
		snprintf(out, cap, ES_API_ROOT "%.*s%s%s", (int)(brace - route->path), route->path,
				strncmp(brace, "{id}", 4) == 0 ? "4000000000" : "none", end + 1);
	}
}

static void check_fields(const struct es_route *route, const struct es_api_field *fields) {
	for (const struct es_api_field *f = fields; f != NULL && f->name != NULL; f++) {
		bool text = f->type == ES_API_TEXT && f->words == NULL;
		bool ok = f->help != NULL && f->help[0] != '\0' && f->type != ES_API_ANY &&
				f->type != ES_API_OBJECT && f->type != ES_API_OBJECTS && f->type != ES_API_REAL &&
				(f->type == ES_API_BOOL || f->max > 0) && (!text || f->max <= 4096);
		if (!ok) {
			fail_msg("%s %s: '%s' has no help, no limit, or a type of answers alone", route->method,
					route->path, f->name);
		}
	}
}

// What a stranger may have is said here too: a new line in the table is no accident.
static bool is_public(const struct es_route *route) {
	static const char *const paths[] = {
			"/info", "/help", "/openapi.json", "/login", "/logout", "/me", "/password"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(route->path, paths[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void test_table(void **state) {
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	const struct es_route *route, *other;
	for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
		bool known = false;
		for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++) {
			known = known || strcmp(route->method, methods[m]) == 0;
		}
		if (!known || route->path[0] != '/' || route->help == NULL || route->help[0] == '\0' ||
				(route->role == ES_ROLE_NONE) != is_public(route)) {
			fail_msg("%s %s: method, path, role or help is missing", route->method, route->path);
		}
		if (route->handle == NULL && strcmp(route->method, "GET") != 0) {
			fail_msg("%s %s has no handler", route->method, route->path);
		}
		check_fields(route, route->fields);
		for (size_t j = 0; j < i; j++) {
			other = api_route_at(j);
			if (strcmp(other->method, route->method) == 0 &&
					strcmp(other->path, route->path) == 0) {
				fail_msg("%s %s is there twice", route->method, route->path);
			}
		}
	}
	assert_true(api_route_at(0) != NULL);
}

// Every route with every role, with and without the password given again: refused before anything is
// read of the request, or not refused for that.
static void test_roles(void **state) {
	struct fixture *f = *state;
	const struct es_route *route;
	char target[128];
	for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
		fill_path(route, target, sizeof(target));
		for (int role = ES_ROLE_NONE; role <= ES_ROLE_ADMIN; role++) {
			for (int confirmed = 0; confirmed < 2; confirmed++) {
				// Allowed is only what is broken for another reason: nothing is done here.
				struct es_api_call call = begin_call(f, route->method, target, "{\"\":");
				call.role = (enum es_role)role;
				call.confirmed = confirmed != 0;
				f->answers = 0;
				api_handle(&call);
				bool low = call.role < route->role, asks = !low && route->confirm && !confirmed;
				unsigned want = low ? (role == ES_ROLE_NONE ? 401 : 403) : asks ? 403 : 0;
				bool refused = f->status == 401 || f->status == 403;
				if (f->answers != 1 || (want != 0 ? f->status != want : refused) ||
						(strstr(f->body, "\"confirm\":true") != NULL) != asks) {
					fail_msg("%s %s as %s: %u %s", route->method, target,
							role_name((enum es_role)role), f->status, f->body);
				}
			}
		}
	}
}

static void test_paths(void **state) {
	struct fixture *f = *state;
	static const struct {
		const char *method, *path, *word;
		unsigned status;
	} cases[] = {
			{"GET", "/app", "did you mean '/api/v1/apps'?", 404},
			{"GET", "/sessions/0", "nothing at", 404},
			{"GET", "/sessions/4294967296", "nothing at", 404},
			{"GET", "/sessions/1x", "nothing at", 404},
			{"GET", "/sessions/../apps", "nothing at", 404},
			{"GET", "/sessions//1", "nothing at", 404},
			{"GET", "/apps/", "nothing at", 404},
			{"GET", "", "nothing at", 404},
			{"get", "/apps", "takes GET, POST", 405},
			{"DELETE", "/status", "takes GET", 405},
			{"GET", "/apps?x=1", "'x' is not taken", 400},
			{"GET", "/log?limit=0", "'limit' is not a whole number from 1", 400},
			{"GET", "/log?limit=1&limit=2", "twice", 400},
			{"GET", "/log?level=loud", "one of 'error'", 400},
			{"GET", "/log?level=%", "cannot be read", 400},
			{"GET", "/log?level=%ff", "cannot be read", 400},
			{"GET", "/log?level=a%00b", "cannot be read", 400},
			{"GET", "/log?limt=1", "did you mean 'limit'?", 400},
			{"GET", "/events", "over HTTPS only", 426},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect(ask(f, cases[i].method, cases[i].path, NULL, cases[i].status), cases[i].word);
		assert_int_equal(f->allow[0] != '\0', cases[i].status == 405);
	}
	struct es_api_call call = begin_call(f, "GET", "/api/v2/apps", NULL);
	api_handle(&call);
	assert_int_equal(f->status, 404);
	struct es_api_demand demand;
	assert_true(api_demand("GET", "/api/v1/sessions/7/player?x", &demand));
	assert_true(demand.streams);
	assert_int_equal(demand.id, 7);
	assert_int_equal(demand.role, ES_ROLE_PLAY);
	assert_false(api_demand("POST", "/api/v1/sessions/7/player", &demand));
}

static void test_bodies(void **state) {
	struct fixture *f = *state;
	static const struct {
		const char *method, *path, *body, *word;
		unsigned status;
	} cases[] = {
			{"POST", "/pair", NULL, "'pin' is missing", 400},
			{"POST", "/pair", "{", "no JSON", 400},
			{"POST", "/pair", "[]", "not a JSON object", 400},
			{"POST", "/pair", "{\"pin\":1234}", "'pin' is not a text", 400},
			{"POST", "/pair", "{\"pin\":\"12345\"}", "4 to 4 bytes", 400},
			{"POST", "/pair", "{\"pin\":\"12\\u00004\"}", "'pin' is not a text", 400},
			{"POST", "/pair", "{\"pin\":\"1234\",\"pin\":\"1235\"}", "twice", 400},
			{"POST", "/pair", "{\"pim\":\"1234\"}", "did you mean 'pin'?", 400},
			{"POST", "/drain", "{\"now\":true}", "'now' is not taken", 400},
			{"DELETE", "/clients/1", "{}", "has no body", 400},
			{"PATCH", "/clients/1", "{\"legacy\":1}", "true or false", 400},
			{"PATCH", "/clients/1", "{\"role\":\"king\"}", "one of 'view', 'play'", 400},
			{"POST", "/apps", "{\"title\":\"x\",\"command\":[]}", "a list of 1 to", 400},
			{"POST", "/apps", "{\"title\":\"x\",\"command\":[1]}", "a list of 1 to", 400},
			{"POST", "/apps", "{\"title\":\"x\",\"command\":\"sh -c ls\"}", "a list of", 400},
			{"POST", "/apps", "{\"title\":\"\",\"command\":[\"a\"]}", "'title'", 400},
			{"POST", "/apps/order", "{\"ids\":[0]}", "numbers from 1", 400},
			{"POST", "/apps/order", "{\"ids\":[99]}", "no app 99", 404},
			{"PUT", "/apps/1/cover", "GIF89a...", "stands in the configuration", 409},
			{"POST", "/sessions", "{\"app\":1,\"width\":1,\"height\":720}", "'width'", 400},
			{"POST", "/sessions", "{\"app\":9,\"width\":640,\"height\":360}", "no app 9", 404},
			{"POST", "/sessions", "{\"app\":1,\"width\":640,\"height\":360}", "no room", 503},
			{"PATCH", "/sessions/1", "{\"bitrate_kbps\":1e3}", "'bitrate_kbps'", 400},
			{"PATCH", "/sessions/1", "{\"bitrate_kbps\":5000}", "no session 1", 404},
			{"POST", "/sessions/1/idr", NULL, "no session 1", 404},
			{"GET", "/sessions/1/stats", NULL, "no session 1", 404},
			{"PATCH", "/settings", "{\"fec\":\"1\"}", "is set by the file", 409},
			{"PATCH", "/settings", "{\"idle\":\"soon\"}", "nor never", 400},
			{"PATCH", "/settings", "{\"port\":\"1\"}", "unknown field 'port'", 400},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect(ask(f, cases[i].method, cases[i].path, cases[i].body, cases[i].status),
				cases[i].word);
	}
	char *large = malloc(ES_API_JSON_MAX + 2);
	memset(large, ' ', ES_API_JSON_MAX + 1);
	large[ES_API_JSON_MAX + 1] = '\0';
	ask(f, "POST", "/pair", large, 413);
	free(large);
}

// --- what they do

static void test_apps(void **state) {
	struct fixture *f = *state;
	ask(f, "POST", "/apps",
			"{\"title\":\"Mine\",\"command\":[\"sh\",\"-c\",\"; $(x)\\n\"],\"env\":[\"A=b\"]}",
			200);
	expect(f->body, "\"id\":1000001,\"title\":\"Mine\"");
	expect(f->body, "[\"sh\",\"-c\",\"; $(x)\\n\"]"); // words, never a line for a shell
	assert_true((plays.told & 1U << ES_EVENT_APPS) != 0);
	const struct es_app *app = settings_find_app(f->settings, 1000001);
	assert_string_equal(app->command[2], "; $(x)\n");
	ask(f, "PATCH", "/apps/1000001", "{\"keyboard\":\"a b\"}", 400);
	ask(f, "PATCH", "/apps/1000001", "{\"keyboard\":\"de\",\"gamepad\":\"xbox\"}", 200);
	ask(f, "PATCH", "/apps/1000001", "{\"keyboard\":\"\",\"title\":\"Ours\",\"contain\":false}",
			200);
	expect(f->body, "\"title\":\"Ours\"");
	expect(f->body, "\"keyboard\":\"\",\"gamepad\":\"xbox\"");
	assert_true(settings_find_app(f->settings, 1000001)->is_free);
	expect(ask(f, "POST", "/apps/order", "{\"ids\":[1000001]}", 200), "{\"apps\":[{\"id\":1000001");
	expect(ask(f, "PATCH", "/apps/1", "{\"title\":\"x\"}", 409), "configuration");
	// All of it is there after the next start.
	close_stores(f);
	open_stores(f);
	expect(ask(f, "GET", "/apps", NULL, 200), "{\"apps\":[{\"id\":1000001,\"title\":\"Ours\"");
	// Who may not change it does not see what may be secret.
	struct es_api_call call = begin_call(f, "GET", ES_API_ROOT "/apps", NULL);
	call.role = ES_ROLE_PLAY;
	api_handle(&call);
	assert_null(strstr(f->body, "A=b"));
	assert_null(strstr(f->body, "command"));
	ask(f, "PUT", "/apps/1000001/cover", "no picture at all", 415);
	ask(f, "PUT", "/apps/1000001/cover", "\xff\xd8\xff\xe0JPEG", 200);
	expect(f->body, "\"cover\":true");
	ask(f, "GET", "/apps/1000001/cover", NULL, 200);
	assert_string_equal(f->type, "image/jpeg");
	assert_string_equal(f->body, "\xff\xd8\xff\xe0JPEG");
	ask(f, "GET", "/apps/1/cover", NULL, 200);
	assert_string_equal(f->type, "image/png");
	ask(f, "DELETE", "/apps/1000001", NULL, 200);
	assert_int_equal(faccessat(f->host.state_fd, "cover-1000001", F_OK, 0), -1);
	ask(f, "DELETE", "/apps/1000001", NULL, 404);
	ask(f, "POST", "/apps", "{\"title\":\"Next\",\"command\":[\"true\"]}", 200);
	expect(f->body, "\"id\":1000002"); // never the one that is gone
}

static void test_settings(void **state) {
	struct fixture *f = *state;
	expect(ask(f, "PATCH", "/settings", "{\"idle\":\"90m\",\"sound\":\"no\"}", 200),
			"\"name\":\"idle\",\"value\":\"90m\",\"default\":\"24h\",\"source\":\"console\","
			"\"locked\":false");
	assert_int_equal(f->settings->idle_minutes, 90);
	assert_false(f->settings->sound);
	expect(f->body,
			"\"name\":\"fec\",\"value\":\"30\",\"default\":\"20\",\"source\":\"file\","
			"\"locked\":true");
	close_stores(f);
	open_stores(f);
	assert_int_equal(f->settings->idle_minutes, 90);
	// One mistake, and nothing counts.
	ask(f, "PATCH", "/settings", "{\"idle\":\"2h\",\"encryption\":\"maybe\"}", 400);
	assert_int_equal(f->settings->idle_minutes, 90);
	f->config_is_broken = true;
	expect(ask(f, "PATCH", "/settings", "{\"idle\":\"2h\"}", 409), "line 7");
	f->config_is_broken = false;
	ask(f, "PATCH", "/settings", "{\"idle\":null,\"sound\":\"\"}", 200);
	assert_int_equal(f->settings->idle_minutes, 24 * 60);
	assert_true(f->settings->sound);
}

static void test_clients(void **state) {
	struct fixture *f = *state;
	struct es_identity *identity = calloc(1, sizeof(*identity));
	char error[256];
	uint32_t id;
	assert_true(identity_generate(identity, "x"));
	assert_true(clients_add(f->clients, &identity->cert, "TV", &id, error, sizeof(error)));
	free(identity);
	expect(ask(f, "GET", "/clients", NULL, 200), "\"role\":\"play\"");
	expect(ask(f, "PATCH", "/clients/1", "{\"role\":\"view\"}", 200), "\"role\":\"view\"");
	assert_int_equal(plays.revoked, 1); // what it played ends for it
	// One that cannot be, and nothing else is changed, either.
	expect(ask(f, "PATCH", "/clients/1",
				   "{\"name\":\"x\",\"role\":\"play\",\"keyboard\":\"de;rm\"}", 400),
			"not an xkb layout");
	close_stores(f);
	open_stores(f);
	assert_string_equal(clients_find(f->clients, 1)->name, "TV");
	assert_int_equal(clients_find(f->clients, 1)->role, ES_ROLE_VIEW);
	ask(f, "PATCH", "/clients/2", "{\"role\":\"play\"}", 404);
	ask(f, "DELETE", "/pairings/99", NULL, 404);
	ask(f, "DELETE", "/pairings/3", NULL, 200);
	assert_int_equal(desk.refused_id, 3);
}

static void test_log(void **state) {
	struct fixture *f = *state;
	for (int i = 1; i <= 5; i++) {
		es_log(ES_LOG_ERROR, "line %d \x1b", i);
	}
	ask(f, "GET", "/log?limit=2", NULL, 200);
	expect(f->body, "\"id\":4,");
	expect(f->body, "\"level\":\"error\",\"text\":\"line 5  \"}],\"more\":true");
	expect(ask(f, "GET", "/log?before=2", NULL, 200), "line 1");
	expect(f->body, "\"more\":false");
	assert_null(strstr(f->body, "line 2"));
	assert_null(strstr(ask(f, "GET", "/log?after=3", NULL, 200), "line 3"));
	struct es_log_line line;
	for (int i = 0; i < ES_LOG_RING_LINES; i++) {
		es_log(ES_LOG_ERROR, "more");
	}
	assert_false(log_ring_get(f->host.log, 5, &line));
	assert_true(log_ring_get(f->host.log, 6, &line));
}

static void test_system(void **state) {
	struct fixture *f = *state;
	expect(ask(f, "GET", "/info", NULL, 200), "\"draining\":false");
	ask(f, "POST", "/drain", NULL, 200);
	expect(ask(f, "GET", "/info", NULL, 200), "\"draining\":true");
	f->busy.doctors = 1;
	expect(ask(f, "GET", "/doctor", NULL, 409), "already");
}

// --- what the table says of answers

// A session, and the recording of one, whose id is told.
static void record(struct fixture *f, char id[ES_RECORDING_ID]) {
	static const struct es_display_stats display;
	static const struct es_encode_stats encode;
	static const struct es_stream_stats stream;
	struct es_recorder_state now;
	char error[512];
	plays.n = 1;
	plays.info = (struct es_play_info){.id = 5,
			.state = ES_PLAY_PLAYING,
			.app_id = 1,
			.app_title = "Theirs",
			.client_name = "TV",
			.mode = {.width = 1280, .height = 800, .refresh_mhz = 59940},
			.encoder = "x264",
			.viewer = 1,
			.display_stats = &display,
			.encode_stats = &encode,
			.stream_stats = &stream};
	f->host.recorder = recorder_create(f->host.state_fd, error, sizeof(error));
	assert_non_null(f->host.recorder);
	assert_true(recorder_start(f->host.recorder, false, error, sizeof(error)));
	recorder_take(
			f->host.recorder, &(struct es_window){.info = &plays.info, .end_ns = ES_NS_PER_S});
	recorder_state(f->host.recorder, &now);
	memcpy(id, now.id, ES_RECORDING_ID);
	assert_true(recorder_stop(f->host.recorder));
}

static void fill_host(struct fixture *f, char recording[ES_RECORDING_ID]) {
	struct es_login_token token;
	char error[512], secret[ES_LOGIN_TOKEN_SIZE];
	uint32_t id;
	f->ports.console = 1;
	desk.n_infos = 1;
	assert_true(identity_generate(f->identity, "x"));
	assert_true(clients_add(f->clients, &f->identity->cert, "TV", &id, error, sizeof(error)));
	f->host.login = login_create(f->host.event, f->host.state_fd, error, sizeof(error));
	assert_non_null(f->host.login);
	assert_true(login_make_token(
			f->host.login, "script", ES_ROLE_VIEW, &token, secret, error, sizeof(error)));
	record(f, recording);
	es_log(ES_LOG_ERROR, "a line");
}

static void empty_host(struct fixture *f, const char *recording) {
	static const char *const files[] = {"console.json", "console-setup"};
	login_destroy(f->host.login);
	assert_int_equal(recorder_remove(f->host.recorder, recording), 0);
	recorder_destroy(f->host.recorder);
	assert_int_equal(unlinkat(f->host.state_fd, "recordings", AT_REMOVEDIR), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		unlinkat(f->host.state_fd, files[i], 0);
	}
}

// The path with what the host has; below the root.
static void fill_known(const struct es_route *route, const char *recording, char *out, size_t cap) {
	const char *brace = strchr(route->path, '{'), *end = strchr(route->path, '}');
	if (brace == NULL) {
		snprintf(out, cap, "%s", route->path);
	} else {
		snprintf(out, cap, "%.*s%s%s", (int)(brace - route->path), route->path,
				strncmp(brace, "{id}", 4) == 0 ? "5" : recording, end + 1);
	}
}

static void test_answers(void **state) {
	struct fixture *f = *state;
	char recording[ES_RECORDING_ID], path[128], error[512];
	const struct es_route *route;
	unsigned n = 0;
	assert_true(sd_event_new(&f->host.event) >= 0);
	fill_host(f, recording);
	for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
		// The doctor is a process of its own, and late.
		if (strcmp(route->method, "GET") != 0 || route->answer == NULL ||
				strcmp(route->path, "/doctor") == 0) {
			continue;
		}
		fill_known(route, recording, path, sizeof(path));
		ask(f, "GET", path, NULL, 200);
		yyjson_doc *doc = yyjson_read(f->body, f->size, 0);
		if (!check_schema(route->answer, yyjson_doc_get_root(doc), error, sizeof(error))) {
			fail_msg("GET %s: %s: %s", path, error, f->body);
		}
		yyjson_doc_free(doc);
		n++;
	}
	assert_true(n >= 14);
	empty_host(f, recording);
	sd_event_unref(f->host.event);
}

// --- events

struct ear {
	struct es_events *events;
	struct es_listener *listener;
	char heard[512];
	uint64_t last;
	bool leaves;
};

static void hear(void *data, const struct es_event *event) {
	struct ear *ear = data;
	size_t n = strlen(ear->heard);
	snprintf(ear->heard + n, sizeof(ear->heard) - n, "%s%s ", event_name(event->type), event->json);
	ear->last = event->id;
	if (ear->leaves) {
		events_leave(ear->events, ear->listener);
	}
}

static void test_events(void **state) {
	struct es_events *events = events_create();
	struct ear viewer = {.events = events}, admin = {.events = events}, late = {.events = events};
	viewer.listener = events_listen(events, ES_ROLE_VIEW, 0, hear, &viewer);
	admin.listener = events_listen(events, ES_ROLE_ADMIN, 0, hear, &admin);
	events_publish(events, ES_EVENT_SESSION, "{1}xx", 3);
	events_publish(events, ES_EVENT_PAIRING, "{2}", 3);
	events_publish(events, ES_EVENT_STATS, "{3}", 3);
	assert_string_equal(viewer.heard, "session{1} stats{3} ");
	assert_string_equal(admin.heard, "session{1} pairing{2} stats{3} ");
	// Who was away takes it up where it left; what is told every second is not kept.
	uint64_t before = admin.last - 2;
	late.listener = events_listen(events, ES_ROLE_ADMIN, before, hear, &late);
	assert_string_equal(late.heard, "pairing{2} ");
	events_leave(events, late.listener);
	admin.leaves = true; // in the middle of it
	for (int i = 0; i < 300; i++) {
		events_publish(events, ES_EVENT_APPS, "{}", 2);
	}
	assert_int_equal(events_count_listeners(events), 1);
	// Too long away.
	late.heard[0] = '\0';
	late.listener = events_listen(events, ES_ROLE_ADMIN, before, hear, &late);
	assert_string_equal(late.heard, "reset{} ");
	events_leave(events, late.listener);
	late.heard[0] = '\0';
	late.listener = events_listen(events, ES_ROLE_ADMIN, 7, hear, &late); // another host's number
	assert_string_equal(late.heard, "reset{} ");
	events_leave(events, late.listener);
	events_leave(events, viewer.listener);
	events_destroy(events);
}

int main(void) {
	log_init("test", ES_LOG_ERROR);
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_roles, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_paths, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_bodies, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_apps, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_settings, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_clients, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_log, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_system, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
			cmocka_unit_test(test_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
