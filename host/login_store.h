// What the console's login keeps in the state folder. Nothing in console.json opens anything; the secret
// of the one-time link is in a file of its own, for as long as it is good.
#pragma once

#include "host/login.h"
#include "host/password.h"
#include "protocol/crypto.h"

struct es_login_kept_token {
	struct es_login_token told;
	uint8_t hash[ES_SHA256_SIZE]; // of its secret
};

struct es_login_store {
	int state_fd; // borrowed
	char password[ES_PASSWORD_HASH_MAX]; // its hash; "": none
	struct es_login_kept_token tokens[ES_LOGIN_MAX_TOKENS];
	size_t n_tokens;
	uint32_t next_token;
	char setup[ES_LOGIN_SECRET_SIZE]; // "": none
};

// False with the reason in error[cap].
bool login_store_load(struct es_login_store *store, int state_fd, char *error, size_t cap);
// Password and tokens.
bool login_store_save(const struct es_login_store *store, char *error, size_t cap);
// A new one-time secret; or none.
bool login_store_make_setup(struct es_login_store *store, char *error, size_t cap);
void login_store_drop_setup(struct es_login_store *store);
