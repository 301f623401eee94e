// Who may use the console: one password, the logins (browsers) that it has opened, and tokens with
// roles for scripts. Kept in one file of the state folder, in which no secret can be read back; logins
// are in memory only. Single-threaded, on the host's event loop; what is slow on purpose is not done
// there.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/api.h"

#define ES_LOGIN_FILE "console.json"
#define ES_LOGIN_SETUP_FILE \
	"console-setup" // the one-time link's secret, for as long as there is one
#define ES_LOGIN_SECRET_SIZE 44 // 32 bytes in text and its NUL
#define ES_LOGIN_PASSWORD_MIN 8
#define ES_LOGIN_PASSWORD_MAX 256
#define ES_LOGIN_CONFIRM_S (10 * 60)
#define ES_LOGIN_MAX_TOKENS 32
#define ES_LOGIN_TOKEN_NAME_MAX 64

struct es_login;

// NULL with the reason in error[cap]. Without a password there is a one-time link. All borrowed.
struct es_login *login_create(sd_event *event, int state_fd, char *error, size_t cap);
void login_destroy(struct es_login *login); // NULL is fine

// --- who asks

struct es_login_who {
	enum es_role role;
	bool confirmed; // the password was given a short while ago
	uint64_t session; // a browser's login; 0: none
	uint32_t token; // of a script; 0: none
};
// Of a request's header lines (NULL: not there).
struct es_login_who login_who(
		struct es_login *login, const char *cookies, const char *authorization, bool secure);

// How a browser's request came by, and what its answer gives it.
struct es_web_visit {
	uint64_t session;
	const char *peer; // numeric address
	bool secure; // over TLS
	char cookie[160]; // of the answer; "": none
};
