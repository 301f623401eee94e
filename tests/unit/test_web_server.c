// The browser's door from outside: requests as bytes, on one thread with the server.
#define _GNU_SOURCE
#include "host/web_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/api_host.h"
#include "host/events.h"
#include "host/http_server.h"

#define MAX_TEXT (1 << 17)

struct fixture {
	char path[64];
	int dir_fd;
	sd_event *event;
	struct es_settings settings;
	char *no_names[1], local[16];
	struct es_login *login;
	struct es_events *events;
	struct es_api_host api;
	struct es_web_server *web;
	struct sockaddr_in address;
	char host[64], token[128];
	char text[MAX_TEXT]; // what a client has received
	size_t size;
	int player_fd;
	uint32_t player_session;
};

static int listen_here(struct sockaddr_in *address) {
	socklen_t size = sizeof(*address);
	*address =
			(struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

static bool admit(void *data, uint32_t session, char *error, size_t cap) {
	snprintf(error, cap, "there is no session %u", session);
	return session == 7;
}

static void on_player(void *data, uint32_t session, int fd, const char *client_name) {
	struct fixture *f = data;
	assert_string_equal(client_name, "browser (127.0.0.1)");
	f->player_session = session;
	f->player_fd = fd;
}

static void put_file(struct fixture *f, const char *name, const char *text) {
	int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd_write_all(fd, text, strlen(text)));
	fd_close(&fd);
}

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	struct es_login_token token;
	char error[1024], secret[ES_LOGIN_TOKEN_SIZE];
	assert_non_null(f);
	snprintf(f->path, sizeof(f->path), "/tmp/es-web-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->dir_fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put_file(f, "index.html", "<!DOCTYPE html><p>hello</p>");
	put_file(f, ".hidden.html", "secret");
	assert_int_equal(symlinkat("/etc/passwd", f->dir_fd, "outside.txt"), 0);
	assert_true(sd_event_new(&f->event) >= 0);
	snprintf(f->local, sizeof(f->local), "127.0.0.1");
	f->settings = (struct es_settings){.address = f->local,
			.name = f->local,
			.console = {.plain = true, .names = f->no_names}};
	f->login = login_create(f->event, f->dir_fd, error, sizeof(error));
	f->events = events_create();
	assert_true(f->login != NULL && f->events != NULL);
	assert_true(
			login_make_token(f->login, "test", ES_ROLE_PLAY, &token, secret, error, sizeof(error)));
	snprintf(f->token, sizeof(f->token), "Authorization: Bearer %s\r\n", secret);
	f->api = (struct es_api_host){
			.event = f->event, .settings = &f->settings, .login = f->login, .events = f->events};
	struct es_web_params params = {.event = f->event,
			.settings = &f->settings,
			.api = &f->api,
			.login = f->login,
			.listen_fd = listen_here(&f->address),
			.root = f->path};
	f->web = web_server_create(&params);
	assert_non_null(f->web);
	const struct es_web_player player = {.admit = admit, .open = on_player, .data = f};
	web_server_on_player(f->web, &player);
	snprintf(f->host, sizeof(f->host), "127.0.0.1:%u", ntohs(f->address.sin_port));
	f->player_fd = -1;
	*state = f;
	return 0;
}

static int tear_down(void **state) {
	static const char *const files[] = {
			"index.html", ".hidden.html", "outside.txt", "console.json", "console-setup"};
	struct fixture *f = *state;
	web_server_destroy(f->web);
	events_destroy(f->events);
	login_destroy(f->login);
	fd_close(&f->player_fd);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		unlinkat(f->dir_fd, files[i], 0);
	}
	fd_close(&f->dir_fd);
	rmdir(f->path);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data) {
	return 0;
}

// Runs the server until the client has received that (NULL: until it was hung up on).
static void receive(struct fixture *f, int fd, const char *until) {
	sd_event_source *source = NULL;
	f->size = 0;
	f->text[0] = '\0';
	assert_true(sd_event_add_io(f->event, &source, fd, EPOLLIN, on_readable, NULL) >= 0);
	while (until == NULL || memmem(f->text, f->size, until, strlen(until)) == NULL) {
		assert_true(sd_event_run(f->event, 20 * 1000 * 1000) > 0);
		ssize_t n = read(fd, f->text + f->size, MAX_TEXT - 1 - f->size);
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			if (until != NULL) {
				fail_msg("hung up on before '%s': %s", until, f->text);
			}
			break;
		}
		assert_true(n > 0 || errno == EAGAIN);
		f->size += n > 0 ? (size_t)n : 0;
		f->text[f->size] = '\0';
	}
	sd_event_source_disable_unref(source);
}

static int join(struct fixture *f) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	assert_true(fd_set_nonblock(fd, true));
	return fd;
}

static void say(struct fixture *f, int fd, const char *line, const char *more) {
	char text[4096];
	int n = snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", line, f->host, more);
	assert_int_equal(write(fd, text, (size_t)n), n);
}

static unsigned ask(struct fixture *f, const char *line, const char *more) {
	int fd = join(f);
	unsigned status = 0;
	say(f, fd, line, more);
	receive(f, fd, "\r\n\r\n");
	assert_int_equal(sscanf(f->text, "HTTP/1.1 %u", &status), 1);
	assert_non_null(strstr(f->text, "Content-Security-Policy: default-src 'self'"));
	assert_non_null(strstr(f->text, "X-Content-Type-Options: nosniff"));
	fd_close(&fd);
	return status;
}

static void test_files(void **state) {
	struct fixture *f = *state;
	assert_int_equal(ask(f, "GET /", ""), 200);
	assert_non_null(strstr(f->text, "Content-Type: text/html; charset=utf-8"));
	char *etag = strstr(f->text, "ETag: ");
	char match[128];
	assert_non_null(etag);
	snprintf(match, sizeof(match), "If-None-Match: %.26s\r\n", etag + 6);
	assert_int_equal(ask(f, "GET /index.html", match), 304);
	assert_int_equal(ask(f, "HEAD /index", ""), 200);
	static const char *const absent[] = {"/.hidden.html", "/outside.txt", "/../etc/passwd",
			"/%2e%2e/etc/passwd", "/index.html/", "/index.html%00", "/console.json", "//index.html",
			"/console-setup", "/./index.html"};
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		char line[128];
		snprintf(line, sizeof(line), "GET %s", absent[i]);
		// The last of them is a state file beside the pages: never in a web root, but of a type that is
		// served.
		bool served = strcmp(absent[i], "/console.json") == 0;
		assert_int_equal(ask(f, line, ""), served ? 200 : 404);
	}
	assert_int_equal(ask(f, "DELETE /index.html", f->token), 405);
}

static void add(char *text, size_t cap, const char *more) {
	size_t size = strlen(text);
	snprintf(text + size, cap - size, "%s", more);
}

// Ten thousand ways to write "up".
static void test_traversal(void **state) {
	static const char *const dots[] = {"..", "%2e%2e", ".%2e", "%2e.", "%252e%252e", "..%00",
			"....", "%c0%ae%c0%ae", "..;", ".."};
	static const char *const slashes[] = {"/", "%2f", "%5c", "\\", "//", "%252f", "/./", "%c0%af"};
	static const char *const ends[] = {
			"etc/passwd", "outside.txt", "etc%2fpasswd", ".hidden.html", "proc/self/environ"};
	struct fixture *f = *state;
	int fd = join(f);
	unsigned n = 0;
	for (unsigned depth = 1; depth <= 25; depth++) {
		for (unsigned i = 0; i < 10 * 8 * 5; i++, n++) {
			char line[1024] = "GET /";
			for (unsigned d = 0; d < depth; d++) {
				add(line, sizeof(line), dots[i % 10]);
				add(line, sizeof(line), slashes[i / 10 % 8]);
			}
			add(line, sizeof(line), ends[i / 80]);
			say(f, fd, line, "");
			receive(f, fd, "There is nothing at this path.\n");
			assert_null(strstr(f->text, "root:"));
			assert_null(strstr(f->text, "secret"));
		}
	}
	assert_int_equal(n, 10000);
	fd_close(&fd);
}

static void test_many_requests_on_one_connection(void **state) {
	struct fixture *f = *state;
	int fd = join(f);
	for (int i = 0; i < 20; i++) {
		say(f, fd, "GET /api/v1/me", "");
		receive(f, fd, "password_set\":false}");
	}
	fd_close(&fd);
}

static void test_bodies(void **state) {
	struct fixture *f = *state;
	char more[512];
	int fd = join(f);
	const char *format = "%sContent-Type: application/json\r\nContent-Length: %u\r\n";
	snprintf(more, sizeof(more), format, f->token, 65537);
	assert_int_equal(ask(f, "POST /api/v1/login", more), 413);
	snprintf(more, sizeof(more), "%sContent-Type: text/plain\r\nContent-Length: 2\r\n", f->token);
	assert_int_equal(ask(f, "POST /api/v1/login", more), 415);
	// In parts, and the next request is understood.
	snprintf(more, sizeof(more), format, f->token, 16);
	say(f, fd, "POST /api/v1/login", more);
	assert_int_equal(write(fd, "{\"passwo", 8), 8);
	assert_true(sd_event_run(f->event, 1000) >= 0);
	assert_int_equal(write(fd, "rd\":\"x\"}", 8), 8);
	receive(f, fd, "no password is set yet");
	// Too much of it, of which nothing tells before.
	snprintf(more, sizeof(more),
			"%sContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n", f->token);
	say(f, fd, "POST /api/v1/login", more);
	char chunk[4096 + 8] = "1000\r\n";
	memset(chunk + 6, ' ', 4096);
	memcpy(chunk + 6 + 4096, "\r\n", 2);
	for (int i = 0; i < 17; i++) {
		assert_int_equal(write(fd, chunk, sizeof(chunk)), sizeof(chunk));
		assert_true(sd_event_run(f->event, 1000) >= 0);
	}
	assert_int_equal(write(fd, "0\r\n\r\n", 5), 5);
	receive(f, fd, "the body is too long");
	assert_non_null(strstr(f->text, "413"));
	fd_close(&fd);
}

static void test_events(void **state) {
	struct fixture *f = *state;
	int fds[6];
	assert_int_equal(ask(f, "GET /api/v1/events", ""), 401);
	for (size_t i = 0; i < 6; i++) {
		fds[i] = join(f);
		say(f, fds[i], "GET /api/v1/events", f->token);
		receive(f, fds[i], "retry: 2000\n\n");
	}
	assert_int_equal(ask(f, "GET /api/v1/events", f->token), 429);
	events_publish(f->events, ES_EVENT_APPS, "{\"a\":1}", 7);
	events_publish(f->events, ES_EVENT_CLIENTS, "{\"b\":2}", 7); // not for this role
	events_publish(f->events, ES_EVENT_APPS, "{\"c\":3}", 7);
	receive(f, fds[0], "data: {\"c\":3}\n\n");
	char *first = strstr(f->text, "event: apps\ndata: {\"a\":1}\n\n");
	assert_non_null(first);
	assert_null(strstr(f->text, "\"b\""));
	char more[512];
	unsigned long long id;
	assert_int_equal(sscanf(strstr(f->text, "id: "), "id: %llu", &id), 1);
	// Who was away hears what it has missed.
	fd_close(&fds[1]);
	fd_close(&fds[0]);
	while (events_count_listeners(f->events) > 4) {
		assert_true(sd_event_run(f->event, 20 * 1000 * 1000) > 0);
	}
	snprintf(more, sizeof(more), "%sLast-Event-ID: %llu\r\n", f->token, id);
	fds[0] = join(f);
	say(f, fds[0], "GET /api/v1/events", more);
	receive(f, fds[0], "data: {\"c\":3}\n\n");
	assert_null(strstr(f->text, "\"a\""));
	// Who does not read is let go at once, and the others go on.
	char *big = malloc(60000);
	memset(big, 'x', 60000);
	for (int i = 0; i < 400 && events_count_listeners(f->events) > 1; i++) {
		events_publish(f->events, ES_EVENT_APPS, big, 60000);
		receive(f, fds[0], "xx\n\n");
	}
	free(big);
	assert_int_equal(events_count_listeners(f->events), 1);
	// The token is deleted: its streams end.
	bool known;
	char error[512];
	assert_true(login_drop_token(f->login, 1, &known, error, sizeof(error)));
	receive(f, fds[0], NULL);
	assert_int_equal(events_count_listeners(f->events), 0);
	for (size_t i = 0; i < 6; i++) {
		fd_close(&fds[i]);
	}
}

#define HANDSHAKE \
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static int play(struct fixture *f) {
	char more[512];
	int fd = join(f);
	snprintf(more, sizeof(more), "%s%s", f->token, HANDSHAKE);
	say(f, fd, "GET /api/v1/sessions/7/player", more);
	receive(f, fd, "\r\n\r\n");
	assert_non_null(strstr(f->text, "HTTP/1.1 101"));
	assert_non_null(strstr(f->text, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	while (f->player_fd < 0) {
		assert_true(sd_event_run(f->event, 20 * 1000 * 1000) > 0);
	}
	return fd;
}

static void test_player(void **state) {
	struct fixture *f = *state;
	char more[512], text[16] = "";
	int on = 0;
	socklen_t size = sizeof(on);
	assert_int_equal(ask(f, "GET /api/v1/sessions/7/player", HANDSHAKE), 403); // no Origin
	snprintf(more, sizeof(more), "%sOrigin: http://%s\r\n", HANDSHAKE, f->host);
	assert_int_equal(ask(f, "GET /api/v1/sessions/7/player", more), 401);
	snprintf(more, sizeof(more), "%sOrigin: http://evil.example\r\n%s", HANDSHAKE, f->token);
	assert_int_equal(ask(f, "GET /api/v1/sessions/7/player", more), 403);
	snprintf(more, sizeof(more), "%s%s", HANDSHAKE, f->token);
	assert_int_equal(ask(f, "GET /api/v1/sessions/8/player", more), 404);
	assert_int_equal(ask(f, "GET /api/v1/sessions/7/player", f->token), 426);
	int fd = play(f);
	assert_int_equal(f->player_session, 7);
	assert_int_equal(getsockopt(f->player_fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
	assert_true(on != 0);
	assert_int_equal(write(fd, "ping", 4), 4);
	assert_int_equal(read(f->player_fd, text, sizeof(text)), 4);
	assert_int_equal(write(f->player_fd, text, 4), 4);
	receive(f, fd, "ping");
	// The host's side is done.
	shutdown(f->player_fd, SHUT_RDWR);
	fd_close(&f->player_fd);
	receive(f, fd, NULL);
	fd_close(&fd);
	// The browser is.
	fd = play(f);
	fd_close(&fd);
	while (read(f->player_fd, text, sizeof(text)) != 0) {
		assert_true(sd_event_run(f->event, 20 * 1000 * 1000) > 0);
	}
	fd_close(&f->player_fd);
	// Its right to be there is.
	fd = play(f);
	bool known;
	assert_true(login_drop_token(f->login, 1, &known, more, sizeof(more)));
	receive(f, fd, NULL);
	assert_int_equal(read(f->player_fd, text, sizeof(text)), 0);
	fd_close(&fd);
}

static void test_the_end_with_all_of_it(void **state) {
	struct fixture *f = *state;
	int stream = join(f), idle = join(f), player = play(f);
	say(f, stream, "GET /api/v1/events", f->token);
	receive(f, stream, "retry: 2000\n\n");
	web_server_destroy(f->web);
	f->web = NULL;
	assert_int_equal(events_count_listeners(f->events), 0);
	fd_close(&stream);
	fd_close(&idle);
	fd_close(&player);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_traversal, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					test_many_requests_on_one_connection, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_bodies, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_events, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_player, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_the_end_with_all_of_it, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
