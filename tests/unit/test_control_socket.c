// The operator's door: its routes, and peers that are slow, hostile or gone. The pairing desk, the
// sessions and the doors for clients are stand-ins that note what was asked of them.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/clients.h"
#include "host/clients_file.h"
#include "host/control_path.h"
#include "host/control_socket.h"
#include "host/gamestream.h"
#include "host/news.h"
#include "host/pairing_desk.h"
#include "host/play.h"
#include "host/settings.h"
#include "host/state_file.h"
#include "tests/unit/api_peers.h"

#define ROUNDS 400
#define ASK_STATUS "{\"method\":\"GET\",\"path\":\"/api/v1/status\"}"

// --- the host of a test

struct fixture {
	char folder[64], state_path[96];
	int state_fd;
	sd_event *event;
	struct es_settings settings;
	struct es_app app;
	struct es_clients *clients;
	struct es_control_socket *socket;
	struct es_api_host host;
};

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	static char program[] = "/bin/game", option[] = "--fast", name[] = "box",
				title[] = "A \"game\"";
	static char *command[] = {program, option, NULL};
	char error[512];
	memset(&desk, 0, sizeof(desk));
	memset(&plays, 0, sizeof(plays));
	snprintf(f->folder, sizeof(f->folder), "/tmp/es-control-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	assert_int_equal(setenv("XDG_RUNTIME_DIR", f->folder, 1), 0);
	snprintf(f->state_path, sizeof(f->state_path), "%s/state", f->folder);
	f->state_fd = state_dir_open_at(f->state_path, error, sizeof(error));
	f->clients = clients_load(f->state_fd, error, sizeof(error));
	assert_non_null(f->clients);
	assert_int_equal(sd_event_new(&f->event), 0);
	f->app = (struct es_app){.id = 7, .title = title, .command = command};
	f->settings = (struct es_settings){.name = name, .apps = &f->app, .n_apps = 1};
	f->host = (struct es_api_host){
			.event = f->event, .settings = &f->settings, .clients = f->clients};
	f->socket = control_socket_create(&f->host);
	assert_non_null(f->socket);
	*state = f;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;
	control_socket_destroy(f->socket);
	clients_destroy(f->clients);
	unlinkat(f->state_fd, ES_CLIENTS_FILE, 0);
	fd_close(&f->state_fd);
	sd_event_unref(f->event);
	rmdir(f->state_path);
	char ours[96];
	snprintf(ours, sizeof(ours), "%s/earthshine", f->folder);
	assert_int_equal(rmdir(ours), 0); // so the socket is gone
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static int connect_peer(void) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char error[256];
	assert_true(control_path(address.sun_path, sizeof(address.sun_path), error, sizeof(error)));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text) {
	assert_true(fd_write_all(fd, text, strlen(text)));
}

// Lets the host work until it has nothing more to do at once.
static void settle(struct fixture *f) {
	for (int i = 0; i < ROUNDS && sd_event_run(f->event, 0) > 0; i++) {
	}
}

// Lets the host work until a whole line has come; "" if the connection ends instead.
static const char *hear(struct fixture *f, int fd) {
	static char line[65536];
	size_t n = 0;
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t got = read(fd, line + n, 1);
		while (got == 1 && line[n] != '\n' && n + 2 < sizeof(line)) {
			n++;
			got = read(fd, line + n, 1);
		}
		if (got == 1) {
			line[n] = '\0';
			return line;
		}
		if (got == 0 || (got < 0 && errno == ECONNRESET)) {
			return "";
		}
		assert_int_equal(errno, EAGAIN);
		sd_event_run(f->event, 10000);
	}
	fail_msg("no answer");
	return NULL;
}

static const char *ask(struct fixture *f, const char *text) {
	int fd = connect_peer();
	say(fd, text);
	say(fd, "\n");
	const char *line = hear(f, fd);
	close(fd);
	settle(f);
	return line;
}

// One request; body NULL: none.
static const char *request(
		struct fixture *f, const char *method, const char *path, const char *body) {
	char line[1024];
	snprintf(line, sizeof(line), "{\"method\":\"%s\",\"path\":\"/api/v1%s\"%s%s}", method, path,
			body != NULL ? ",\"body\":" : "", body != NULL ? body : "");
	return ask(f, line);
}

static void expect(const char *line, const char *word) {
	if (strstr(line, word) == NULL) {
		fail_msg("no '%s' in: %s", word, line);
	}
}

static void add_client(struct fixture *f, const char *name) {
	struct es_identity *identity = calloc(1, sizeof(*identity));
	char error[256];
	uint32_t id;
	assert_true(identity_generate(identity, "x"));
	assert_true(clients_add(f->clients, &identity->cert, name, &id, error, sizeof(error)));
	free(identity);
}

// --- tests

static void test_lists(void **state) {
	struct fixture *f = *state;
	expect(request(f, "GET", "/status", NULL), "\"name\":\"box\"");
	expect(request(f, "GET", "/help", NULL), "\"path\":\"/api/v1/clients/{id}\"");
	expect(request(f, "GET", "/apps", NULL),
			"\"apps\":[{\"id\":7,\"title\":\"A \\\"game\\\"\",\"private\":false,"
			"\"command\":[\"/bin/game\",\"--fast\"],");
	expect(request(f, "GET", "/sessions", NULL), "\"sessions\":[]");
	desk.n_infos = 1;
	desk.infos[0] = (struct es_pairing_info){.id = 3,
			.name = "bad\x1b[2J\xff",
			.address = "192.0.2.7",
			.seconds_left = 61,
			.waits_for_pin = true};
	expect(request(f, "GET", "/pairings", NULL),
			"[{\"id\":3,\"name\":\"bad\\\\x1b[2J\\\\xff\",\"address\":\"192.0.2.7\","
			"\"seconds_left\":61,\"waits_for_pin\":true}]");
}

static void test_sessions(void **state) {
	struct fixture *f = *state;
	static const struct es_display_stats display = {.committed = 11};
	static const struct es_encode_stats encode = {.idr_made = 2};
	static const struct es_stream_stats stream = {.units_new = 10};
	plays.n = 1;
	plays.info = (struct es_play_info){.id = 5,
			.state = ES_PLAY_PLAYING,
			.app_id = 7,
			.app_title = "Game",
			.client_name = "D\xc3\xa4"
						   "ck",
			.mode = {.width = 1280, .height = 800, .refresh_mhz = 59940},
			.encoder = "x264",
			.display_stats = &display,
			.encode_stats = &encode,
			.stream_stats = &stream};
	const char *line = request(f, "GET", "/sessions", NULL);
	expect(line, "{\"id\":5,\"state\":\"playing\",\"app\":7,\"title\":\"Game\",");
	expect(line, "\"client\":\"D\\u00E4ck\",\"width\":1280,\"height\":800,\"refresh_mhz\":59940,");
	expect(line, "\"encoder\":\"x264\",\"codec\":\"h264\"");
	expect(line, "\"committed\":11");
	expect(line, "\"frames_new\":10");
	expect(line, "\"idr_made\":2");
}

static void test_clients(void **state) {
	struct fixture *f = *state;
	add_client(f, "Deck");
	add_client(f, "TV");
	expect(request(f, "GET", "/clients", NULL), "{\"id\":1,\"name\":\"Deck\",\"paired_at\":");
	expect(request(f, "PATCH", "/clients/1", "{\"name\":\"Mine\"}"), "\"status\":200");
	assert_string_equal(clients_find(f->clients, 1)->name, "Mine");
	expect(request(f, "PATCH", "/clients/2", "{\"legacy\":true,\"keyboard\":\"de\"}"),
			"\"status\":200");
	assert_true(clients_find(f->clients, 2)->legacy);
	assert_int_equal(plays.layout_of, 2);
	expect(request(f, "PATCH", "/clients/2", "{\"clipboard\":true}"), "\"clipboard\":true");
	assert_true(clients_find(f->clients, 2)->clipboard);
	assert_int_equal(plays.clipboard_of, 2);
	expect(request(f, "GET", "/clients", NULL), "\"keyboard\":\"de\"");
	expect(request(f, "DELETE", "/clients/2", NULL), "{\"status\":200,\"body\":{}}");
	assert_null(clients_find(f->clients, 2));
	assert_int_equal(plays.revoked, 2);
	assert_int_equal(plays.doors_closed, 1);
	expect(request(f, "DELETE", "/clients/2", NULL), "no client 2");
	assert_int_equal(plays.doors_closed, 1);
}

static void test_bad_lines(void **state) {
	struct fixture *f = *state;
	static const struct {
		const char *text, *word;
	} cases[] = {
			{"", "one line"},
			{"nonsense", "one line"},
			{"[]", "one line"},
			{"{}", "one line"},
			{"{\"method\":7,\"path\":\"/api/v1/apps\"}", "one line"},
			{"{\"method\":\"GET\",\"path\":\"/api/v1/a\\u001b\\u0000\"}", "one line"},
			{"{\"method\":\"GET\",\"path\":\"/api/v1/zz\\u001b[2J\"}", "zz\\\\x1b[2J"},
			{"{\"method\":\"GET\",\"path\":\"/api/v1/app\"}", "did you mean '/api/v1/apps'"},
			{"{\"method\":\"POST\",\"path\":\"/api/v1/pair\",\"body\":[]}", "one line"},
			{"{\"method\":\"POST\",\"path\":\"/api/v1/pair\"}", "'pin' is missing"},
			{"{\"method\":\"DELETE\",\"path\":\"/api/v1/sessions\"}", "no session runs"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *line = ask(f, cases[i].text);
		expect(line, "{\"status\":4");
		expect(line, cases[i].word);
	}
	char *long_line = malloc(40000);
	memset(long_line, 'a', 39999);
	long_line[39999] = '\0';
	int fd = connect_peer();
	say(fd, long_line);
	free(long_line);
	expect(hear(f, fd), "too long");
	assert_string_equal(hear(f, fd), ""); // and it is closed
	close(fd);
}

static void test_pair(void **state) {
	struct fixture *f = *state;
	static const struct {
		enum es_pairing_result result;
		const char *text, *word;
	} cases[] = {
			{ES_PAIRING_PAIRED, "", "{\"status\":200,\"body\":{\"result\":\"paired\"}}"},
			{ES_PAIRING_WRONG_PIN, "",
					"{\"status\":409,\"body\":{\"result\":\"wrong-pin\",\"error\":"},
			{ES_PAIRING_FAILED, "its certificate is bad", "its certificate is bad"},
			{ES_PAIRING_EXPIRED, "", "\"result\":\"expired\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = connect_peer();
		// The next line waits its turn; half-closed is not gone.
		say(fd,
				"{\"method\":\"POST\",\"path\":\"/api/v1/pairings/4/accept\",\"body\":{\"pin\":\"0123\"}}\n" ASK_STATUS
				"\n");
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		settle(f);
		char c;
		assert_int_equal(read(fd, &c, 1), -1);
		assert_int_equal(desk.pin_id, 4);
		assert_string_equal(desk.pin, "0123");
		assert_null(desk.forgotten);
		desk.done(desk.done_data, cases[i].result, cases[i].text);
		expect(hear(f, fd), cases[i].word);
		expect(hear(f, fd), "\"version\"");
		assert_string_equal(hear(f, fd), "");
		close(fd);
	}
}

static void test_asker_goes(void **state) {
	struct fixture *f = *state;
	int fd = connect_peer();
	say(fd, "{\"method\":\"POST\",\"path\":\"/api/v1/pair\",\"body\":{\"pin\":\"0123\"}}\n");
	settle(f);
	assert_int_equal(desk.pin_id, 0);
	assert_non_null(desk.done);
	close(fd);
	settle(f);
	assert_ptr_equal(desk.forgotten, desk.done_data);
	fd = connect_peer();
	plays.n = 1;
	say(fd, "{\"method\":\"DELETE\",\"path\":\"/api/v1/sessions/3\"}\n");
	settle(f);
	assert_int_equal(plays.stop_id, 3);
	plays.done(plays.done_data, true);
	expect(hear(f, fd), "{\"status\":200,\"body\":{}}");
	plays.at_once = true;
	say(fd, "{\"method\":\"DELETE\",\"path\":\"/api/v1/sessions\"}\n");
	expect(hear(f, fd), "{\"status\":200,\"body\":{}}");
	assert_int_equal(plays.stop_id, 0);
	close(fd);
}

// Peers that send half a line, or do not read, cost nobody else anything; more than there is room for
// wait for their turn.
static void test_slow_and_many(void **state) {
	struct fixture *f = *state;
	int fds[20];
	for (int i = 0; i < 20; i++) {
		fds[i] = connect_peer();
		say(fds[i], "{\"method\":\"GET\",\"path\":\"/api/v1");
		settle(f);
	}
	int blocked = fds[0];
	static const char ask_help[] = "{\"method\":\"GET\",\"path\":\"/api/v1/help\"}\n";
	say(blocked, "/help\"}\n");
	for (int i = 0; i < 3000; i++) { // never reads; the host must not wait for it
		if (write(blocked, ask_help, sizeof(ask_help) - 1) < 0) {
			break;
		}
		settle(f);
	}
	say(fds[7], "/status\"}\n");
	expect(hear(f, fds[7]), "\"version\"");
	say(fds[19], "/status\"}\n");
	settle(f);
	char c;
	assert_int_equal(read(fds[19], &c, 1), -1); // is not one of the sixteen
	for (int i = 0; i < 19; i++) {
		close(fds[i]);
	}
	expect(hear(f, fds[19]), "\"version\"");
	close(fds[19]);
	settle(f);
}

static void test_one_host(void **state) {
	struct fixture *f = *state;
	char path[100], error[256];
	struct stat st;
	assert_true(control_path(path, sizeof(path), error, sizeof(error)));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(control_socket_create(&f->host));
	expect(request(f, "GET", "/status", NULL), "\"version\""); // the first one lives on
	// What a host that was killed has left there is replaced.
	control_socket_destroy(f->socket);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	close(dead);
	f->socket = control_socket_create(&f->host);
	assert_non_null(f->socket);
	expect(request(f, "GET", "/status", NULL), "\"version\"");
	// A folder that others can write is no place for it.
	control_socket_destroy(f->socket);
	*strrchr(path, '/') = '\0';
	assert_int_equal(chmod(path, 0777), 0);
	f->socket = control_socket_create(&f->host);
	assert_null(f->socket);
	assert_int_equal(chmod(path, 0700), 0);
}

int main(void) {
	log_init("test", ES_LOG_ERROR);
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_sessions, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_clients, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_bad_lines, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_pair, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_asker_goes, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_slow_and_many, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_one_host, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
