// What is decided about a browser's request before anybody has logged in: its guard, the cookie, the
// WebSocket's handshake, how often a password may be tried.
#include "host/web_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "host/login_limit.h"
#include "host/web_cookie.h"
#include "host/web_handshake.h"

static const char *const names[] = {"deck", "deck.example.org"};

static struct es_web_question ask(const char *method, const char *host, const char *origin) {
	return (struct es_web_question){
			.method = method,
			.path = "/api/v1/apps",
			.host = host,
			.origin = origin,
			.tls = true,
			.local = "192.0.2.7",
			.names = names,
			.n_names = 2,
	};
}

static unsigned status_of(struct es_web_question question) {
	return web_guard_check(&question).status;
}

static void test_hosts(void **state) {
	static const char *const ours[] = {"localhost", "localhost:1", "LocalHost:47990", "192.0.2.7",
			"192.0.2.7:47990", "deck", "deck:47990", "Deck.local:47990", "deck.example.org"};
	static const char *const others[] = {"evil.example", "192.0.2.8", "localhost.evil.example",
			"deck.evil.example", "deck.locals", "192.0.2.7.evil.example", "", ":47990",
			"deck:", "deck:x", "deck:123456", "deck:1:2", "a@deck", "[192.0.2.7", "[]", "[",
			"deck ", " deck", "xdeck", "eck"};
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		assert_int_equal(status_of(ask("GET", ours[i], NULL)), 0);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(status_of(ask("GET", others[i], NULL)), 421);
	}
	assert_int_equal(status_of(ask("GET", NULL, NULL)), 421);
	struct es_web_question six = ask("GET", "[2001:db8::1]:47990", NULL);
	assert_int_equal(status_of(six), 421);
	six.local = "2001:db8::1";
	assert_int_equal(status_of(six), 0);
}

static void test_origins(void **state) {
	static const char *const others[] = {"https://evil.example", "null", "", "http://deck:47990",
			"https://deck", "https://deck:47991", "https://deck:47990.evil.example",
			"https://deck:47990/", "deck:47990"};
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
	for (size_t m = 0; m < 4; m++) {
		assert_int_equal(status_of(ask(methods[m], "deck:47990", "https://deck:47990")), 0);
		assert_int_equal(status_of(ask(methods[m], "deck:47990", NULL)), 403);
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
			assert_int_equal(status_of(ask(methods[m], "deck:47990", others[i])), 403);
		}
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(status_of(ask("GET", "deck:47990", others[i])), 403);
	}
	struct es_web_question question = ask("GET", "deck", NULL);
	question.upgrade = true;
	assert_int_equal(status_of(question), 403);
	question.origin = "https://deck";
	assert_int_equal(status_of(question), 0);
	question = ask("POST", "deck", NULL);
	question.bearer = true; // a script: no browser sends that by itself
	assert_int_equal(status_of(question), 0);
	question.origin = "https://evil.example";
	assert_int_equal(status_of(question), 403);
	question = ask("POST", "deck", "http://deck");
	question.tls = false; // on loopback, perhaps behind a proxy
	assert_int_equal(status_of(question), 0);
	question.origin = "https://deck";
	assert_int_equal(status_of(question), 0);
}

static void test_sites(void **state) {
	struct es_web_question question = ask("GET", "deck", NULL);
	question.site = "same-origin";
	assert_int_equal(status_of(question), 0);
	question.site = "none";
	assert_int_equal(status_of(question), 0);
	question.site = "same-site"; // another port of this machine
	assert_int_equal(status_of(question), 403);
	question.site = "cross-site";
	assert_int_equal(status_of(question), 403);
	question.mode = "navigate";
	question.dest = "document";
	assert_int_equal(status_of(question), 403); // the API is no page
	question.path = "/play"; // somebody follows a link
	assert_int_equal(status_of(question), 0);
	question.dest = "iframe";
	assert_int_equal(status_of(question), 403);
	question.dest = "document";
	question.method = "POST";
	question.origin = "https://deck";
	assert_int_equal(status_of(question), 403);
}

static void test_bodies(void **state) {
	struct es_web_question question = ask("POST", "deck", "https://deck");
	question.has_body = true;
	assert_int_equal(status_of(question), 415);
	question.content_type = "text/plain";
	assert_int_equal(status_of(question), 415);
	question.content_type = "application/jsonx";
	assert_int_equal(status_of(question), 415);
	question.content_type = "application/json; charset=utf-8";
	assert_int_equal(status_of(question), 0);
	question.content_type = "image/png";
	assert_int_equal(status_of(question), 415);
	question.method = "PUT";
	assert_int_equal(status_of(question), 0);
	question = ask("GET", "deck", NULL);
	question.has_body = true;
	assert_int_equal(status_of(question), 400);
	question.has_body = false;
	question.repeated = true;
	assert_int_equal(status_of(question), 400);
}

static void test_cookie(void **state) {
	char value[8], line[256];
	assert_true(web_cookie_find("a=b; __Host-earthshine=abc; c=d", true, value, sizeof(value)));
	assert_string_equal(value, "abc");
	assert_true(web_cookie_find("earthshine=x", false, value, sizeof(value)));
	assert_string_equal(value, "x");
	static const char *const none[] = {"", "a", "__Host-earthshin=abc", "x__Host-earthshine=abc",
			"__Host-earthshine", "earthshine=abc", "__Host-earthshine=12345678",
			"__Host-earthshine=a; __Host-earthshine=b"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_false(web_cookie_find(none[i], true, value, sizeof(value)));
	}
	assert_false(web_cookie_find(NULL, true, value, sizeof(value)));
	web_cookie_write(line, sizeof(line), true, "abc");
	assert_string_equal(line,
			"__Host-earthshine=abc; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict; Secure");
	web_cookie_write(line, sizeof(line), false, "");
	assert_string_equal(line, "earthshine=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
}

static void test_handshake(void **state) {
	static const char key[] = "dGhlIHNhbXBsZSBub25jZQ=="; // the RFC's own example
	char accept[ES_WEB_ACCEPT_SIZE];
	assert_true(web_handshake_check("websocket", "Upgrade", "13", key, accept));
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_true(web_handshake_check("WebSocket", "keep-alive, upgrade", "13", key, accept));
	assert_false(web_handshake_check(NULL, "Upgrade", "13", key, accept));
	assert_false(web_handshake_check("h2c", "Upgrade", "13", key, accept));
	assert_false(web_handshake_check("websocket", "keep-alive", "13", key, accept));
	assert_false(web_handshake_check("websocket", "Upgrade", "8", key, accept));
	assert_false(web_handshake_check("websocket", "Upgrade", NULL, key, accept));
	assert_false(web_handshake_check("websocket", "Upgrade", "13", NULL, accept));
	assert_false(web_handshake_check("websocket", "Upgrade", "13", "dGhl", accept));
	assert_false(
			web_handshake_check("websocket", "Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ=", accept));
}

static void test_tries(void **state) {
	struct es_login_limit limit = {0};
	int64_t now = 1000 * ES_NS_PER_S;
	for (int i = 0; i < ES_LOGIN_LIMIT_TRIES; i++) {
		assert_int_equal(login_limit_try(&limit, "192.0.2.1", now), 0);
	}
	uint32_t wait = 0;
	for (uint32_t expected = 5; expected <= 640; expected *= 2) {
		wait = login_limit_try(&limit, "192.0.2.1", now);
		assert_int_equal(wait, expected);
		assert_int_equal(login_limit_try(&limit, "192.0.2.1", now + ES_NS_PER_S), wait - 1);
		now += wait * ES_NS_PER_S;
		assert_int_equal(login_limit_try(&limit, "192.0.2.1", now), 0);
	}
	assert_int_equal(login_limit_try(&limit, "192.0.2.1", now), 900); // and no longer
	assert_int_equal(login_limit_try(&limit, "192.0.2.2", now), 0);
	login_limit_succeed(&limit, "192.0.2.1");
	assert_int_equal(login_limit_try(&limit, "192.0.2.1", now), 0);
}

static void test_tries_of_many(void **state) {
	struct es_login_limit limit = {0};
	int64_t now = 1000 * ES_NS_PER_S;
	unsigned let = 0;
	char address[32];
	// A thousand machines in an hour have as many tries as one address after its free ones.
	for (int i = 0; i < 36000; i++, now += ES_NS_PER_S / 10) {
		snprintf(address, sizeof(address), "192.0.2.%d", i % 1000);
		let += login_limit_try(&limit, address, now) == 0;
	}
	assert_uint_in_range(let, ES_LOGIN_LIMIT_TOTAL_TRIES, ES_LOGIN_LIMIT_TOTAL_TRIES + 70);
	assert_int_equal(login_limit_try(&limit, "192.0.2.1", now + 3600 * ES_NS_PER_S), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_hosts),
			cmocka_unit_test(test_origins),
			cmocka_unit_test(test_sites),
			cmocka_unit_test(test_bodies),
			cmocka_unit_test(test_cookie),
			cmocka_unit_test(test_handshake),
			cmocka_unit_test(test_tries),
			cmocka_unit_test(test_tries_of_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
