// Logins, the password, tokens, and where the console is.
#include <stdio.h>
#include <string.h>

#include "host/api_route.h"
#include "host/gamestream.h"
#include "host/login.h"
#include "host/web_address.h"
#include "host/web_cookie.h"
#include "protocol/crypto.h"

#define CONTROL_SOCKET_ONLY "over the control socket only"

static const char no_console[] = "there is no console: console-port is off";

// --- logging in

static const struct es_api_field password_fields[] = {
		{"password", ES_API_TEXT, true, .min = 1, .max = ES_LOGIN_PASSWORD_MAX,
				.help = "the console's"},
		{NULL},
};

static const struct es_api_field fresh_fields[] = {
		{"password", ES_API_TEXT, true, .min = ES_LOGIN_PASSWORD_MIN, .max = ES_LOGIN_PASSWORD_MAX,
				.help = "the new one"},
		{"setup", ES_API_TEXT, .min = 1, .max = ES_LOGIN_SECRET_SIZE - 1,
				.help = "what the one-time link has behind setup="},
		{"old", ES_API_TEXT, .min = 1, .max = ES_LOGIN_PASSWORD_MAX,
				.help = "the password up to now, if there is no one-time link"},
		{NULL},
};

static void forget(struct es_api_call *call) {
	login_forget(call->host->login, call);
}

static void on_tried(void *data, const struct es_login_result *result) {
	struct es_api_call *call = data;
	struct es_web_visit *visit = call->visit;
	if (result->status != 200) {
		if (result->wait_s > 0) {
			snprintf(visit->retry_after, sizeof(visit->retry_after), "%u", result->wait_s);
		}
		api_end_error(call, result->status, result->text);
		return;
	}
	if (result->secret[0] != '\0') {
		web_cookie_write(visit->cookie, sizeof(visit->cookie), visit->secure, result->secret);
	}
	yyjson_mut_val *root;
	yyjson_mut_doc *doc = api_begin(&root);
	api_end(call, 200, doc);
}

// The call may be gone when it returns.
static enum es_api_outcome attempt(
		struct es_api_request *request, enum es_login_wish wish, const char *password) {
	struct es_web_visit *visit = request->call->visit;
	if (visit == NULL) {
		return api_refuse(request, 400, "this is for browsers, over HTTPS");
	}
	struct es_login_try wanted = {
			.wish = wish,
			.peer = visit->peer,
			.password = password,
			.fresh = api_text(request, "password"),
			.setup = api_text(request, "setup"),
			.session = visit->who.session,
			.done = on_tried,
			.data = request->call,
	};
	request->call->waits = true;
	request->call->forget = forget;
	login_try(request->host->login, &wanted);
	return ES_API_LATER;
}

static enum es_api_outcome enter(struct es_api_request *request) {
	return attempt(request, ES_LOGIN_ENTER, api_text(request, "password"));
}

static enum es_api_outcome confirm(struct es_api_request *request) {
	if (request->call->visit == NULL || request->call->visit->who.session == 0) {
		return api_refuse(request, 400, "only a login can be confirmed");
	}
	return attempt(request, ES_LOGIN_CONFIRM, api_text(request, "password"));
}

static enum es_api_outcome set_password(struct es_api_request *request) {
	const char *old = api_text(request, "old");
	if (api_has(request, "setup") == (old != NULL)) {
		return api_refuse(request, 400, "either 'setup' or 'old' is needed, and not both");
	}
	if (old != NULL && (request->call->visit == NULL || request->call->visit->who.session == 0)) {
		return api_refuse(request, 401, "log in first");
	}
	return attempt(request, old != NULL ? ES_LOGIN_CHANGE : ES_LOGIN_SET, old);
}

static enum es_api_outcome leave(struct es_api_request *request) {
	struct es_web_visit *visit = request->call->visit;
	if (visit != NULL) {
		login_end(request->host->login, visit->who.session);
		web_cookie_write(visit->cookie, sizeof(visit->cookie), visit->secure, "");
	}
	return ES_API_DONE;
}

static const struct es_api_field me_fields[] = {
		{"role", ES_API_TEXT, true, .help = "none, view, play or admin"},
		{"login", ES_API_BOOL, true, .help = "by a password, which can be confirmed"},
		{"confirmed_s", ES_API_NUMBER, true, .help = "how long what needs the password is open"},
		{"password_set", ES_API_BOOL, true, .help = "false: the one-time link comes first"},
		{NULL},
};
static const struct es_api_schema me_schema = {"Me", me_fields};

static enum es_api_outcome tell_me(struct es_api_request *request) {
	const struct es_web_visit *visit = request->call->visit;
	yyjson_mut_doc *doc = request->doc;
	yyjson_mut_val *root = request->root;
	yyjson_mut_obj_add_str(doc, root, "role", role_name(request->call->role));
	yyjson_mut_obj_add_bool(doc, root, "login", visit != NULL && visit->who.session != 0);
	yyjson_mut_obj_add_uint(doc, root, "confirmed_s", visit != NULL ? visit->who.confirmed_s : 0);
	yyjson_mut_obj_add_bool(doc, root, "password_set", login_has_password(request->host->login));
	return ES_API_DONE;
}

// --- tokens

static const struct es_api_field token_fields[] = {
		{"id", ES_API_NUMBER, true, .help = "never used again"},
		{"name", ES_API_TEXT, true, .help = "what it is for"},
		{"role", ES_API_TEXT, true, .help = "view, play or admin"},
		{"created_at", ES_API_NUMBER, true, .help = "seconds since 1970"},
		{"token", ES_API_TEXT, .help = "the secret, told this once: Authorization: Bearer TOKEN"},
		{NULL},
};
static const struct es_api_schema token_schema = {"Token", token_fields};

static const struct es_api_field tokens_fields[] = {
		{"tokens", ES_API_OBJECTS, true, .of = &token_schema,
				.help = "in the order they were made"},
		{NULL},
};
static const struct es_api_schema tokens_schema = {"Tokens", tokens_fields};

static const char *const roles[] = {"view", "play", "admin", NULL};

static const struct es_api_field make_fields[] = {
		{"name", ES_API_TEXT, true, .min = 1, .max = ES_LOGIN_TOKEN_NAME_MAX - 1,
				.help = "what it is for"},
		{"role", ES_API_TEXT, true, .min = 1, .max = 8, .words = roles, .help = "what it may"},
		{NULL},
};

static void add_token(
		yyjson_mut_doc *doc, yyjson_mut_val *item, const struct es_login_token *token) {
	yyjson_mut_obj_add_uint(doc, item, "id", token->id);
	api_add_text(doc, item, "name", token->name);
	yyjson_mut_obj_add_str(doc, item, "role", role_name(token->role));
	yyjson_mut_obj_add_sint(doc, item, "created_at", token->created_at);
}

static enum es_api_outcome list_tokens(struct es_api_request *request) {
	struct es_login_token tokens[ES_LOGIN_MAX_TOKENS];
	size_t n = login_tokens(request->host->login, tokens, ES_LOGIN_MAX_TOKENS);
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "tokens");
	for (size_t i = 0; i < n; i++) {
		add_token(request->doc, yyjson_mut_arr_add_obj(request->doc, items), &tokens[i]);
	}
	return ES_API_DONE;
}

static enum es_api_outcome make_token(struct es_api_request *request) {
	struct es_login_token token;
	enum es_role role = ES_ROLE_VIEW;
	char secret[ES_LOGIN_TOKEN_SIZE], error[1024];
	role_parse(api_text(request, "role"), &role); // it is one of the words
	if (!login_make_token(request->host->login, api_text(request, "name"), role, &token, secret,
				error, sizeof(error))) {
		return api_refuse(request, 409, "%s", error);
	}
	add_token(request->doc, request->root, &token);
	yyjson_mut_obj_add_strcpy(request->doc, request->root, "token", secret);
	crypto_wipe(secret, sizeof(secret));
	return ES_API_DONE;
}

static enum es_api_outcome drop_token(struct es_api_request *request) {
	char error[1024];
	bool known;
	if (login_drop_token(request->host->login, request->id, &known, error, sizeof(error))) {
		return ES_API_DONE;
	}
	return known ? api_refuse(request, 500, "%s", error)
				 : api_refuse(request, 404, "there is no token %u", request->id);
}

// --- the console's address

static const struct es_api_field console_fields[] = {
		{"addresses", ES_API_TEXTS, true, .help = "URLs of the console, the likeliest first"},
		{"password_set", ES_API_BOOL, true, .help = "false: the one-time link comes first"},
		{"setup", ES_API_TEXT,
				.help = "what a one-time link has behind #setup=; " CONTROL_SOCKET_ONLY},
		{NULL},
};
static const struct es_api_schema console_schema = {"Console", console_fields};

static enum es_api_outcome tell_console(struct es_api_request *request) {
	const struct es_api_host *host = request->host;
	char addresses[ES_WEB_MAX_ADDRESSES][ES_WEB_ADDRESS_SIZE];
	size_t n = web_address_list(host->settings, host->ports->console, addresses);
	if (n == 0) {
		return api_refuse(request, 409, "%s", no_console);
	}
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "addresses");
	for (size_t i = 0; i < n; i++) {
		yyjson_mut_arr_add_strcpy(request->doc, items, addresses[i]);
	}
	yyjson_mut_obj_add_bool(
			request->doc, request->root, "password_set", login_has_password(host->login));
	const char *setup = login_setup(host->login);
	if (setup != NULL && request->call->visit == NULL) {
		yyjson_mut_obj_add_strcpy(request->doc, request->root, "setup", setup);
	}
	return ES_API_DONE;
}

static enum es_api_outcome reset_console(struct es_api_request *request) {
	char error[1024];
	if (request->call->visit != NULL) {
		return api_refuse(request, 403, "a one-time link is had " CONTROL_SOCKET_ONLY);
	}
	if (!login_make_setup(request->host->login, error, sizeof(error))) {
		return api_refuse(request, 500, "%s", error);
	}
	return tell_console(request);
}

const struct es_route api_login_routes[] = {
		{"GET", "/me", ES_ROLE_NONE, .answer = &me_schema, .handle = tell_me,
				.help = "Who is asking, and what they may"},
		{"POST", "/login", ES_ROLE_NONE, .fields = password_fields, .handle = enter,
				.help = "Logs a browser in: the answer sets its cookie"},
		{"POST", "/logout", ES_ROLE_NONE, .handle = leave, .help = "Ends the login"},
		{"POST", "/confirm", ES_ROLE_ADMIN, .fields = password_fields, .handle = confirm,
				.help = "Opens what needs the password for ten minutes"},
		{"POST", "/password", ES_ROLE_NONE, .fields = fresh_fields, .handle = set_password,
				.help = "Sets the password, by the one-time link or by the old one; all logins end, "
						"and this one begins"},
		{"GET", "/tokens", ES_ROLE_ADMIN, .answer = &tokens_schema, .handle = list_tokens,
				.help = "The tokens of scripts, without their secrets"},
		{"POST", "/tokens", ES_ROLE_ADMIN, true, make_fields, &token_schema,
				"Makes a token; its secret is told this once", make_token},
		{"DELETE", "/tokens/{id}", ES_ROLE_ADMIN, true, .handle = drop_token,
				.help = "Deletes a token: who uses it is out at once"},
		{"GET", "/console", ES_ROLE_ADMIN, .answer = &console_schema, .handle = tell_console,
				.help = "Where the console is"},
		{"POST", "/console/reset", ES_ROLE_ADMIN, true, .answer = &console_schema,
				.handle = reset_console,
				.help = "Makes a new one-time link, with which the password can be set anew"},
		{NULL},
};
