#include "host/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/login_limit.h"
#include "host/login_store.h"
#include "host/safe_text.h"
#include "host/web_cookie.h"

#define MAX_SESSIONS 64
#define IDLE_NS (24 * 3600 * ES_NS_PER_S)
#define LONGEST_NS (ES_WEB_COOKIE_S * ES_NS_PER_S)
#define TOKEN_PREFIX "es_"
#define BEARER "Bearer "

struct session {
	uint64_t id; // 0: free
	uint8_t hash[ES_SHA256_SIZE]; // of its secret
	int64_t begun_ns, used_ns, confirmed_ns;
};

struct attempt {
	struct es_login *login; // borrowed
	struct attempt *next;
	enum es_login_wish wish;
	char peer[64];
	uint64_t session;
	char against[ES_PASSWORD_HASH_MAX]; // the hash when it began
	char fresh[ES_LOGIN_PASSWORD_MAX + 1];
	void (*done)(void *data, const struct es_login_result *result); // NULL: forgotten
	void *data;
};

struct es_login {
	struct es_login_store store;
	struct es_login_limit limit;
	struct es_password_jobs *jobs;
	struct session sessions[MAX_SESSIONS];
	uint64_t next_session;
	struct attempt *attempts;
	void (*ended)(void *data);
	void *ended_data;
};

struct es_login *login_create(sd_event *event, int state_fd, char *error, size_t cap) {
	struct es_login *login = calloc(1, sizeof(*login));
	if (login == NULL) {
		snprintf(error, cap, "cannot open the console: out of memory");
		return NULL;
	}
	login->next_session = 1;
	login->jobs = password_jobs_create(event);
	if (login->jobs == NULL || !login_store_load(&login->store, state_fd, error, cap)) {
		login_destroy(login);
		return NULL;
	}
	return login;
}

static void free_attempt(struct attempt *attempt) {
	crypto_wipe(attempt, sizeof(*attempt));
	free(attempt);
}

void login_destroy(struct es_login *login) {
	if (login == NULL) {
		return;
	}
	password_jobs_destroy(login->jobs);
	while (login->attempts != NULL) {
		struct attempt *attempt = login->attempts;
		login->attempts = attempt->next;
		free_attempt(attempt);
	}
	crypto_wipe(login, sizeof(*login));
	free(login);
}

void login_on_end(struct es_login *login, void (*ended)(void *data), void *data) {
	login->ended = ended;
	login->ended_data = data;
}

static void tell_ended(struct es_login *login) {
	if (login->ended != NULL) {
		login->ended(login->ended_data);
	}
}

bool login_has_password(const struct es_login *login) {
	return login->store.password[0] != '\0';
}

const char *login_setup(const struct es_login *login) {
	return login->store.setup[0] != '\0' ? login->store.setup : NULL;
}

bool login_make_setup(struct es_login *login, char *error, size_t cap) {
	return login_store_make_setup(&login->store, error, cap);
}

// --- logins

static bool is_over(const struct session *session, int64_t now_ns) {
	return session->id == 0 || now_ns - session->used_ns >= IDLE_NS ||
			now_ns - session->begun_ns >= LONGEST_NS;
}

static struct session *find_session(struct es_login *login, uint64_t id) {
	int64_t now = clock_now_ns();
	for (size_t i = 0; i < MAX_SESSIONS; i++) {
		if (id != 0 && login->sessions[i].id == id && !is_over(&login->sessions[i], now)) {
			return &login->sessions[i];
		}
	}
	return NULL;
}

// Looks at all of them, whichever it is.
static struct session *find_secret(struct es_login *login, const char *secret) {
	uint8_t hash[ES_SHA256_SIZE];
	struct session *found = NULL;
	int64_t now = clock_now_ns();
	crypto_sha256(secret, strlen(secret), hash);
	for (size_t i = 0; i < MAX_SESSIONS; i++) {
		struct session *session = &login->sessions[i];
		if (crypto_equal(session->hash, hash, sizeof(hash)) && !is_over(session, now)) {
			found = session;
		}
	}
	return found;
}

// When all places are taken, the one that was not used for the longest time ends.
static void begin_session(struct es_login *login, char secret[ES_LOGIN_SECRET_SIZE]) {
	uint8_t bytes[ES_SHA256_SIZE];
	int64_t now = clock_now_ns();
	struct session *place = &login->sessions[0];
	for (size_t i = 0; i < MAX_SESSIONS && !is_over(place, now); i++) {
		struct session *other = &login->sessions[i];
		place = is_over(other, now) || other->used_ns < place->used_ns ? other : place;
	}
	crypto_random(bytes, sizeof(bytes));
	hex_encode(bytes, sizeof(bytes), secret);
	*place = (struct session){
			.id = login->next_session++, .begun_ns = now, .used_ns = now, .confirmed_ns = now};
	crypto_sha256(secret, ES_LOGIN_SECRET_SIZE - 1, place->hash);
	crypto_wipe(bytes, sizeof(bytes));
}

static void end_all(struct es_login *login) {
	memset(login->sessions, 0, sizeof(login->sessions));
	tell_ended(login);
}

void login_end(struct es_login *login, uint64_t id) {
	struct session *session = find_session(login, id);
	if (session != NULL) {
		*session = (struct session){0};
		tell_ended(login);
	}
}

static unsigned confirmed_for(const struct session *session, int64_t now_ns) {
	int64_t left = session->confirmed_ns + ES_LOGIN_CONFIRM_S * ES_NS_PER_S - now_ns;
	return left > 0 ? (unsigned)((left + ES_NS_PER_S - 1) / ES_NS_PER_S) : 0;
}

static const struct es_login_kept_token *find_token(
		const struct es_login *login, const char *secret) {
	const struct es_login_kept_token *found = NULL;
	uint8_t hash[ES_SHA256_SIZE];
	crypto_sha256(secret, strlen(secret), hash);
	for (size_t i = 0; i < login->store.n_tokens; i++) {
		if (crypto_equal(login->store.tokens[i].hash, hash, sizeof(hash))) {
			found = &login->store.tokens[i];
		}
	}
	return found;
}

struct es_login_who login_who(
		struct es_login *login, const char *cookies, const char *authorization, bool secure) {
	char secret[ES_LOGIN_SECRET_SIZE];
	// Who shows a token, even a wrong one, is not looked at for a cookie.
	if (authorization != NULL) {
		const struct es_login_kept_token *token =
				strncasecmp(authorization, BEARER, strlen(BEARER)) == 0
				? find_token(login, authorization + strlen(BEARER))
				: NULL;
		return token == NULL
				? (struct es_login_who){.role = ES_ROLE_NONE}
				: (struct es_login_who){.role = token->told.role, .token = token->told.id};
	}
	struct session *session = web_cookie_find(cookies, secure, secret, sizeof(secret))
			? find_secret(login, secret)
			: NULL;
	if (session == NULL) {
		return (struct es_login_who){.role = ES_ROLE_NONE};
	}
	session->used_ns = clock_now_ns();
	return (struct es_login_who){.role = ES_ROLE_ADMIN,
			.session = session->id,
			.confirmed_s = confirmed_for(session, session->used_ns)};
}

bool login_stays(struct es_login *login, const struct es_login_who *who) {
	if (who->session != 0) {
		return find_session(login, who->session) != NULL;
	}
	for (size_t i = 0; i < login->store.n_tokens; i++) {
		if (login->store.tokens[i].told.id == who->token) {
			return true;
		}
	}
	return false;
}

// --- the password

static void finish(struct attempt *attempt, const struct es_login_result *result) {
	struct es_login *login = attempt->login;
	void (*done)(void *, const struct es_login_result *) = attempt->done;
	void *data = attempt->data;
	struct attempt **at = &login->attempts;
	while (*at != attempt) {
		at = &(*at)->next;
	}
	*at = attempt->next;
	free_attempt(attempt);
	if (done != NULL) {
		done(data, result);
	}
}

static void finish_failed(struct attempt *attempt, unsigned status, const char *text) {
	struct es_login_result result = {.status = status, .text = text};
	finish(attempt, &result);
}

static void finish_busy(struct attempt *attempt) {
	finish(attempt,
			&(struct es_login_result){.status = 429,
					.text = "others are trying passwords at this moment; try again in a second",
					.wait_s = 1});
}

static void finish_done(struct attempt *attempt, bool begin) {
	struct es_login_result result = {.status = 200, .text = ""};
	if (begin) {
		begin_session(attempt->login, result.secret);
	}
	finish(attempt, &result);
	crypto_wipe(&result, sizeof(result));
}

static void on_fresh_hash(void *data, const char *hash) {
	struct attempt *attempt = data;
	struct es_login *login = attempt->login;
	struct es_login_store *store = &login->store;
	char before[ES_PASSWORD_HASH_MAX], error[1024];
	memcpy(before, store->password, sizeof(before));
	// Whoever set one in the meantime has used the link up.
	if (strcmp(attempt->against, before) != 0) {
		finish_failed(attempt, 409, "the password was set by somebody else in this moment");
		return;
	}
	if (hash == NULL || strlen(hash) >= sizeof(store->password)) {
		finish_failed(attempt, 500, "the password could not be hashed");
		return;
	}
	memcpy(store->password, hash, strlen(hash) + 1);
	if (!login_store_save(store, error, sizeof(error))) {
		es_log(ES_LOG_ERROR, "the console's password was not set: %s", error);
		memcpy(store->password, before, sizeof(before));
		finish_failed(attempt, 500, "the password could not be written; see the host's log");
		return;
	}
	login_store_drop_setup(store);
	end_all(login);
	es_log(ES_LOG_INFO, "the console's password was set from %s", attempt->peer);
	finish_done(attempt, true);
}

static void set_fresh(struct attempt *attempt) {
	if (!password_hash(attempt->login->jobs, attempt->fresh, NULL, on_fresh_hash, attempt)) {
		finish_busy(attempt);
	}
}

static bool is_same_text(const char *a, const char *b) {
	return strlen(a) == strlen(b) && crypto_equal(a, b, strlen(a));
}

static void on_checked(void *data, const char *hash) {
	struct attempt *attempt = data;
	struct es_login *login = attempt->login;
	if (hash == NULL) {
		finish_failed(attempt, 500, "the password could not be checked");
		return;
	}
	if (!is_same_text(hash, attempt->against) ||
			strcmp(attempt->against, login->store.password) != 0) {
		es_log(ES_LOG_WARN, "a wrong password for the console from %s", attempt->peer);
		finish_failed(
				attempt, attempt->wish == ES_LOGIN_ENTER ? 401 : 403, "the password is wrong");
		return;
	}
	login_limit_succeed(&login->limit, attempt->peer);
	struct session *session = find_session(login, attempt->session);
	if (attempt->wish == ES_LOGIN_CHANGE) {
		set_fresh(attempt);
	} else if (attempt->wish == ES_LOGIN_ENTER) {
		es_log(ES_LOG_INFO, "somebody has logged in to the console from %s", attempt->peer);
		finish_done(attempt, true);
	} else if (session == NULL) {
		finish_failed(attempt, 401, "the login has ended; log in again");
	} else {
		session->confirmed_ns = clock_now_ns();
		finish_done(attempt, false);
	}
}

static struct attempt *begin_attempt(struct es_login *login, const struct es_login_try *wanted) {
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	if (attempt == NULL) {
		return NULL;
	}
	attempt->login = login;
	attempt->wish = wanted->wish;
	attempt->session = wanted->session;
	attempt->done = wanted->done;
	attempt->data = wanted->data;
	snprintf(attempt->peer, sizeof(attempt->peer), "%s", wanted->peer);
	snprintf(attempt->against, sizeof(attempt->against), "%s", login->store.password);
	if (wanted->fresh != NULL) {
		snprintf(attempt->fresh, sizeof(attempt->fresh), "%s", wanted->fresh);
	}
	attempt->next = login->attempts;
	login->attempts = attempt;
	return attempt;
}

static void say_wait(const struct es_login_try *wanted, uint32_t wait_s) {
	char text[128];
	snprintf(text, sizeof(text), "too many wrong passwords; try again in %u seconds", wait_s);
	struct es_login_result result = {.status = 429, .text = text, .wait_s = wait_s};
	wanted->done(wanted->data, &result);
}

static void say(const struct es_login_try *wanted, unsigned status, const char *text) {
	struct es_login_result result = {.status = status, .text = text};
	wanted->done(wanted->data, &result);
}

static bool is_setup(const struct es_login *login, const char *setup) {
	const char *ours = login_setup(login);
	return ours != NULL && is_same_text(ours, setup);
}

void login_try(struct es_login *login, const struct es_login_try *wanted) {
	bool by_link = wanted->wish == ES_LOGIN_SET;
	if (!by_link && !login_has_password(login)) {
		say(wanted, 409,
				"no password is set yet; open the one-time link that `earthshine console` prints");
		return;
	}
	uint32_t wait_s = login_limit_try(&login->limit, wanted->peer, clock_now_ns());
	if (wait_s > 0) {
		say_wait(wanted, wait_s);
		return;
	}
	if (by_link && !is_setup(login, wanted->setup)) {
		say(wanted, 403,
				"this link was used already, or is another host's; `earthshine console` prints the "
				"one that is good");
		return;
	}
	struct attempt *attempt = begin_attempt(login, wanted);
	if (attempt == NULL) {
		say(wanted, 500, "out of memory");
	} else if (by_link) {
		login_limit_succeed(&login->limit, wanted->peer);
		set_fresh(attempt);
	} else if (!password_hash(
					   login->jobs, wanted->password, login->store.password, on_checked, attempt)) {
		finish_busy(attempt);
	}
}

void login_forget(struct es_login *login, const void *data) {
	for (struct attempt *attempt = login->attempts; attempt != NULL; attempt = attempt->next) {
		if (attempt->data == data) {
			attempt->done = NULL;
		}
	}
}

// --- tokens

size_t login_tokens(const struct es_login *login, struct es_login_token *out, size_t cap) {
	size_t n = login->store.n_tokens < cap ? login->store.n_tokens : cap;
	for (size_t i = 0; i < n; i++) {
		out[i] = login->store.tokens[i].told;
	}
	return n;
}

bool login_make_token(struct es_login *login, const char *name, enum es_role role,
		struct es_login_token *told, char secret[ES_LOGIN_TOKEN_SIZE], char *error, size_t cap) {
	struct es_login_store *store = &login->store;
	uint8_t bytes[ES_SHA256_SIZE];
	if (store->n_tokens == ES_LOGIN_MAX_TOKENS || store->next_token == UINT32_MAX) {
		snprintf(error, cap, "there are %d tokens already; delete one first", ES_LOGIN_MAX_TOKENS);
		return false;
	}
	struct es_login_kept_token *token = &store->tokens[store->n_tokens];
	*token = (struct es_login_kept_token){
			.told = {.id = store->next_token, .role = role, .created_at = time(NULL)}};
	if (name[0] == '\0' || strlen(name) >= sizeof(token->told.name) || !safe_text_is(name)) {
		snprintf(error, cap, "the name must have 1 to %zu bytes of plain text",
				sizeof(token->told.name) - 1);
		return false;
	}
	memcpy(token->told.name, name, strlen(name) + 1);
	crypto_random(bytes, sizeof(bytes));
	memcpy(secret, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
	hex_encode(bytes, sizeof(bytes), secret + strlen(TOKEN_PREFIX));
	crypto_wipe(bytes, sizeof(bytes));
	crypto_sha256(secret, strlen(secret), token->hash);
	store->n_tokens++;
	store->next_token++;
	if (!login_store_save(store, error, cap)) {
		store->n_tokens--;
		return false;
	}
	*told = token->told;
	return true;
}

bool login_drop_token(struct es_login *login, uint32_t id, bool *known, char *error, size_t cap) {
	struct es_login_store before = login->store;
	struct es_login_store *store = &login->store;
	*known = false;
	for (size_t i = 0; i < store->n_tokens; i++) {
		if (store->tokens[i].told.id == id) {
			*known = true;
			memmove(&store->tokens[i], &store->tokens[i + 1],
					(store->n_tokens - i - 1) * sizeof(store->tokens[0]));
			store->n_tokens--;
		}
	}
	if (!*known || !login_store_save(store, error, cap)) {
		*store = before;
		return false;
	}
	tell_ended(login);
	return true;
}
