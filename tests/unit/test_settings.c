// The settings file: what is taken, and that each mistake is told with its place and remedy.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/settings.h"
#include "host/settings_parse.h"

static char error[ES_SETTINGS_ERROR_MAX];

static struct es_settings *parse(const char *text) {
	error[0] = '\0';
	struct es_settings *settings =
			settings_parse(text, strlen(text), "config", error, sizeof(error));
	if (settings == NULL) {
		fail_msg("refused: %s", error);
	}
	return settings;
}

static void test_defaults(void **state) {
	struct es_settings *s = parse("");
	assert_string_equal(s->address, "0.0.0.0");
	assert_int_equal(s->port, 47989);
	assert_true(s->announce);
	assert_int_equal(s->encryption, ES_ENCRYPT_ASKED);
	assert_int_equal(s->max_sessions, 4);
	assert_int_equal(s->fec_percent, 20);
	assert_int_equal(s->keepalive_ms, 500);
	assert_int_equal(s->idle_minutes, 1440);
	assert_true(s->inhibit_sleep);
	assert_true(s->sound);
	assert_true(s->microphone);
	assert_false(s->screen_source);
	assert_string_equal(s->keyboard, "");
	assert_string_equal(s->encoder, "auto");
	assert_string_equal(s->gpu, "auto");
	assert_int_equal(s->n_apps, 0);
	settings_destroy(s);
	settings_destroy(NULL);
}

static void test_all_directives(void **state) {
	struct es_settings *s = parse("# a comment\n"
								  "encoder software\n"
								  "gpu 1002:73bf\n"
								  "name \"Wohnzimmer \xc3\xa4\"\n"
								  "listen 192.0.2.1\n"
								  "port 0\n"
								  "\tannounce no\n"
								  "encryption required\n"
								  "fec 35\n"
								  "keepalive 4\n"
								  "max-sessions 25\n"
								  "max-pixel-rate 1920x1080@59.94\n"
								  "max-bitrate 2.5M\n"
								  "idle 90m\n"
								  "keyboard de(nodeadkeys)\n"
								  "local-devices seat-sofa_2\n"
								  "inhibit-sleep no\nsound no\nmicrophone no\nscreen-source yes\n");
	assert_string_equal(s->name, "Wohnzimmer \xc3\xa4");
	assert_string_equal(s->address, "192.0.2.1");
	assert_int_equal(s->port, 0);
	assert_false(s->announce);
	assert_int_equal(s->encryption, ES_ENCRYPT_REQUIRED);
	assert_int_equal(s->fec_percent, 35);
	assert_int_equal(s->keepalive_ms, 250);
	assert_int_equal(s->max_sessions, 25);
	assert_int_equal(s->max_pixel_rate, 124291584);
	assert_int_equal(s->max_kbps, 2500);
	assert_int_equal(s->idle_minutes, 90);
	assert_string_equal(s->keyboard, "de(nodeadkeys)");
	assert_string_equal(s->local_devices, "seat-sofa_2");
	assert_string_equal(s->encoder, "software");
	assert_string_equal(s->gpu, "1002:73bf");
	assert_false(s->inhibit_sleep);
	assert_false(s->sound);
	assert_false(s->microphone);
	assert_true(s->screen_source);
	settings_destroy(s);
	s = parse("keepalive 0\nidle never\nencryption off\n");
	assert_int_equal(s->keepalive_ms, 0);
	assert_int_equal(s->idle_minutes, 0);
	assert_int_equal(s->encryption, ES_ENCRYPT_OFF);
	settings_destroy(s);
}

static void test_console(void **state) {
	struct es_settings *s = parse("");
	assert_false(s->console.off);
	assert_false(s->console.port_given);
	assert_null(s->console.names[0]);
	assert_null(s->metrics_address);
	settings_destroy(s);
	s = parse("console-port 8443\nconsole-address 127.0.0.1\nconsole-plain yes\n"
			  "console-name deck.example.org a\nconsole-name b\n"
			  "console-certificate /a/b /c\nmetrics-address 192.0.2.1:9100\n");
	assert_true(s->console.port_given);
	assert_int_equal(s->console.port, 8443);
	assert_string_equal(s->console.address, "127.0.0.1");
	assert_true(s->console.plain);
	assert_string_equal(s->console.names[0], "deck.example.org");
	assert_string_equal(s->console.names[2], "b");
	assert_null(s->console.names[3]);
	assert_string_equal(s->console.certificate, "/a/b");
	assert_string_equal(s->console.key, "/c");
	assert_string_equal(s->metrics_address, "192.0.2.1");
	assert_int_equal(s->metrics_port, 9100);
	settings_destroy(s);
	s = parse("console-port off\n");
	assert_true(s->console.off);
	settings_destroy(s);
}

static void test_app(void **state) {
	struct es_settings *s = parse("app \"A \\\"game\\\"\" {\n"
								  "	command sh -c 'echo \"a;b\" $HOME' \"\"\n"
								  "	env A=1 \"B=two words\"\n"
								  "	env C=\n"
								  "	before /bin/true\n"
								  "	after /bin/echo over\n"
								  "	image /usr/share/a.png\n"
								  "	keyboard us,ru\n"
								  "	gamepad dualshock4\n"
								  "	local-devices none\n"
								  "	private\n"
								  "}\n");
	assert_int_equal(s->n_apps, 1);
	const struct es_app *app = settings_find_app(s, 1);
	assert_ptr_equal(app, &s->apps[0]);
	assert_null(settings_find_app(s, 2));
	assert_string_equal(app->title, "A \"game\"");
	static const char *const words[] = {"sh", "-c", "echo \"a;b\" $HOME", ""};
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(app->command[i], words[i]);
	}
	assert_null(app->command[4]);
	assert_string_equal(app->env[0], "A=1");
	assert_string_equal(app->env[1], "B=two words");
	assert_string_equal(app->env[2], "C=");
	assert_null(app->env[3]);
	assert_string_equal(app->before[0], "/bin/true");
	assert_string_equal(app->after[1], "over");
	assert_string_equal(app->image, "/usr/share/a.png");
	assert_string_equal(app->keyboard, "us,ru");
	assert_int_equal(app->gamepad, ES_GAMEPAD_DUALSHOCK4);
	assert_string_equal(app->local_devices, "");
	assert_true(app->is_private);
	settings_destroy(s);
}

static void test_ids(void **state) {
	struct es_settings *s = parse("app a {\ncommand x\n}\n"
								  "app b {\nid 2\ncommand x\n}\n"
								  "app c {\ncommand x\n}\n"
								  "app d {\nid 2147483647\ncommand x\n}\n"
								  "app e {\nid 1\ncommand x\n}\n");
	static const uint32_t ids[] = {3, 2, 4, 2147483647, 1};
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(s->apps[i].id, ids[i]);
	}
	settings_destroy(s);
}

static void test_mistakes(void **state) {
	static const struct {
		const char *text;
		int line;
		const char *words[2]; // that the message has
	} cases[] = {
			{"port 47989\nprot 1\n", 2, {"'prot'", "'port'"}},
			{"zzzzzzzzz 1\n", 1, {"zzzzzzzzz", "earthshine(5)"}},
			{"port 80\n", 1, {"'80'", "1029"}},
			{"port 65001\n", 1, {"65001", "65000"}},
			{"port -1\n", 1, {"-1", "47989"}},
			{"port 1 2\n", 1, {"2 values", "port NUMBER"}},
			{"port\n", 1, {"0 values", "port NUMBER"}},
			{"port 0\n\nport 0\n", 3, {"line 1", "remove"}},
			{"name \"\"\n", 1, {"name", "63"}},
			{"name \"a\tb\"\n", 1, {"\\x09", "plain text"}},
			{"listen ::1\n", 1, {"::1", "IPv4"}},
			{"listen localhost\n", 1, {"localhost", "0.0.0.0"}},
			{"console-port 80\n", 1, {"'80'", "off"}},
			{"console-address ::1\n", 1, {"::1", "127.0.0.1"}},
			{"console-name a:1\n", 1, {"a:1", "port"}},
			{"console-certificate a /b\n", 1, {"'a'", "absolute"}},
			{"console-certificate /a\n", 1, {"1 values", "KEY-FILE"}},
			{"metrics-address 127.0.0.1\n", 1, {"127.0.0.1", "9100"}},
			{"metrics-address :9100\n", 1, {":9100", "IPv4"}},
			{"announce on\n", 1, {"'on'", "yes nor no"}},
			{"encryption on\n", 1, {"'on'", "required"}},
			{"fec 101\n", 1, {"101", "100"}},
			{"fec 2.5\n", 1, {"2.5", "whole"}},
			{"keepalive 61\n", 1, {"61", "60"}},
			{"max-sessions 0\n", 1, {"'0'", "25"}},
			{"max-pixel-rate 1920x1080\n", 1, {"1920x1080", "@"}},
			{"max-bitrate 20\n", 1, {"'20'", "150M"}},
			{"idle 0m\n", 1, {"0m", "never"}},
			{"idle 90\n", 1, {"90", "90m"}},
			{"keyboard \"us;id\"\n", 1, {"us;id", "xkb"}},
			{"keyboard us,\n", 1, {"us,", "xkb"}},
			{"local-devices sofa\n", 1, {"'sofa'", "seat-sofa"}},
			{"local-devices seat/0\n", 1, {"seat/0", "none"}},
			{"app a {\ncommand x\nlocal-devices\n}\n", 3, {"0 values", "SEAT"}},
			{"encoder fast\n", 1, {"'fast'", "software"}},
			{"gpu 3\n", 1, {"'3'", "renderD128"}},
			{"keyboard us {\nx\n}\n", 1, {"block", "keyboard"}},
			{"app {\ncommand x\n}\n", 1, {"app \"NAME\"", "0 values"}},
			{"app a\n", 1, {"no command", "command PROGRAM"}},
			{"app a {\n}\n", 1, {"\"a\"", "command PROGRAM"}},
			{"app a {\ncommand\n}\n", 2, {"0 values", "command PROGRAM"}},
			{"app a {\ncommand ./x\n}\n", 2, {"./x", "whole path"}},
			{"app a {\ncomand x\n}\n", 2, {"'comand'", "'command'"}},
			{"app a {\ncommand x\ncommand y\n}\n", 3, {"line 2", "remove"}},
			{"app a {\nid 0\n}\n", 2, {"'0'", "2147483647"}},
			{"app a {\nid 2147483648\n}\n", 2, {"2147483648", "whole"}},
			{"app a {\nid 7\ncommand x\n}\napp b {\nid 7\n}\n", 6, {"\"a\"", "another"}},
			{"app a {\nenv 1A=2\n}\n", 2, {"1A=2", "NAME=VALUE"}},
			{"app a {\nenv A\n}\n", 2, {"'A'", "NAME=VALUE"}},
			{"app a {\nimage x.png\n}\n", 2, {"x.png", "whole path"}},
			{"app a {\nprivate yes\n}\n", 2, {"1 values", "private"}},
			{"app a {\nport 1\n}\n", 2, {"'port'", "of an app"}},
			{"app a {\ncommand x {\ny\n}\n}\n", 2, {"block", "command"}},
			{"app a {\ncommand x\n", 1, {"not closed", "}"}},
			{"port 0\n}\n", 2, {"closes nothing", "remove"}},
			{"app a { command x }\n", 1, {"{", "quotes"}},
			{"app a {\ncommand x }\n", 2, {"}", "quotes"}},
			{"port 0\nname \"x\n", 2, {"quote", "add"}},
			{"name 'x\n", 1, {"quote", "add"}},
			{"app a {\ncommand x \\\ny\n}\n", 2, {"backslash", "next"}},
			{"name a\"b\n", 1, {"quote", "whole value"}},
			{"name a{\n", 1, {"brace", "whole value"}},
			{"name \"a\"b\n", 1, {"follows a quote", "whole value"}},
			{"{\n}\n", 1, {"block", "no name"}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error[0] = '\0';
		assert_null(settings_parse(
				cases[i].text, strlen(cases[i].text), "/etc/config", error, sizeof(error)));
		char place[32];
		snprintf(place, sizeof(place), "/etc/config:%d: ", cases[i].line);
		if (strncmp(error, place, strlen(place)) != 0 || strstr(error, cases[i].words[0]) == NULL ||
				strstr(error, cases[i].words[1]) == NULL) {
			fail_msg("'%s' gave: %s", cases[i].text, error);
		}
	}
	assert_null(settings_parse("port\0 0\n", 8, "c", error, sizeof(error)));
	assert_non_null(strstr(error, "NUL"));
}

static void write_file(const char *path, const char *text) {
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_load(void **state) {
	char folder[] = "/tmp/es-settings-XXXXXX", path[128], own[64];
	assert_non_null(mkdtemp(folder));
	snprintf(own, sizeof(own), "%s/earthshine", folder);
	assert_int_equal(setenv("XDG_CONFIG_HOME", folder, 1), 0);
	assert_int_equal(mkdir(own, 0700), 0);
	snprintf(path, sizeof(path), "%s/config", own);

	struct es_settings *s = settings_load(NULL, error, sizeof(error));
	assert_non_null(s);
	assert_true(s->name[0] != '\0'); // the machine's
	assert_int_equal(s->n_apps, 1);
	assert_int_equal(s->apps[0].id, 1);
	assert_string_equal(s->apps[0].title, "Test card");
	assert_non_null(strstr(s->apps[0].command[0], "earthshine-testcard"));
	settings_destroy(s);

	write_file(path, "name earthshine\r\napp x {\r\n\tcommand sh\r\n}\r\n");
	s = settings_load(NULL, error, sizeof(error));
	assert_non_null(s);
	assert_string_equal(s->name, "earthshine");
	assert_int_equal(s->n_apps, 1);
	assert_string_equal(s->apps[0].title, "x");
	settings_destroy(s);

	write_file(path, "nonsense\n");
	assert_null(settings_load(NULL, error, sizeof(error)));
	assert_int_equal(strncmp(error, path, strlen(path)), 0);
	assert_null(settings_load(own, error, sizeof(error)));
	assert_non_null(strstr(error, own));
	assert_int_equal(unlink(path), 0);
	assert_null(settings_load(path, error, sizeof(error)));
	assert_non_null(strstr(error, path));
	rmdir(own);
	rmdir(folder);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_defaults),
			cmocka_unit_test(test_all_directives),
			cmocka_unit_test(test_console),
			cmocka_unit_test(test_app),
			cmocka_unit_test(test_ids),
			cmocka_unit_test(test_mistakes),
			cmocka_unit_test(test_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
