// Who may use the console: one password, the logins (browsers) that it has opened, and tokens with
// roles for scripts. Kept in one file of the state folder, from which no secret can be read back; logins
// are in memory only. Single-threaded, on the host's event loop; hashing, which is slow on purpose, is
// done elsewhere.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "host/api.h"

#define ES_LOGIN_SECRET_SIZE 65 // 32 bytes in hex and its NUL
#define ES_LOGIN_PASSWORD_MIN 8
#define ES_LOGIN_PASSWORD_MAX 256
#define ES_LOGIN_CONFIRM_S (10 * 60)
#define ES_LOGIN_MAX_TOKENS 32
#define ES_LOGIN_TOKEN_NAME_MAX 64
#define ES_LOGIN_TOKEN_SIZE (ES_LOGIN_SECRET_SIZE + 3)

struct es_login;

// NULL with the reason in error[cap]. Without a password there is a one-time link. All borrowed.
struct es_login *login_create(sd_event *event, int state_fd, char *error, size_t cap);
void login_destroy(struct es_login *login); // NULL is fine
// `ended` is called whenever somebody may no longer be who they were.
void login_on_end(struct es_login *login, void (*ended)(void *data), void *data);

bool login_has_password(const struct es_login *login);
// The secret of the one-time link, with which the password can be set; NULL: there is none.
const char *login_setup(const struct es_login *login);
// A new one, whether there is a password or not. False with the reason in error[cap].
bool login_make_setup(struct es_login *login, char *error, size_t cap);

// --- who asks

struct es_login_who {
	enum es_role role;
	unsigned confirmed_s; // the password was given a short while ago: for so long it counts
	uint64_t session; // a browser's login; 0: none
	uint32_t token; // of a script; 0: none
};
// Of a request's header lines (NULL: not there).
struct es_login_who login_who(
		struct es_login *login, const char *cookies, const char *authorization, bool secure);
// Whether that login or token is still there.
bool login_stays(struct es_login *login, const struct es_login_who *who);
void login_end(struct es_login *login, uint64_t session);

// How a browser's request came by, and what its answer gives it.
struct es_web_visit {
	struct es_login_who who;
	const char *peer; // numeric address
	bool secure; // over TLS
	char cookie[192]; // of the answer; "": none
	char retry_after[16]; // the same: seconds
};

// --- the password

enum es_login_wish {
	ES_LOGIN_ENTER, // a new login
	ES_LOGIN_CONFIRM, // of the login `session`
	ES_LOGIN_SET, // by the one-time link; all logins end, a new one begins
	ES_LOGIN_CHANGE, // the same, by the old password
};
struct es_login_result {
	unsigned status; // as of HTTP; 200: done
	const char *text; // what went wrong
	unsigned wait_s; // 429: until the next try
	char secret[ES_LOGIN_SECRET_SIZE]; // of a new login's cookie; "": none
};
struct es_login_try {
	enum es_login_wish wish;
	const char *peer, *password, *fresh, *setup; // copied; NULL what the wish needs not
	uint64_t session;
	// The result is valid during the call.
	void (*done)(void *data, const struct es_login_result *result);
	void *data;
};
// Calls done once, now or later.
void login_try(struct es_login *login, const struct es_login_try *attempt);
// done with this data is not called any more.
void login_forget(struct es_login *login, const void *data);

// --- tokens

struct es_login_token {
	uint32_t id; // from 1 on, never used again
	char name[ES_LOGIN_TOKEN_NAME_MAX];
	enum es_role role;
	time_t created_at;
};
size_t login_tokens(const struct es_login *login, struct es_login_token *out, size_t cap);
// Its secret is told this once. False with the reason in error[cap].
bool login_make_token(struct es_login *login, const char *name, enum es_role role,
		struct es_login_token *token, char secret[ES_LOGIN_TOKEN_SIZE], char *error, size_t cap);
// *known false: there is no such token.
bool login_drop_token(struct es_login *login, uint32_t id, bool *known, char *error, size_t cap);
