#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "host/pairing_desk.h"
#include "tests/unit/pair_client.h"

// Made once: keys are slow to make.
static struct es_identity host, phone, tablet;

struct answered {
	int n;
	struct es_pairing_reply reply;
};
struct told {
	int n;
	enum es_pairing_result result;
	char text[256];
};

struct desk {
	char path[64];
	int dir_fd;
	sd_event *event;
	struct es_clients *clients;
	struct es_pairing_desk *desk;
};

static void on_answer(void *data, const struct es_pairing_reply *reply) {
	struct answered *answered = data;
	answered->n++;
	answered->reply = *reply;
}

static void on_done(void *data, enum es_pairing_result result, const char *text) {
	struct told *told = data;
	told->n++;
	told->result = result;
	snprintf(told->text, sizeof(told->text), "%s", text);
}

static int set_up(void **state) {
	struct desk *d = calloc(1, sizeof(*d));
	char error[512];
	snprintf(d->path, sizeof(d->path), "/tmp/test-desk-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	d->dir_fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d->clients = clients_load(d->dir_fd, error, sizeof(error));
	assert_non_null(d->clients);
	assert_true(sd_event_new(&d->event) >= 0);
	d->desk = pairing_desk_create(d->event, d->clients, &host);
	assert_non_null(d->desk);
	*state = d;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
	return remove(path);
}

static int tear_down(void **state) {
	struct desk *d = *state;
	pairing_desk_destroy(d->desk);
	clients_destroy(d->clients);
	sd_event_unref(d->event);
	fd_close(&d->dir_fd);
	nftw(d->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(d);
	return 0;
}

static struct es_pairing_asker asker_at(const char *address) {
	return (struct es_pairing_asker){
			.unique_id = "0123456789ABCDEF", .address = address, .name = "roth"};
}

static bool on_disk(const struct desk *d) {
	return faccessat(d->dir_fd, "clients.json", F_OK, 0) == 0;
}

static void begin(struct desk *d, const struct es_pairing_asker *asker,
		struct es_pair_client *client, const char *pin, struct answered *answered) {
	*answered = (struct answered){0};
	pair_client_begin(client, client->identity != NULL ? client->identity : &phone, pin);
	pairing_desk_begin(d->desk, asker, client->salt_hex, client->hex, on_answer, answered);
}

static void enter(struct desk *d, uint32_t id, const char *pin, struct told *told) {
	char error[256];
	*told = (struct told){0};
	assert_true(pairing_desk_enter_pin(d->desk, id, pin, on_done, told, error, sizeof(error)));
}

static void refused(struct desk *d, uint32_t id, const char *pin, const char *reason) {
	char error[256] = "";
	struct told told = {0};
	assert_false(pairing_desk_enter_pin(d->desk, id, pin, on_done, &told, error, sizeof(error)));
	assert_non_null(strstr(error, reason));
	assert_int_equal(told.n, 0);
}

static size_t n_waiting(const struct desk *d) {
	struct es_pairing_info infos[8];
	return pairing_desk_list(d->desk, infos, 8);
}

// What is held lives on the stack of the test.
static void end_all(struct desk *d) {
	pairing_desk_expire(d->desk, INT64_MAX);
	assert_int_equal(n_waiting(d), 0);
}

// One of the later phases, as an honest client makes it. What it cannot know yet, it invents.
static void step(struct desk *d, const struct es_pairing_asker *asker,
		struct es_pair_client *client, enum es_pairing_phase phase,
		struct es_pairing_reply *reply) {
	switch (phase) {
	case ES_PAIRING_CHALLENGE:
		pair_client_challenge(client);
		break;
	case ES_PAIRING_RESPONSE:
		if (reply->name == NULL || strcmp(reply->name, "challengeresponse") != 0 ||
				!pair_client_response(client, reply->value)) {
			memset(client->hex, 'a', 64);
			client->hex[64] = '\0';
		}
		break;
	case ES_PAIRING_SECRET:
		pair_client_secret(client);
		break;
	}
	pairing_desk_continue(d->desk, asker, phase, client->hex, reply);
}

static void test_pairs(void **state) {
	struct desk *d = *state;
	struct es_pair_client client = {0};
	struct es_pairing_asker asker = asker_at("192.0.2.1");
	struct answered answered;
	struct told told;
	struct es_pairing_reply reply = {0};
	begin(d, &asker, &client, "0471", &answered);
	assert_int_equal(answered.n, 0); // held

	struct es_pairing_info info;
	assert_int_equal(pairing_desk_list(d->desk, &info, 1), 1);
	assert_string_equal(info.name, "Moonlight at 192.0.2.1");
	assert_string_equal(info.address, "192.0.2.1");
	assert_true(info.waits_for_pin);
	assert_true(info.seconds_left > 170 && info.seconds_left <= 180);

	enter(d, info.id, "0471", &told);
	assert_int_equal(answered.n, 1);
	assert_true(answered.reply.paired);
	assert_string_equal(answered.reply.name, "plaincert");
	char pem[4096] = "";
	assert_true(hex_decode(
			answered.reply.value, 2 * strlen(host.cert_pem), pem, strlen(host.cert_pem)));
	assert_string_equal(pem, host.cert_pem);

	step(d, &asker, &client, ES_PAIRING_CHALLENGE, &reply);
	assert_true(reply.paired);
	step(d, &asker, &client, ES_PAIRING_RESPONSE, &reply);
	assert_true(reply.paired);
	assert_string_equal(reply.name, "pairingsecret");
	assert_true(pair_client_check(&client, &host.cert, reply.value));
	assert_false(on_disk(d));
	assert_int_equal(clients_count(d->clients), 0);
	assert_int_equal(told.n, 0);

	step(d, &asker, &client, ES_PAIRING_SECRET, &reply);
	assert_true(reply.paired);
	assert_int_equal(reply.status, 200);
	assert_true(on_disk(d));
	assert_non_null(clients_find_der(d->clients, phone.cert.der, phone.cert.der_size));
	assert_int_equal(told.n, 1);
	assert_int_equal(told.result, ES_PAIRING_PAIRED);
	assert_int_equal(n_waiting(d), 0);
}

// The client finds out by itself, and says so, or nothing more.
static void test_wrong_pin(void **state) {
	struct desk *d = *state;
	for (int silent = 0; silent < 2; silent++) {
		struct es_pair_client client = {0};
		struct es_pairing_asker asker = asker_at("192.0.2.1");
		struct answered answered;
		struct told told;
		struct es_pairing_reply reply = {0};
		begin(d, &asker, &client, "1234", &answered);
		enter(d, 0, "1235", &told);
		step(d, &asker, &client, ES_PAIRING_CHALLENGE, &reply);
		step(d, &asker, &client, ES_PAIRING_RESPONSE, &reply);
		assert_true(reply.paired);
		assert_false(pair_client_check(&client, &host.cert, reply.value));
		if (silent) {
			pairing_desk_expire(d->desk, clock_now_ns() + 31 * ES_NS_PER_S);
		} else {
			pairing_desk_give_up(d->desk, &asker);
		}
		assert_int_equal(told.n, 1);
		assert_int_equal(told.result, ES_PAIRING_WRONG_PIN);
		assert_int_equal(n_waiting(d), 0);
	}
	assert_false(on_disk(d));
}

// Whoever does not know the PIN and goes on all the same is not let in either.
static void test_wrong_pin_goes_on(void **state) {
	struct desk *d = *state;
	struct es_pair_client client = {0};
	struct es_pairing_asker asker = asker_at("192.0.2.1");
	struct answered answered;
	struct told told;
	struct es_pairing_reply reply = {0};
	begin(d, &asker, &client, "1234", &answered);
	enter(d, 0, "9999", &told);
	for (int phase = 0; phase < 3; phase++) {
		step(d, &asker, &client, (enum es_pairing_phase)phase, &reply);
	}
	assert_false(reply.paired);
	assert_int_equal(reply.status, 200);
	assert_int_equal(told.result, ES_PAIRING_FAILED);
	assert_false(on_disk(d));
	assert_int_equal(clients_count(d->clients), 0);
}

static void test_expires(void **state) {
	struct desk *d = *state;
	struct es_pair_client client = {0};
	struct es_pairing_asker asker = asker_at("192.0.2.1");
	struct answered answered;
	struct told told;
	begin(d, &asker, &client, "1234", &answered);
	pairing_desk_expire(d->desk, clock_now_ns() + 179 * ES_NS_PER_S);
	assert_int_equal(answered.n, 0);
	pairing_desk_expire(d->desk, clock_now_ns() + 180 * ES_NS_PER_S);
	assert_int_equal(answered.n, 1);
	assert_int_equal(answered.reply.status, 400);
	assert_false(answered.reply.paired);
	refused(d, 0, "1234", "no device waits");

	begin(d, &asker, &client, "1234", &answered);
	enter(d, 0, "1234", &told);
	pairing_desk_expire(d->desk, clock_now_ns() + 30 * ES_NS_PER_S);
	assert_int_equal(told.result, ES_PAIRING_EXPIRED);
	struct es_pairing_reply reply;
	step(d, &asker, &client, ES_PAIRING_CHALLENGE, &reply);
	assert_int_equal(reply.status, 400);
}

// All orders of up to four messages, with repeats: one pairs.
static void test_orders(void **state) {
	struct desk *d = *state;
	int n_paired = 0;
	for (int code = 0; code < 4 * 4 * 4 * 4; code++) {
		struct es_pair_client client = {0};
		char address[32]; // of one, only so many may fail
		snprintf(address, sizeof(address), "192.0.2.%d", code);
		struct es_pairing_asker asker = asker_at(address);
		struct answered answered;
		struct told told;
		struct es_pairing_reply reply = {0};
		char order[5] = "";
		begin(d, &asker, &client, "1234", &answered);
		enter(d, 0, "1234", &told);
		for (int i = 0, rest = code; i < 4; i++, rest /= 4) {
			order[i] = (char)('1' + rest % 4);
			if (rest % 4 == 0) { // phase 1 again: another attempt, without a PIN
				begin(d, &asker, &client, "1234", &answered);
			} else {
				step(d, &asker, &client, (enum es_pairing_phase)(rest % 4 - 1), &reply);
			}
		}
		// Later messages change nothing once it is paired.
		bool legal = strncmp(order, "234", 3) == 0;
		assert_int_equal(clients_count(d->clients), legal ? 1 : 0);
		assert_int_equal(on_disk(d), legal);
		assert_int_equal(told.n, 1);
		assert_int_equal(told.result == ES_PAIRING_PAIRED, legal);
		n_paired += legal;
		if (legal) {
			char error[256];
			uint32_t id = clients_at(d->clients, 0)->id;
			assert_true(clients_revoke(d->clients, id, error, sizeof(error)));
			assert_int_equal(unlinkat(d->dir_fd, "clients.json", 0), 0);
		}
		pairing_desk_expire(d->desk, clock_now_ns() + 181 * ES_NS_PER_S);
	}
	assert_int_equal(n_paired, 4);
}

// One address has ten guesses an hour, however the operator is talked into entering them.
static void test_ten_guesses(void **state) {
	struct desk *d = *state;
	struct es_pair_client client = {0};
	struct es_pairing_asker asker = asker_at("192.0.2.1"), other = asker_at("192.0.2.2");
	struct answered answered;
	struct told told;
	for (int i = 0; i < 30; i++) { // without a PIN it is no guess
		begin(d, &asker, &client, "1234", &answered);
		assert_int_equal(answered.n, 0);
		end_all(d);
	}
	for (int i = 0; i < 10; i++) {
		struct es_pairing_reply reply = {0};
		begin(d, &asker, &client, "1234", &answered);
		assert_int_equal(answered.n, 0);
		enter(d, 0, "1235", &told);
		step(d, &asker, &client, ES_PAIRING_CHALLENGE, &reply);
		step(d, &asker, &client, ES_PAIRING_RESPONSE, &reply);
		pairing_desk_give_up(d->desk, &asker);
		assert_int_equal(told.result, ES_PAIRING_WRONG_PIN);
	}
	begin(d, &asker, &client, "1234", &answered);
	assert_int_equal(answered.n, 1);
	assert_int_equal(answered.reply.status, 400);
	assert_non_null(strstr(answered.reply.message, "try again in 60 minutes"));
	assert_int_equal(n_waiting(d), 0);
	begin(d, &other, &client, "1234", &answered);
	assert_int_equal(answered.n, 0);
	end_all(d);
}

// No phase before the PIN, whatever is sent.
static void test_no_phase_before_pin(void **state) {
	struct desk *d = *state;
	for (int phase = 0; phase < 3; phase++) {
		struct es_pair_client client = {0};
		struct es_pairing_asker asker = asker_at("192.0.2.1");
		struct answered answered;
		struct es_pairing_reply reply = {0};
		begin(d, &asker, &client, "1234", &answered);
		step(d, &asker, &client, (enum es_pairing_phase)phase, &reply);
		assert_int_equal(reply.status, 400);
		assert_int_equal(answered.n, 1); // the attempt is over
		assert_int_equal(answered.reply.status, 400);
		refused(d, 0, "1234", "no device waits");
	}
	assert_false(on_disk(d));
}

static void test_limits(void **state) {
	struct desk *d = *state;
	static const char *const addresses[] = {
			"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"};
	struct es_pair_client client = {0};
	struct answered answered[5], again, other;
	for (int i = 0; i < 5; i++) {
		struct es_pairing_asker asker = asker_at(addresses[i]);
		begin(d, &asker, &client, "1234", &answered[i]);
		assert_int_equal(answered[i].n, i < 4 ? 0 : 1);
	}
	assert_int_equal(answered[4].reply.status, 400);
	assert_int_equal(n_waiting(d), 4);
	refused(d, 0, "1234", "4 devices wait");

	// Another id at the same address pushes nobody out.
	struct es_pairing_asker asker = asker_at(addresses[0]);
	asker.unique_id = "AA";
	begin(d, &asker, &client, "1234", &other);
	assert_int_equal(other.n, 1);
	assert_int_equal(other.reply.status, 400);
	assert_int_equal(answered[0].n, 0);

	// The same one replaces itself.
	asker = asker_at(addresses[0]);
	begin(d, &asker, &client, "1234", &again);
	assert_int_equal(again.n, 0);
	assert_int_equal(answered[0].n, 1);
	assert_int_equal(answered[0].reply.status, 400);
	assert_int_equal(n_waiting(d), 4);

	// Who hangs up makes room.
	pairing_desk_hung_up(d->desk, &answered[1]);
	assert_int_equal(answered[1].n, 0);
	asker = asker_at(addresses[4]);
	begin(d, &asker, &client, "1234", &answered[4]);
	assert_int_equal(answered[4].n, 0);
	end_all(d);
}

static void test_flood(void **state) {
	struct desk *d = *state;
	struct es_pair_client client = {0};
	struct answered answered;
	char id[32], address[32];
	pair_client_begin(&client, &phone, "1234");
	for (int i = 0; i < 20000; i++) {
		snprintf(id, sizeof(id), "%X", i);
		snprintf(address, sizeof(address), "192.0.2.%d", i % 3);
		struct es_pairing_asker asker = {.unique_id = id, .address = address};
		answered.n = 0;
		pairing_desk_begin(d->desk, &asker, client.salt_hex, client.hex, on_answer, &answered);
		assert_int_equal(answered.n, i < 3 ? 0 : 1);
	}
	assert_int_equal(n_waiting(d), 3);
	end_all(d);
}

static void test_pin_words(void **state) {
	struct desk *d = *state;
	static const char *const bad[] = {"", "123", "12345", "12a4", " 1234", "-123", "１２"};
	struct es_pair_client client = {0};
	struct es_pairing_asker asker = asker_at("192.0.2.1");
	struct answered answered;
	refused(d, 0, "1234", "no device waits");
	begin(d, &asker, &client, "1234", &answered);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused(d, 0, bad[i], "four digits");
	}
	refused(d, 77, "1234", "77");
	assert_int_equal(answered.n, 0); // still waits
	struct told told;
	enter(d, 0, "1234", &told);
	refused(d, 0, "1234", "no device waits"); // one PIN, one attempt
	end_all(d);
}

// Two at once do not mix.
static void test_interleaved(void **state) {
	struct desk *d = *state;
	struct es_pair_client one = {0}, two = {.identity = &tablet};
	struct es_pairing_asker a = asker_at("192.0.2.1"), b = asker_at("192.0.2.2");
	struct answered answered_a, answered_b;
	struct told told_a, told_b;
	struct es_pairing_reply reply_a = {0}, reply_b = {0};
	struct es_pairing_info infos[2];
	begin(d, &a, &one, "1111", &answered_a);
	begin(d, &b, &two, "2222", &answered_b);
	assert_int_equal(pairing_desk_list(d->desk, infos, 2), 2);
	enter(d, infos[1].id, "2222", &told_b);
	enter(d, infos[0].id, "1111", &told_a);
	for (int phase = 0; phase < 3; phase++) {
		step(d, &a, &one, (enum es_pairing_phase)phase, &reply_a);
		step(d, &b, &two, (enum es_pairing_phase)phase, &reply_b);
		assert_true(reply_a.paired);
		assert_true(reply_b.paired);
	}
	assert_int_equal(clients_count(d->clients), 2);
	// A's messages from B's address: no session of A there.
	begin(d, &a, &one, "1111", &answered_a);
	enter(d, 0, "1111", &told_a);
	step(d, &b, &one, ES_PAIRING_CHALLENGE, &reply_b);
	assert_int_equal(reply_b.status, 400);
	assert_int_equal(told_a.n, 0);
	end_all(d);
}

static void test_full_disk(void **state) {
	struct desk *d = *state;
	struct es_pair_client client = {0};
	struct es_pairing_asker asker = asker_at("192.0.2.1");
	struct answered answered;
	struct told told;
	struct es_pairing_reply reply = {0};
	struct rlimit before, none;
	begin(d, &asker, &client, "1234", &answered);
	enter(d, 0, "1234", &told);
	step(d, &asker, &client, ES_PAIRING_CHALLENGE, &reply);
	step(d, &asker, &client, ES_PAIRING_RESPONSE, &reply);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	step(d, &asker, &client, ES_PAIRING_SECRET, &reply);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_false(reply.paired);
	assert_int_equal(reply.status, 200);
	assert_int_equal(told.result, ES_PAIRING_FAILED);
	assert_true(strlen(told.text) > 0);
	assert_int_equal(clients_count(d->clients), 0);
}

static void test_forget_and_names(void **state) {
	struct desk *d = *state;
	struct es_pair_client client = {0};
	struct es_pairing_asker asker = asker_at("192.0.2.1");
	struct answered answered;
	struct told told;
	struct es_pairing_info info;
	asker.name =
			"evil\x1b[2J\n\xff\xe2\x80\xae name that is much longer than a name may be, and goes on and on";
	begin(d, &asker, &client, "1234", &answered);
	assert_int_equal(pairing_desk_list(d->desk, &info, 1), 1);
	for (const char *c = info.name; *c != '\0'; c++) {
		assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
	}
	enter(d, 0, "1234", &told);
	pairing_desk_forget(d->desk, &told);
	pairing_desk_give_up(d->desk, &asker);
	assert_int_equal(told.n, 0);
	// Bad certificates and salts never wait.
	pairing_desk_begin(d->desk, &asker, "00", client.hex, on_answer, &answered);
	assert_int_equal(answered.reply.status, 400);
	pairing_desk_begin(d->desk, &asker, client.salt_hex, "00", on_answer, &answered);
	assert_int_equal(answered.reply.status, 400);
	assert_int_equal(n_waiting(d), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_pairs, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_wrong_pin, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_wrong_pin_goes_on, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_expires, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_orders, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_ten_guesses, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_no_phase_before_pin, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_pin_words, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_interleaved, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_forget_and_names, set_up, tear_down),
	};
	if (!identity_generate(&host, "host") || !identity_generate(&phone, "phone") ||
			!identity_generate(&tablet, "tablet")) {
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
