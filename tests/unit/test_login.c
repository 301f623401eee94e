// The console's password, logins and tokens, over a state folder of the test's own.
#define _GNU_SOURCE
#include "host/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/web_cookie.h"

struct fixture {
	char path[64];
	int dir_fd;
	sd_event *event;
	struct es_login *login;
	struct es_login_result result;
	char text[256];
	unsigned answers, ended;
	bool secure;
};

static void on_done(void *data, const struct es_login_result *result) {
	struct fixture *f = data;
	f->result = *result;
	snprintf(f->text, sizeof(f->text), "%s", result->text);
	f->answers++;
}

static void on_end(void *data) {
	((struct fixture *)data)->ended++;
}

static void open_login(struct fixture *f) {
	char error[1024];
	f->login = login_create(f->event, f->dir_fd, error, sizeof(error));
	assert_non_null(f->login);
	login_on_end(f->login, on_end, f);
}

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	snprintf(f->path, sizeof(f->path), "/tmp/es-login-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->dir_fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dir_fd >= 0);
	assert_true(sd_event_new(&f->event) >= 0);
	f->secure = true;
	open_login(f);
	*state = f;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;
	login_destroy(f->login);
	unlinkat(f->dir_fd, "console.json", 0);
	unlinkat(f->dir_fd, "console-setup", 0);
	fd_close(&f->dir_fd);
	rmdir(f->path);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

static unsigned try_it(struct fixture *f, const struct es_login_try *wanted) {
	struct es_login_try attempt = *wanted;
	unsigned before = f->answers;
	attempt.peer = attempt.peer != NULL ? attempt.peer : "192.0.2.1";
	attempt.done = on_done;
	attempt.data = f;
	login_try(f->login, &attempt);
	while (f->answers == before) {
		assert_true(sd_event_run(f->event, UINT64_MAX) > 0);
	}
	assert_int_equal(f->answers, before + 1);
	return f->result.status;
}

static struct es_login_who who_has(struct fixture *f, const char *secret) {
	char cookies[256];
	snprintf(cookies, sizeof(cookies), "%s=%s", web_cookie_name(f->secure), secret);
	return login_who(f->login, cookies, NULL, f->secure);
}

static unsigned set_password(struct fixture *f, const char *setup, const char *password) {
	return try_it(
			f, &(struct es_login_try){.wish = ES_LOGIN_SET, .setup = setup, .fresh = password});
}

static unsigned enter(struct fixture *f, const char *password) {
	return try_it(f, &(struct es_login_try){.wish = ES_LOGIN_ENTER, .password = password});
}

static void test_first_start(void **state) {
	struct fixture *f = *state;
	char setup[ES_LOGIN_SECRET_SIZE];
	struct stat st;
	assert_false(login_has_password(f->login));
	assert_non_null(login_setup(f->login));
	snprintf(setup, sizeof(setup), "%s", login_setup(f->login));
	assert_int_equal(fstatat(f->dir_fd, "console-setup", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(enter(f, "anything at all"), 409);
	assert_int_equal(set_password(f, "0123", "correct horse"), 403);
	assert_int_equal(set_password(f, "", "correct horse"), 403);
	assert_false(login_has_password(f->login));
	// It is the same link after another start.
	login_destroy(f->login);
	open_login(f);
	assert_string_equal(login_setup(f->login), setup);
	assert_int_equal(set_password(f, setup, "correct horse"), 200);
	assert_int_equal(who_has(f, f->result.secret).role, ES_ROLE_ADMIN);
	assert_uint_in_range(
			who_has(f, f->result.secret).confirmed_s, ES_LOGIN_CONFIRM_S - 60, ES_LOGIN_CONFIRM_S);
	assert_null(login_setup(f->login));
	assert_int_equal(fstatat(f->dir_fd, "console-setup", &st, 0), -1);
	assert_int_equal(set_password(f, setup, "another horse"), 403); // good once
	login_destroy(f->login);
	open_login(f);
	assert_null(login_setup(f->login));
	assert_int_equal(enter(f, "another horse"), 401);
	assert_int_equal(enter(f, "correct horse"), 200);
}

static void test_logins(void **state) {
	struct fixture *f = *state;
	char first[ES_LOGIN_SECRET_SIZE], second[ES_LOGIN_SECRET_SIZE];
	assert_int_equal(set_password(f, login_setup(f->login), "correct horse"), 200);
	memcpy(first, f->result.secret, sizeof(first));
	assert_int_equal(enter(f, "correct horse"), 200);
	memcpy(second, f->result.secret, sizeof(second));
	assert_string_not_equal(first, second);
	struct es_login_who one = who_has(f, first), two = who_has(f, second);
	assert_int_not_equal(one.session, two.session);
	f->secure = false; // the plain listener's cookie has another name
	assert_int_equal(login_who(f->login, "__Host-earthshine=x", NULL, false).role, ES_ROLE_NONE);
	f->secure = true;
	second[5] ^= 1;
	assert_int_equal(who_has(f, second).role, ES_ROLE_NONE);
	second[5] ^= 1;
	unsigned ended = f->ended;
	login_end(f->login, two.session);
	assert_int_equal(f->ended, ended + 1);
	assert_int_equal(who_has(f, second).role, ES_ROLE_NONE);
	assert_false(login_stays(f->login, &two));
	assert_true(login_stays(f->login, &one));
	// Another password ends them all.
	struct es_login_try change = {.wish = ES_LOGIN_CHANGE,
			.session = one.session,
			.password = "wrong horse",
			.fresh = "staple battery"};
	assert_int_equal(try_it(f, &change), 403);
	assert_int_equal(who_has(f, first).role, ES_ROLE_ADMIN);
	change.password = "correct horse";
	assert_int_equal(try_it(f, &change), 200);
	assert_int_equal(who_has(f, first).role, ES_ROLE_NONE);
	assert_int_equal(who_has(f, f->result.secret).role, ES_ROLE_ADMIN);
	assert_int_equal(enter(f, "correct horse"), 401);
	struct es_login_try confirm = {.wish = ES_LOGIN_CONFIRM,
			.session = one.session, // which has ended
			.password = "staple battery"};
	assert_int_equal(try_it(f, &confirm), 401);
}

static void test_forgotten_password(void **state) {
	struct fixture *f = *state;
	char error[1024], first[ES_LOGIN_SECRET_SIZE];
	assert_int_equal(set_password(f, login_setup(f->login), "correct horse"), 200);
	memcpy(first, f->result.secret, sizeof(first));
	assert_true(login_make_setup(f->login, error, sizeof(error)));
	assert_int_equal(enter(f, "correct horse"), 200); // until the link is used
	assert_int_equal(set_password(f, login_setup(f->login), "staple battery"), 200);
	assert_int_equal(enter(f, "correct horse"), 401);
	assert_int_equal(who_has(f, first).role, ES_ROLE_NONE);
	assert_int_equal(enter(f, "staple battery"), 200);
}

static void test_many_wrong(void **state) {
	struct fixture *f = *state;
	assert_int_equal(set_password(f, login_setup(f->login), "correct horse"), 200);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(enter(f, "wrong horse"), 401);
	}
	assert_int_equal(enter(f, "correct horse"), 429); // not even looked at
	assert_uint_in_range(f->result.wait_s, 1, 5);
	assert_int_equal(try_it(f,
							 &(struct es_login_try){.wish = ES_LOGIN_ENTER,
									 .password = "correct horse",
									 .peer = "192.0.2.2"}),
			200);
}

static void test_who_leaves(void **state) {
	struct fixture *f = *state;
	assert_int_equal(set_password(f, login_setup(f->login), "correct horse"), 200);
	unsigned before = f->answers;
	struct es_login_try attempt = {.wish = ES_LOGIN_ENTER,
			.peer = "192.0.2.1",
			.password = "correct horse",
			.done = on_done,
			.data = f};
	login_try(f->login, &attempt);
	login_forget(f->login, f);
	login_try(f->login, &attempt); // left to the end of the host
	login_destroy(f->login);
	assert_int_equal(f->answers, before);
	open_login(f);
}

static void test_tokens(void **state) {
	struct fixture *f = *state;
	struct es_login_token told, list[4];
	char secret[ES_LOGIN_TOKEN_SIZE], line[128], error[1024], *text = NULL;
	bool known;
	assert_true(
			login_make_token(f->login, "deck", ES_ROLE_PLAY, &told, secret, error, sizeof(error)));
	assert_false(
			login_make_token(f->login, "a\nb", ES_ROLE_PLAY, &told, line, error, sizeof(error)));
	assert_int_equal(login_tokens(f->login, list, 4), 1);
	login_destroy(f->login);
	open_login(f);
	snprintf(line, sizeof(line), "Bearer %s", secret);
	struct es_login_who who = login_who(f->login, NULL, line, true);
	assert_int_equal(who.role, ES_ROLE_PLAY);
	assert_int_equal(who.confirmed_s, 0);
	line[20] ^= 1;
	assert_int_equal(login_who(f->login, NULL, line, true).role, ES_ROLE_NONE);
	assert_int_equal(login_who(f->login, NULL, secret, true).role, ES_ROLE_NONE);
	assert_int_equal(login_who(f->login, NULL, "Bearer ", true).role, ES_ROLE_NONE);
	FILE *file = fdopen(openat(f->dir_fd, "console.json", O_RDONLY), "r");
	size_t cap = 0;
	assert_true(getdelim(&text, &cap, '\0', file) > 0);
	fclose(file);
	assert_null(strstr(text, secret + 3)); // it cannot be read back
	free(text);
	assert_false(login_drop_token(f->login, 7, &known, error, sizeof(error)));
	assert_false(known);
	assert_true(login_drop_token(f->login, 1, &known, error, sizeof(error)));
	assert_false(login_stays(f->login, &who));
	assert_int_equal(login_tokens(f->login, list, 4), 0);
	assert_true(
			login_make_token(f->login, "next", ES_ROLE_VIEW, &told, secret, error, sizeof(error)));
	assert_int_equal(told.id, 2);
}

static void test_damaged_file(void **state) {
	struct fixture *f = *state;
	static const char *const texts[] = {"", "{}", "[1]",
			"{\"version\":2,\"next_token\":1,\"tokens\":[]}",
			"{\"version\":1,\"next_token\":1,\"tokens\":[{\"id\":1}]}",
			"{\"version\":1,\"next_token\":1,\"tokens\":[],\"password\":7}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char error[1024] = "";
		int fd = openat(f->dir_fd, "console.json", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_true(fd_write_all(fd, texts[i], strlen(texts[i])));
		fd_close(&fd);
		assert_null(login_create(f->event, f->dir_fd, error, sizeof(error)));
		assert_non_null(strstr(error, "console.json"));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_first_start, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_logins, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_forgotten_password, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_many_wrong, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_who_leaves, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_tokens, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_damaged_file, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
