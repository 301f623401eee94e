// The identity and the list of paired clients, and what is refused of them.
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
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/clients.h"
#include "host/clients_file.h"
#include "host/identity.h"
#include "host/state_file.h"

struct fixture {
	char path[64];
	int dir_fd;
	struct es_cert certs[3]; // of three devices
	char error[1024];
};

static int set_up_group(void **state) {
	static struct fixture f;
	struct es_identity *identity = calloc(1, sizeof(*identity));
	assert_non_null(identity);
	for (int i = 0; i < 3; i++) {
		assert_true(identity_generate(identity, "NVIDIA GameStream Client"));
		f.certs[i] = identity->cert;
	}
	free(identity);
	*state = &f;
	return 0;
}

static int set_up(void **state) {
	struct fixture *f = *state;
	snprintf(f->path, sizeof(f->path), "/tmp/es-clients-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->dir_fd = state_dir_open_at(f->path, f->error, sizeof(f->error));
	assert_true(f->dir_fd >= 0);
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;
	unlinkat(f->dir_fd, ES_CLIENTS_FILE, 0);
	unlinkat(f->dir_fd, ES_IDENTITY_FILE, 0);
	fd_close(&f->dir_fd);
	return rmdir(f->path);
}

static struct es_clients *load(struct fixture *f) {
	struct es_clients *clients = clients_load(f->dir_fd, f->error, sizeof(f->error));
	if (clients == NULL) {
		print_message("%s\n", f->error);
	}
	assert_non_null(clients);
	return clients;
}

static uint32_t add(struct fixture *f, struct es_clients *clients, int which, const char *name) {
	uint32_t id = 0;
	assert_true(clients_add(clients, &f->certs[which], name, &id, f->error, sizeof(f->error)));
	return id;
}

static void check_client(
		const struct es_client *client, uint32_t id, const char *name, const struct es_cert *cert) {
	assert_non_null(client);
	assert_int_equal(client->id, id);
	assert_string_equal(client->name, name);
	assert_int_equal(client->cert.der_size, cert->der_size);
	assert_memory_equal(client->cert.der, cert->der, cert->der_size);
	assert_memory_equal(client->fingerprint, cert->fingerprint, ES_SHA256_SIZE);
	assert_int_equal(client->cert.signature_size, cert->signature_size);
}

static bool change(struct fixture *f, struct es_clients *clients, uint32_t id,
		const struct es_client_change *change) {
	return clients_change(clients, id, change, f->error, sizeof(f->error));
}

static void test_changes_last(void **state) {
	struct fixture *f = *state;
	struct es_clients *clients = load(f);
	assert_int_equal(clients_count(clients), 0);
	struct stat st;
	assert_true(fstatat(f->dir_fd, ES_CLIENTS_FILE, &st, 0) != 0); // nothing to keep yet
	assert_int_equal(add(f, clients, 0, "Deck"), 1);
	assert_int_equal(add(f, clients, 1, "Fernseher \xc3\xa4"), 2);
	assert_true(change(f, clients, 1, &(struct es_client_change){.name = "Steam Deck"}));
	assert_true(change(f, clients, 2, &(struct es_client_change){.legacy = &(bool){true}}));
	assert_true(change(f, clients, 1, &(struct es_client_change){.keyboard = "us,ru"}));
	assert_true(change(f, clients, 2, &(struct es_client_change){.keyboard = "fr"}));
	assert_true(change(f, clients, 2, &(struct es_client_change){.keyboard = ""}));
	assert_false(change(f, clients, 2, &(struct es_client_change){.keyboard = "de;rm"}));
	assert_non_null(strstr(f->error, "'de;rm' is not an xkb layout"));
	assert_true(change(f, clients, 1, &(struct es_client_change){.clipboard = &(bool){true}}));
	assert_true(change(f, clients, 2, &(struct es_client_change){.clipboard = &(bool){true}}));
	assert_true(change(f, clients, 2, &(struct es_client_change){.clipboard = &(bool){false}}));
	time_t paired_at = clients_find(clients, 2)->paired_at;
	assert_true(paired_at > 0);
	clients_destroy(clients);

	clients = load(f);
	assert_int_equal(clients_count(clients), 2);
	check_client(clients_at(clients, 0), 1, "Steam Deck", &f->certs[0]);
	check_client(clients_at(clients, 1), 2, "Fernseher \xc3\xa4", &f->certs[1]);
	assert_false(clients_at(clients, 0)->legacy);
	assert_true(clients_at(clients, 1)->legacy);
	assert_true(clients_at(clients, 0)->clipboard);
	assert_false(clients_at(clients, 1)->clipboard);
	assert_string_equal(clients_at(clients, 0)->keyboard, "us,ru");
	assert_string_equal(clients_at(clients, 1)->keyboard, "");
	assert_int_equal(clients_at(clients, 1)->paired_at, paired_at);
	assert_ptr_equal(clients_find_der(clients, f->certs[1].der, f->certs[1].der_size),
			clients_at(clients, 1));
	assert_null(clients_find_der(clients, f->certs[2].der, f->certs[2].der_size));
	assert_null(clients_find_der(clients, f->certs[1].der, f->certs[1].der_size - 1));
	clients_destroy(clients);
}

static void test_ids_are_not_used_again(void **state) {
	struct fixture *f = *state;
	struct es_clients *clients = load(f);
	add(f, clients, 0, "a");
	add(f, clients, 1, "b");
	assert_true(clients_revoke(clients, 2, f->error, sizeof(f->error)));
	assert_null(clients_find_der(clients, f->certs[1].der, f->certs[1].der_size));
	clients_destroy(clients);
	clients = load(f);
	assert_int_equal(clients_count(clients), 1);
	assert_int_equal(add(f, clients, 1, "b"), 3);
	// The same device pairs again: what the operator has said about it stays.
	assert_true(change(f, clients, 1, &(struct es_client_change){.name = "mine"}));
	assert_int_equal(add(f, clients, 0, "roth"), 1);
	assert_int_equal(clients_count(clients), 2);
	assert_string_equal(clients_find(clients, 1)->name, "mine");
	assert_false(clients_revoke(clients, 2, f->error, sizeof(f->error)));
	assert_non_null(strstr(f->error, "no client 2"));
	assert_true(clients_revoke(clients, 1, f->error, sizeof(f->error)));
	assert_true(clients_revoke(clients, 3, f->error, sizeof(f->error)));
	clients_destroy(clients);
	clients = load(f);
	assert_int_equal(add(f, clients, 2, "c"), 4);
	clients_destroy(clients);
}

static void test_names(void **state) {
	struct fixture *f = *state;
	struct es_clients *clients = load(f);
	add(f, clients, 0, "evil\x1b[2J\xff\xe2\x80\xae");
	assert_string_equal(clients_at(clients, 0)->name, "evil\\x1b[2J\\xff\\xe2\\x80\\xae");
	char long_name[200];
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	add(f, clients, 1, long_name);
	assert_int_equal(strlen(clients_at(clients, 1)->name), ES_CLIENT_NAME_MAX - 1);
	static const char *const bad[] = {"", "a\nb", "\xff", "\xe2\x80\xae"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(change(f, clients, 1, &(struct es_client_change){.name = bad[i]}));
	}
	assert_false(change(f, clients, 1, &(struct es_client_change){.name = long_name}));
	clients_destroy(clients);
	clients_destroy(load(f));
}

static void test_all_or_nothing(void **state) {
	struct fixture *f = *state;
	struct es_clients *clients = load(f);
	add(f, clients, 0, "a");
	struct es_client_change several = {.name = "b",
			.keyboard = "de;rm",
			.legacy = &(bool){true},
			.clipboard = &(bool){true},
			.role = &(enum es_role){ES_ROLE_VIEW}};
	assert_false(change(f, clients, 1, &several));
	several.keyboard = "de";
	several.name = "\xff";
	assert_false(change(f, clients, 1, &several));
	const struct es_client *client = clients_at(clients, 0);
	check_client(client, 1, "a", &f->certs[0]);
	assert_string_equal(client->keyboard, "");
	assert_false(client->legacy || client->clipboard);
	assert_int_equal(client->role, ES_ROLE_PLAY);
	several.name = "b";
	assert_true(change(f, clients, 1, &several));
	clients_destroy(clients);
	clients = load(f);
	client = clients_at(clients, 0);
	check_client(client, 1, "b", &f->certs[0]);
	assert_string_equal(client->keyboard, "de");
	assert_true(client->legacy && client->clipboard);
	assert_int_equal(client->role, ES_ROLE_VIEW);
	clients_destroy(clients);
}

static void test_change_that_cannot_be_written(void **state) {
	struct fixture *f = *state;
	struct es_clients *clients = load(f);
	add(f, clients, 0, "a");
	// A folder in the way: the temporary file cannot take the list's place.
	assert_int_equal(unlinkat(f->dir_fd, ES_CLIENTS_FILE, 0), 0);
	assert_int_equal(mkdirat(f->dir_fd, ES_CLIENTS_FILE, 0700), 0);
	uint32_t id;
	assert_false(clients_add(clients, &f->certs[1], "b", &id, f->error, sizeof(f->error)));
	assert_non_null(strstr(f->error, ES_CLIENTS_FILE));
	assert_false(change(f, clients, 1, &(struct es_client_change){.name = "c"}));
	assert_false(change(f, clients, 1, &(struct es_client_change){.legacy = &(bool){true}}));
	assert_false(clients_revoke(clients, 1, f->error, sizeof(f->error)));
	assert_int_equal(clients_count(clients), 1);
	check_client(clients_at(clients, 0), 1, "a", &f->certs[0]);
	assert_false(clients_at(clients, 0)->legacy);
	assert_int_equal(unlinkat(f->dir_fd, ES_CLIENTS_FILE, AT_REMOVEDIR), 0);
	assert_int_equal(add(f, clients, 1, "b"), 2);
	clients_destroy(clients);
}

// The file with one thing changed is refused, with that reason.
static void expect_refused(struct fixture *f, const char *text, size_t size, const char *word) {
	assert_true(
			state_file_write(f->dir_fd, ES_CLIENTS_FILE, text, size, f->error, sizeof(f->error)));
	struct es_clients *clients = clients_load(f->dir_fd, f->error, sizeof(f->error));
	assert_null(clients);
	if (strstr(f->error, word) == NULL) {
		fail_msg("no '%s' in: %s", word, f->error);
	}
	assert_non_null(strstr(f->error, f->path));
}

static void expect_replaced_refused(
		struct fixture *f, const char *text, const char *what, const char *by, const char *word) {
	char *changed = NULL;
	const char *at = strstr(text, what);
	assert_non_null(at);
	int size = asprintf(&changed, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
	assert_true(size > 0);
	expect_refused(f, changed, (size_t)size, word);
	free(changed);
}

static void test_refused_lists(void **state) {
	struct fixture *f = *state;
	struct es_clients *clients = load(f);
	add(f, clients, 0, "one");
	add(f, clients, 1, "two");
	assert_true(change(f, clients, 1, &(struct es_client_change){.keyboard = "de"}));
	clients_destroy(clients);
	char *text = NULL;
	size_t size = 0;
	assert_int_equal(
			state_file_read(f->dir_fd, ES_CLIENTS_FILE, &text, &size, f->error, sizeof(f->error)),
			ES_STATE_READ);
	for (size_t cut = 0; cut + 2 < size; cut += 97) {
		expect_refused(f, text, cut, "byte");
	}
	expect_refused(f, "[]", 2, "object");
	expect_replaced_refused(f, text, "\"version\": 1", "\"version\": 2", "version");
	expect_replaced_refused(f, text, "\"next_id\": 3", "\"next_id\": 2", "client 2");
	expect_replaced_refused(f, text, "\"next_id\": 3", "\"next_id\": -3", "next_id");
	expect_replaced_refused(f, text, "\"id\": 2", "\"id\": 1", "client 2");
	expect_replaced_refused(f, text, "\"one\"", "\"\\u0007\"", "name");
	expect_replaced_refused(f, text, "\"one\"", "\"a\\u0000b\"", "name");
	expect_replaced_refused(f, text, "\"one\"", "7", "name");
	expect_replaced_refused(f, text, "\"legacy\": false", "\"legacy\": 0", "legacy");
	expect_replaced_refused(
			f, text, "\"legacy\": false", "\"legacy\": false, \"clipboard\": 1", "clipboard");
	expect_replaced_refused(f, text, "\"de\"", "\"d e\"", "keyboard");
	expect_replaced_refused(f, text, "\"de\"", "7", "keyboard");
	expect_replaced_refused(f, text, "MII", "NII", "client 1");
	expect_replaced_refused(f, text, "\"clients\"", "\"klients\"", "clients is missing");
	free(text);
}

static void test_identity_is_kept(void **state) {
	struct fixture *f = *state;
	struct es_identity *first = calloc(2, sizeof(*first)), *second = first + 1;
	char id[ES_UNIQUE_ID_SIZE], again[ES_UNIQUE_ID_SIZE];
	assert_true(identity_open(f->dir_fd, first, id, f->error, sizeof(f->error)));
	assert_int_equal(strlen(id), 36);
	assert_true(identity_open(f->dir_fd, second, again, f->error, sizeof(f->error)));
	assert_string_equal(id, again);
	assert_string_equal(first->key_pem, second->key_pem);
	assert_string_equal(first->cert_pem, second->cert_pem);
	assert_int_equal(first->cert.der_size, second->cert.der_size);
	uint8_t signature[ES_CERT_MAX_SIGNATURE];
	size_t size = identity_sign(second, "moon", 4, signature);
	assert_true(size > 0 && cert_verify(&first->cert, "moon", 4, signature, size));
	free(first);
}

static void test_lost_identity(void **state) {
	struct fixture *f = *state;
	struct es_identity *identity = calloc(1, sizeof(*identity));
	char id[ES_UNIQUE_ID_SIZE];
	assert_true(identity_open(f->dir_fd, identity, id, f->error, sizeof(f->error)));
	struct es_clients *clients = load(f);
	add(f, clients, 0, "a");
	clients_destroy(clients);
	char *text = NULL;
	size_t size = 0;
	assert_int_equal(
			state_file_read(f->dir_fd, ES_IDENTITY_FILE, &text, &size, f->error, sizeof(f->error)),
			ES_STATE_READ);
	assert_int_equal(unlinkat(f->dir_fd, ES_IDENTITY_FILE, 0), 0);
	assert_false(identity_open(f->dir_fd, identity, id, f->error, sizeof(f->error)));
	assert_non_null(strstr(f->error, ES_CLIENTS_FILE));
	struct stat st;
	assert_true(fstatat(f->dir_fd, ES_IDENTITY_FILE, &st, 0) != 0);
	for (size_t cut = 0; cut + 2 < size; cut += 61) {
		assert_true(state_file_write(
				f->dir_fd, ES_IDENTITY_FILE, text, cut, f->error, sizeof(f->error)));
		assert_false(identity_open(f->dir_fd, identity, id, f->error, sizeof(f->error)));
		assert_non_null(strstr(f->error, ES_IDENTITY_FILE));
		assert_null(strstr(f->error, "PRIVATE"));
	}
	assert_true(
			state_file_write(f->dir_fd, ES_IDENTITY_FILE, text, size, f->error, sizeof(f->error)));
	assert_true(identity_open(f->dir_fd, identity, id, f->error, sizeof(f->error)));
	free(text);
	free(identity);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_changes_last, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_ids_are_not_used_again, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_all_or_nothing, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_change_that_cannot_be_written, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_refused_lists, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_identity_is_kept, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_lost_identity, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, set_up_group, NULL);
}
