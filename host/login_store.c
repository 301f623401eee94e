#include "host/login_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yyjson.h>

#include "base/log.h"
#include "host/safe_text.h"
#include "host/state_file.h"

#define FILE_NAME "console.json"
#define SETUP_NAME "console-setup"

// --- console.json

static bool put_token(
		yyjson_mut_doc *doc, yyjson_mut_val *items, const struct es_login_kept_token *token) {
	char hash[2 * ES_SHA256_SIZE + 1];
	hex_encode(token->hash, ES_SHA256_SIZE, hash);
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
	return item != NULL && yyjson_mut_obj_add_uint(doc, item, "id", token->told.id) &&
			yyjson_mut_obj_add_strcpy(doc, item, "name", token->told.name) &&
			yyjson_mut_obj_add_str(doc, item, "role", role_name(token->told.role)) &&
			yyjson_mut_obj_add_sint(doc, item, "created_at", token->told.created_at) &&
			yyjson_mut_obj_add_strcpy(doc, item, "sha256", hash);
}

static char *write_text(const struct es_login_store *store, size_t *size) {
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
	bool ok = root != NULL && yyjson_mut_obj_add_uint(doc, root, "version", 1) &&
			(store->password[0] == '\0' ||
					yyjson_mut_obj_add_str(doc, root, "password", store->password)) &&
			yyjson_mut_obj_add_uint(doc, root, "next_token", store->next_token);
	yyjson_mut_val *items = ok ? yyjson_mut_obj_add_arr(doc, root, "tokens") : NULL;
	ok = items != NULL;
	for (size_t i = 0; ok && i < store->n_tokens; i++) {
		ok = put_token(doc, items, &store->tokens[i]);
	}
	yyjson_mut_doc_set_root(doc, root);
	char *text = ok ? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, size)
					: NULL;
	yyjson_mut_doc_free(doc);
	return text;
}

bool login_store_save(const struct es_login_store *store, char *error, size_t cap) {
	size_t size = 0;
	char *text = write_text(store, &size);
	if (text == NULL) {
		snprintf(error, cap, "cannot write '" FILE_NAME "': out of memory");
		return false;
	}
	bool ok = state_file_write(store->state_fd, FILE_NAME, text, size, error, cap);
	crypto_wipe(text, size);
	free(text);
	return ok;
}

static bool is_plain(yyjson_val *text, size_t cap) {
	return yyjson_is_str(text) && yyjson_get_len(text) > 0 && yyjson_get_len(text) < cap &&
			strlen(yyjson_get_str(text)) == yyjson_get_len(text) &&
			safe_text_is(yyjson_get_str(text));
}

static bool take_token(struct es_login_kept_token *token, yyjson_val *item, uint32_t next) {
	yyjson_val *id = yyjson_obj_get(item, "id"), *name = yyjson_obj_get(item, "name");
	yyjson_val *role = yyjson_obj_get(item, "role"), *hash = yyjson_obj_get(item, "sha256");
	yyjson_val *created_at = yyjson_obj_get(item, "created_at");
	if (!yyjson_is_uint(id) || yyjson_get_uint(id) < 1 || yyjson_get_uint(id) >= next ||
			!is_plain(name, sizeof(token->told.name)) || !yyjson_is_str(role) ||
			!role_parse(yyjson_get_str(role), &token->told.role) ||
			token->told.role == ES_ROLE_NONE || !yyjson_is_int(created_at) ||
			!yyjson_is_str(hash) ||
			!hex_decode(
					yyjson_get_str(hash), yyjson_get_len(hash), token->hash, sizeof(token->hash))) {
		return false;
	}
	token->told.id = (uint32_t)yyjson_get_uint(id);
	token->told.created_at = (time_t)yyjson_get_sint(created_at);
	memcpy(token->told.name, yyjson_get_str(name), yyjson_get_len(name) + 1);
	return true;
}

static bool take_root(struct es_login_store *store, yyjson_val *root) {
	yyjson_val *password = yyjson_obj_get(root, "password"), *item;
	yyjson_val *tokens = yyjson_obj_get(root, "tokens"), *next = yyjson_obj_get(root, "next_token");
	size_t i, n;
	if (yyjson_get_uint(yyjson_obj_get(root, "version")) != 1 || !yyjson_is_arr(tokens) ||
			yyjson_arr_size(tokens) > ES_LOGIN_MAX_TOKENS || !yyjson_is_uint(next) ||
			yyjson_get_uint(next) < 1 || yyjson_get_uint(next) > UINT32_MAX ||
			(password != NULL && !is_plain(password, sizeof(store->password)))) {
		return false;
	}
	store->next_token = (uint32_t)yyjson_get_uint(next);
	if (password != NULL) {
		memcpy(store->password, yyjson_get_str(password), yyjson_get_len(password) + 1);
	}
	yyjson_arr_foreach(tokens, i, n, item) {
		if (!take_token(&store->tokens[store->n_tokens++], item, store->next_token)) {
			return false;
		}
	}
	return true;
}

static bool read_file(struct es_login_store *store, char *error, size_t cap) {
	char *text = NULL, path[4096];
	size_t size = 0;
	switch (state_file_read(store->state_fd, FILE_NAME, &text, &size, error, cap)) {
	case ES_STATE_ABSENT:
		return true;
	case ES_STATE_UNREADABLE:
		return false;
	case ES_STATE_READ:
		break;
	}
	yyjson_doc *doc = yyjson_read(text, size, 0);
	bool ok = take_root(store, yyjson_doc_get_root(doc));
	yyjson_doc_free(doc);
	crypto_wipe(text, size);
	free(text);
	if (!ok) {
		state_file_describe(store->state_fd, FILE_NAME, path, sizeof(path));
		snprintf(error, cap,
				"'%s' is damaged; restore it from a copy, or remove it: the console then gets a new "
				"password, and tokens have to be made again",
				path);
	}
	return ok;
}

// --- the one-time link

static bool is_secret(const char *text, size_t size) {
	uint8_t bytes[ES_SHA256_SIZE];
	return hex_decode(text, size, bytes, sizeof(bytes));
}

static bool read_setup(struct es_login_store *store, char *error, size_t cap) {
	char *text = NULL;
	size_t size = 0;
	enum es_state_read read =
			state_file_read(store->state_fd, SETUP_NAME, &text, &size, error, cap);
	if (read != ES_STATE_READ) {
		return read == ES_STATE_ABSENT;
	}
	size -= size > 0 && text[size - 1] == '\n';
	if (size == ES_LOGIN_SECRET_SIZE - 1 && is_secret(text, size)) {
		memcpy(store->setup, text, size);
	}
	crypto_wipe(text, size);
	free(text);
	return true;
}

bool login_store_make_setup(struct es_login_store *store, char *error, size_t cap) {
	uint8_t bytes[ES_SHA256_SIZE];
	char line[ES_LOGIN_SECRET_SIZE + 1];
	crypto_random(bytes, sizeof(bytes));
	hex_encode(bytes, sizeof(bytes), line);
	memcpy(line + ES_LOGIN_SECRET_SIZE - 1, "\n", 2);
	bool ok = state_file_write(store->state_fd, SETUP_NAME, line, ES_LOGIN_SECRET_SIZE, error, cap);
	if (ok) {
		hex_encode(bytes, sizeof(bytes), store->setup);
	}
	crypto_wipe(bytes, sizeof(bytes));
	crypto_wipe(line, sizeof(line));
	return ok;
}

void login_store_drop_setup(struct es_login_store *store) {
	crypto_wipe(store->setup, sizeof(store->setup));
	if (unlinkat(store->state_fd, SETUP_NAME, 0) != 0 && errno != ENOENT) {
		es_log(ES_LOG_WARN,
				"the one-time link was used, but its file '" SETUP_NAME "' cannot be removed (%s); "
				"remove it, else it is good again after the next start",
				strerror(errno));
	}
}

bool login_store_load(struct es_login_store *store, int state_fd, char *error, size_t cap) {
	*store = (struct es_login_store){.state_fd = state_fd, .next_token = 1};
	return read_file(store, error, cap) && read_setup(store, error, cap) &&
			(store->password[0] != '\0' || store->setup[0] != '\0' ||
					login_store_make_setup(store, error, cap));
}
